import dataclasses
import json
import re

import pytest

from preprocessing.dataset_info import load_info, sha256_of_file
from preprocessing.errors import InputError
from preprocessing.files import sha256_of
from tests.conftest import CONTEXT, question
from tests.examples import read_dataset
from tests.preprocessing.jobs import TWO_PROCESSES, TWO_THREADS, build, imdb_spec, squad_spec
from tests.preprocessing.reference import reference_tokenizer


def files(folder):
    """Name -> content of every file but info.json, which names the sources."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "info.json"}


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """An aclImdb folder of 41 reviews, of which one is empty and one is not UTF-8."""
    folder = tmp_path_factory.mktemp("reviews") / "aclImdb"
    contents = {f"train/pos/{i}_9": f"I loved film {i}.".encode() for i in range(12)}
    contents |= {f"train/neg/{i}_2": f"I left film {i} early.".encode() for i in range(12)}
    contents |= {f"test/pos/{i}_8": f"Film {i} is a joy. ".encode() * i for i in range(1, 16)}
    contents |= {"train/pos/90_9": b" \n", "test/neg/91_1": b"caf\xe9"}
    for name, content in contents.items():
        path = folder / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def imdb_data(reviews, vocabulary_path, tmp_path_factory):
    """The reviews' data set, with a quarter of the training reviews for validation."""
    folder = tmp_path_factory.mktemp("imdb_data")
    build(imdb_spec(reviews, vocabulary_path, 32, 0.25), folder)
    return folder


def test_records_are_what_the_reviews_say(imdb_data, reviews, vocabulary_path):
    tokenizer = reference_tokenizer(vocabulary_path)
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    splits = read_dataset("imdb", imdb_data)
    assert {name: len(records) for name, records in splits.items()} == {
        "test": 15,
        "train": 24 - len(splits["validation"]),
        "validation": len(splits["validation"]),
    }
    for record in (record for records in splits.values() for record in records):
        text = (reviews / f"{record['id']}.txt").read_text()
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert record["token_ids"] == [cls, *ids[:30], sep]
        assert record["label"] == ("pos" in record["id"])
    assert {r["id"].partition("/")[0] for r in splits["train"] + splits["validation"]} == {"train"}


def test_info_describes_the_data_set(imdb_data, reviews, vocabulary_path):
    info, splits = load_info(imdb_data), read_dataset("imdb", imdb_data)
    assert (info.task, info.lowercase, info.has_unanswerable) == ("imdb", True, False)
    assert info.rejected == {"empty_text": 1, "invalid_utf8": 1}
    assert info.parameters == {"max_seq_length": 32, "num_shards": 2}
    assert info.vocabulary_sha256 == sha256_of_file(vocabulary_path)
    assert info.vocabulary_sha256 == sha256_of_file(imdb_data / info.vocabulary_file)
    assert info.sources == {str(reviews): sha256_of(str(reviews))}
    assert (info.read, info.labels) == (41, ["neg", "pos"])
    assert sorted(info.versions) == ["apache-beam", "bertline", "tensorflow", "tensorflow-text"]
    test = info.splits["test"]
    lengths = [len(record["token_ids"]) for record in splits["test"]]
    assert (test.records, test.examples, test.tokens) == (15, 15, sum(lengths))
    assert test.length_histogram == {"32": 15}
    assert test.labels == {"pos": 15}
    names = [re.fullmatch(r"test-0000(\d)-of-00002-[0-9a-f]{8}.tfrecord", n) for n in test.shards]
    assert [name[1] for name in names] == ["0", "1"]


def test_rejected_reviews_are_listed_with_file_and_reason(imdb_data, reviews):
    def entry(split, name, reason):
        source = f"{reviews}:aclImdb/{name}.txt"
        return {"split": split, "source": source, "id": name, "reason": reason}

    def listed(split):
        (path,) = imdb_data.glob(f"rejected-{split}-*.jsonl")
        return [json.loads(line) for line in path.open()]

    assert listed("train") + listed("test") == [
        entry("train", "train/pos/90_9", "empty_text"),
        entry("test", "test/neg/91_1", "invalid_utf8"),
    ]


def test_no_other_files_are_left(imdb_data):
    names = {path.name for path in imdb_data.iterdir()}
    assert names == {"info.json", *load_info(imdb_data).files()}
    assert sorted(name.partition("-")[0] for name in names) == [
        "info.json", "rejected", "rejected",
        *("test", "test", "train", "train", "validation", "validation"),
        "vocab",
    ]  # fmt: skip
    assert not list(imdb_data.parent.glob(".imdb_data*"))


@pytest.mark.parametrize(
    "beam_flags", [[], TWO_THREADS, pytest.param(TWO_PROCESSES, marks=pytest.mark.slow)]
)
def test_the_same_reviews_give_the_same_files(
    imdb_data, reviews, vocabulary_path, tmp_path, beam_flags
):
    build(imdb_spec(reviews, vocabulary_path, 32, 0.25), tmp_path, beam_flags)
    assert load_info(tmp_path) == load_info(imdb_data)
    assert files(tmp_path) == files(imdb_data)


def test_the_order_of_sources_and_paragraphs_does_not_matter(
    small_squad, vocabulary_path, tmp_path
):
    # The ids q1 and q2 stand in both files, with different questions.
    a = str(small_squad(question("q1"), question("q2"), question("q3"), name="a.json"))
    b = str(small_squad(question("q1", "When?", "1894"), question("q2", "By whom?"), name="b.json"))
    for folder, sources in (("ab", [a, b]), ("ba", [b, a])):
        spec = squad_spec(dict.fromkeys(sources, "train"), vocabulary_path)
        build(spec, tmp_path / folder)
    assert files(tmp_path / "ab") == files(tmp_path / "ba")
    first, second = (load_info(tmp_path / folder) for folder in ("ab", "ba"))
    assert (first.digest, first.splits) == (second.digest, second.splits)


def test_another_text_gives_another_digest(small_squad, vocabulary_path, tmp_path):
    digests = set()
    for text in ("Who built it?", "Who lit it?"):
        spec = squad_spec({str(small_squad(question("q1", text))): "train"}, vocabulary_path)
        digests.add(build(spec, tmp_path / "data").digest)
    assert len(digests) == 2


def test_squad_windows_and_splits(small_squad, vocabulary_path, tmp_path):
    train = small_squad(
        question("q1"),
        {"id": "q2", "question": "Why?", "is_impossible": True, "answers": []},
        name="a.json",
    )
    dev = small_squad(
        question("d1", answer="1894"), question("d2", answer="Ada", start=0), name="b.json"
    )
    spec = squad_spec({str(train): "train", str(dev): "validation"}, vocabulary_path)
    info = build(spec, tmp_path / "data")
    assert info.has_unanswerable
    assert info.rejected == {"answer_not_at_answer_start": 1}
    assert {name: (s.records, s.examples) for name, s in info.splits.items()} == {
        "train": (2, 2),
        "validation": (1, 1),
    }
    tokenizer = reference_tokenizer(vocabulary_path)
    records = read_dataset("squad", tmp_path / "data")
    (dev_record,) = records["validation"]
    answer = dev_record["token_ids"][dev_record["start_token"] : dev_record["end_token"] + 1]
    assert tokenizer.decode(answer) == "1894"
    impossible = {record["id"]: record["is_impossible"] for record in records["train"]}
    assert impossible == {"q1": 0, "q2": 1}
    (rejected,) = (tmp_path / "data").glob("rejected-validation-*.jsonl")
    assert json.loads(rejected.read_text())["id"] == "d2"


def test_half_characters_do_not_move_the_answer(small_squad, vocabulary_path, tmp_path):
    context = f"\ud83d {CONTEXT}"
    path = small_squad(question("q1", start=30), context=context)
    build(squad_spec({str(path): "train"}, vocabulary_path), tmp_path / "data")
    (record,) = read_dataset("squad", tmp_path / "data")["train"]
    answer = record["token_ids"][record["start_token"] : record["end_token"] + 1]
    assert reference_tokenizer(vocabulary_path).decode(answer) == "ada mills"


def test_a_new_run_replaces_the_whole_data_set(small_squad, vocabulary_path, tmp_path):
    good, bad = question("q1"), question("q2", start=0)
    data = tmp_path / "data"
    path = str(small_squad(good, bad))
    build(squad_spec({path: "train"}, vocabulary_path, num_shards=5), data)
    assert list(data.glob("rejected-train-*.jsonl"))
    (data / "notes.txt").write_text("not ours")
    small_squad(question("q3"))
    build(squad_spec({path: "validation"}, vocabulary_path, num_shards=1), data)
    assert [path.name.partition("-")[0] for path in sorted(data.iterdir())] == [
        "info.json",
        "notes.txt",
        "validation",
        "vocab",
    ]


@pytest.mark.parametrize("beam_flags", [[], TWO_THREADS], ids=["one", "two-threads"])
def test_a_job_that_fails_leaves_the_older_data_set(
    small_squad, vocabulary_path, tmp_path, beam_flags
):
    good = str(small_squad(question("q1"), name="good.json"))
    broken = tmp_path / "broken.json"
    broken.write_text('{"data": [')
    data = tmp_path / "data"
    build(squad_spec({good: "train"}, vocabulary_path), data)
    before = files(data) | {"info.json": (data / "info.json").read_bytes()}
    sources = {good: "train", str(broken): "validation"}
    with pytest.raises(InputError) as caught:
        build(squad_spec(sources, vocabulary_path), data, beam_flags)
    assert str(caught.value) == f"{broken}: broken JSON at line 1 column 11: Expecting value."
    assert files(data) | {"info.json": (data / "info.json").read_bytes()} == before


def test_a_job_without_records_is_an_error_and_leaves_nothing(
    small_squad, vocabulary_path, tmp_path
):
    path = small_squad(question("q1", start=0))
    with pytest.raises(
        InputError, match="no record came out; rejected: 1 answer_not_at_answer_start"
    ):
        build(squad_spec({str(path): "train"}, vocabulary_path), tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_errors_of_ours_in_a_worker_are_not_taken_for_bad_input(vocabulary_path, tmp_path):
    (tmp_path / "a.json").write_text("{}")
    spec = squad_spec({str(tmp_path / "a.json"): "train"}, vocabulary_path)
    with pytest.raises(ZeroDivisionError):
        build(dataclasses.replace(spec, read=_divide_by_zero), tmp_path / "data")


def _divide_by_zero(source, split):
    yield 1 / 0
