import dataclasses

import pytest
from rich.console import Console

from preprocessing import dataset_report
from preprocessing.dataset_info import DatasetInfo, SplitInfo
from preprocessing.errors import InputError

TRAIN = SplitInfo(
    records=40,
    examples=40,
    tokens=4012,
    shards=["train.tfrecord"],
    length_histogram={"64": 20, "128": 17, "256": 3},
    labels={"neg": 4, "pos": 36},
)
TEST = dataclasses.replace(
    TRAIN,
    records=2,
    examples=2,
    tokens=70,
    shards=["test.tfrecord"],
    length_histogram={"64": 2},
    labels={"neg": 1, "pos": 1},
)
INFO = DatasetInfo(
    task="imdb",
    splits={"test": TEST, "train": TRAIN},
    rejected={"empty_text": 1, "unknown_label": 7},
    parameters={"max_seq_length": 256, "num_shards": 1},
    vocabulary_sha256="ab" * 32,
    lowercase=False,
    sources={"a.csv": "01" * 32},
    digest="23" * 32,
    versions={"bertline": "0.1.0"},
    vocabulary_file="vocab-abababab.txt",
    read=50,
    rejected_files=["rejected-train-01234567.jsonl"],
    labels=["neg", "pos"],
    duplicates={
        "texts": {"within": {"train": 3, "test": 0}, "between": {"train+test": 1}, "conflicting": 2}
    },
)


def lines(part):
    """What a file gets of it, without the frames."""
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(part)
    split = (line.strip(" │┃").replace("┃", "│").split("│") for line in capture.get().split("\n"))
    rows = [[cell.strip() for cell in row] for row in split]
    return [row for row in rows if not set("".join(row)) & set("━─")]


@pytest.fixture
def data_dir(tmp_path):
    """A folder with all files that INFO names."""
    for name in INFO.files():
        (tmp_path / name).touch()
    return tmp_path


def parts(info, data_dir):
    return [lines(part) for part in dataset_report.tables(info, data_dir)]


def warnings(data_dir, **changes):
    info = dataclasses.replace(INFO, duplicates={}, rejected={}, **changes)
    return list(dataset_report.warnings(info, data_dir))


def test_facts(data_dir):
    facts = [" ".join(row[0].split()) for row in parts(INFO, data_dir)[0]]
    assert facts == [
        f"data set {data_dir}",
        "task imdb",
        "sources a.csv (SHA-256 01010101…)",
        "read 50 source records, 8 of them rejected",
        "duplicates texts repeated within train: 3",
        "texts in both train and test: 1",
        "texts with different labels: 2",
        "parameters max_seq_length 256",
        "num_shards 1",
        "vocabulary vocab-abababab.txt, cased",
        "versions bertline 0.1.0",
        f"digest {'23' * 32}",
        "",
    ]


def test_splits_stand_in_the_order_of_their_use(data_dir):
    assert parts(INFO, data_dir)[1] == [
        ["splits"],
        ["train", "test"],
        ["texts", "40", "2"],
        ["records", "40", "2"],
        ["tokens", "4,012", "70"],
        ["mean tokens a record", "100.3", "35.0"],
        ["median", "≤ 64", "≤ 64"],
        ["90th percentile", "≤ 128", "≤ 64"],
        ["longest", "≤ 256", "≤ 64"],
        [""],
    ]


def test_buckets_without_a_record_are_left_out(data_dir):
    assert parts(INFO, data_dir)[2] == [
        ["records by bucket"],
        ["tokens", "train", "test"],
        ["33-64", "20   50.0 %", "2  100.0 %"],
        ["97-128", "17   42.5 %", "0    0.0 %"],
        ["193-256", "3    7.5 %", "0    0.0 %"],
        [""],
    ]


def test_labels_with_the_most_frequent_first(data_dir):
    assert parts(INFO, data_dir)[3][2:4] == [
        ["pos", "36   90.0 %", "1   50.0 %"],
        ["neg", "4   10.0 %", "1   50.0 %"],
    ]


def test_many_labels_are_cut_to_twenty(data_dir):
    train = dataclasses.replace(TRAIN, labels={f"label {i:02}": 1 for i in range(40)})
    rows = parts(dataclasses.replace(INFO, splits={"train": train}), data_dir)[3][2:]
    assert rows[0] == ["label 00", "1    2.5 %"]
    assert rows[19:] == [["label 19", "1    2.5 %"], ["20 more"], [""]]


def test_rejected_by_reason_with_the_files_that_list_them(data_dir):
    assert parts(INFO, data_dir)[4] == [
        ["source records that were rejected"],
        ["reason", "records", "of all read"],
        ["unknown_label", "7", "14 %"],
        ["empty_text", "1", "2 %"],
        ["listed in rejected-train-01234567.jsonl"],
        [""],
    ]


def test_names_from_outside_are_shown_as_they_are(data_dir):
    """No style, no emoji, and nothing that steers a terminal."""
    train = dataclasses.replace(TRAIN, labels={"[red]": 39, ":smile:\x1b[2J": 1})
    info = dataclasses.replace(INFO, splits={"train": train}, sources={"[bold].csv": "01" * 32})
    shown = parts(info, data_dir)
    assert "[bold].csv (SHA-256 01010101…)" in shown[0][2][0]
    assert [row[0] for row in shown[3][2:4]] == ["[red]", ":smile:\\x1b[2J"]


def test_warnings_of_a_data_set_that_has_everything_wrong(data_dir):
    (data_dir / "test.tfrecord").unlink()
    rare = dataclasses.replace(TRAIN, labels={"neg": 3, "pos": 37})
    info = dataclasses.replace(INFO, splits={"test": TEST, "train": rare})
    assert list(dataset_report.warnings(info, data_dir)) == [
        f"1 of 4 files are not in {data_dir}: test.tfrecord",
        "8 of 50 source records are rejected and in no split",
        "texts in both train and test: 1. Scores on these say nothing about new ones.",
        "texts with different labels: 2",
        "train has few examples of neg (7.5 %)",
    ]


def test_no_warnings_of_good_data(data_dir):
    assert warnings(data_dir) == []


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({"neg": 4, "pos": 36}, [], id="a-tenth-is-enough"),
        pytest.param({"neg": 3, "pos": 37}, ["neg (7.5 %)"], id="less"),
        pytest.param({"pos": 40}, ["neg (0 %)"], id="none"),
        pytest.param({"neg": 2, "pos": 1}, ["neg (5 %)", "pos (2.5 %)"], id="both"),
    ],
)
def test_warning_of_rare_labels(data_dir, labels, expected):
    splits = {"train": dataclasses.replace(TRAIN, labels=labels)}
    shown = ", ".join(expected)
    assert warnings(data_dir, splits=splits) == (
        [f"train has few examples of {shown}"] if expected else []
    )


def test_of_many_labels_half_an_equal_share_is_enough(data_dir):
    labels = {f"l{i}": 5 for i in range(8)}  # 12.5 % each; the limit is 6.25 %
    splits = {"train": dataclasses.replace(TRAIN, labels=labels | {"l0": 3, "l1": 2})}
    assert warnings(data_dir, splits=splits, labels=list(labels)) == [
        "train has few examples of l1 (5 %)"
    ]


def test_questions_without_an_answer_count_as_a_label(data_dir):
    splits = {
        "train": dataclasses.replace(TRAIN, labels={"answerable": 20, "unanswerable": 20}),
        "test": dataclasses.replace(TEST, labels={"answerable": 2}),
    }
    assert warnings(data_dir, task="squad", splits=splits, labels=[]) == [
        "test has few examples of unanswerable (0 %)"
    ]


@pytest.mark.parametrize(
    ("limit", "task", "expected"),
    [
        (120, "imdb", ["texts are cut off at --max_seq_length 120: up to 42.5 % of train"]),
        (128, "imdb", ["texts are cut off at --max_seq_length 128: up to 42.5 % of train"]),
        pytest.param(256, "imdb", [], id="less-than-a-tenth"),
        pytest.param(128, "squad", [], id="windows-cover-all"),
    ],
)
def test_warning_of_texts_that_are_cut(data_dir, limit, task, expected):
    assert warnings(data_dir, task=task, parameters={"max_seq_length": limit}) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"read": 49}, "info.json has read 49, expected the 50 that its other counts add up to"),
        ({"splits": {}, "rejected": {}, "read": 0}, "has read 0, expected the 0 .* at least 1"),
        (
            {"splits": {"train": dataclasses.replace(TRAIN, records=41)}, "read": 48},
            "has train: records 41, expected the 40",
        ),
    ],
)
def test_counts_that_contradict_each_other(tmp_path, changes, message):
    dataset_report.check_counts(INFO, tmp_path)
    with pytest.raises(InputError, match=message):
        dataset_report.check_counts(dataclasses.replace(INFO, **changes), tmp_path)
