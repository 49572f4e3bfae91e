import json
import pathlib
import subprocess
import sys

import pytest

from preprocessing import __main__ as preprocessing_command
from preprocessing import inspect as command
from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError

ROOT = pathlib.Path(__file__).parents[2]
WORDS = (
    "[PAD] [UNK] [CLS] [SEP] the a light ##house was built by ada mills in 18 ##94 . who when ? "
    "it how tall is"
)
CONTEXT = "The lighthouse was built by Ada Mills in 1894."
ROWS = ["A lighthouse,good", "A mill,good", "Ada,good", "ada,bad", ",good"]


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("".join(f"{word}\n" for word in WORDS.split()))
    return path


def preprocess(folder, vocabulary, task, *flags):
    preprocessing_command.main([
        task, "--output_dir", str(folder / "data"), "--vocab_file", str(vocabulary),
        "--validation_fraction", "0", "--num_shards", "2", *flags,
    ])  # fmt: skip
    return folder / "data"


@pytest.fixture(scope="module")
def reviews(tmp_path_factory, vocabulary):
    """Four texts for training, a rejected one, and one for the test."""
    folder = tmp_path_factory.mktemp("reviews")
    (folder / "train.csv").write_text("\n".join(["text,label", *ROWS, ""]))
    (folder / "test.csv").write_text("text,label\nA mill,bad\n")
    return preprocess(
        folder, vocabulary, "imdb", "--input", str(folder / "train.csv"), "--test_input",
        str(folder / "test.csv"), "--max_rejected_fraction", "0.5",
    )  # fmt: skip


def asked(question_id, question, answer=None):
    """A question as SQuAD v2.0 writes it."""
    answers = [{"text": answer, "answer_start": CONTEXT.index(answer)}] if answer else []
    return {
        "id": question_id, "question": question, "answers": answers, "is_impossible": not answers
    }  # fmt: skip


@pytest.fixture(scope="module")
def questions(tmp_path_factory, vocabulary):
    """Windows of at most 14 tokens."""
    folder = tmp_path_factory.mktemp("questions")
    qas = [
        asked("q1", "Who built it?", "Ada Mills"),
        asked("q2", "When was it?", "1894"),
        asked("q3", "How tall is it?"),
    ]
    paragraphs = [{"context": CONTEXT, "qas": qas}]
    data = {"version": "v2.0", "data": [{"title": "", "paragraphs": paragraphs}]}
    (folder / "squad.json").write_text(json.dumps(data))
    return preprocess(
        folder, vocabulary, "squad", "--input", str(folder / "squad.json"),
        "--max_seq_length", "14", "--doc_stride", "4", "--max_query_length", "8",
    )  # fmt: skip


@pytest.fixture
def inspect(capsys):
    """Gives what the command prints, its lines without spaces at the ends."""

    def run(*arguments):
        command.main([str(argument) for argument in arguments])
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return run


def test_report_warnings_and_plot_of_labelled_texts(inspect, reviews):
    lines = [" ".join(line.split()) for line in inspect(reviews, "--records", "0")]
    assert {
        "read 6 source records, 1 of them rejected",
        "│ texts │ 4 │ 1 │",
        "│ good │ 3 75.0 % │ 0 0.0 % │",
        "│ empty_text │ 1 │ 16.7 % │",
    } < set(lines)
    assert lines[-6:] == [
        "",
        "warning: 1 of 6 source records are rejected and in no split",
        "warning: texts in both train and test: 1. Scores on these say nothing about new ones.",
        "warning: texts with different labels: 1",
        "warning: test has few examples of good (0 %)",
        f"lengths of the records drawn in {reviews / 'lengths.png'}",
    ]
    assert (reviews / "lengths.png").read_bytes().startswith(b"\x89PNG")


def test_records_of_labelled_texts(inspect, reviews):
    lines = inspect(reviews, "--no_plot")[-12:]
    assert sorted(tuple(lines[place : place + 3]) for place in range(0, 12, 3)) == [
        ("", "train.csv:2  label good  5 tokens", "  [CLS] a lighthouse [SEP]"),
        ("", "train.csv:3  label good  4 tokens", "  [CLS] a [UNK] [SEP]"),
        ("", "train.csv:4  label good  3 tokens", "  [CLS] ada [SEP]"),
        ("", "train.csv:5  label bad  3 tokens", "  [CLS] ada [SEP]"),
    ]


def test_id_shows_all_windows_of_a_question_and_nothing_else(inspect, questions):
    """14 tokens less [CLS], 4 of the question and two [SEP] leave 7 of the context's 12."""
    assert inspect(questions, "--id", "q1") == [
        "",
        "q1  window 0  14 tokens  the answer is not in this window",
        "  question  [CLS] who built it ? [SEP]",
        "  context   the lighthouse was built by ada [SEP]",
        "",
        "q1  window 1  14 tokens  answer in tokens 8 to 9",
        "  question  [CLS] who built it ? [SEP]",
        "  context   built by [[ada mills]] in 1894 [SEP]",
        "",
        "q1  window 2  11 tokens  the answer is not in this window",
        "  question  [CLS] who built it ? [SEP]",
        "  context   in 1894 . [SEP]",
    ]


def test_records_says_how_many_and_split_from_where(inspect, reviews):
    assert inspect(reviews, "--no_plot", "--records", "1", "--split", "test")[-2:] == [
        "test.csv:2  label bad  4 tokens",
        "  [CLS] a [UNK] [SEP]",
    ]
    assert not any("[CLS]" in line for line in inspect(reviews, "--no_plot", "--records", "0"))


def test_plot_names_another_file(inspect, questions, tmp_path):
    lines = inspect(questions, "--records", "0", "--plot", tmp_path / "a.png")
    assert lines[-1] == f"lengths of the records drawn in {tmp_path / 'a.png'}"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert not (questions / "lengths.png").exists()


def test_no_more_is_read_than_is_shown(inspect, questions, tmp_path):
    """A shard that is damaged behind what is shown, and others that are not there at all."""
    info = load_info(questions)
    for name in ("info.json", info.vocabulary_file, info.splits["train"].shards[0]):
        (tmp_path / name).write_bytes((questions / name).read_bytes())
    shard = tmp_path / info.splits["train"].shards[0]
    shard.write_bytes(shard.read_bytes()[:-1])
    assert "  context " in inspect(tmp_path, "--no_plot", "--records", "1")[-1]
    with pytest.raises(InputError, match=f"{shard.name}: record [0-9] is damaged: the file ends"):
        inspect(tmp_path, "--no_plot", "--records", "9")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--split", "dev"], "--split is 'dev', expected one of train, test"),
        (["--id", "train.csv"], "--id is 'train.csv', expected the id of a record of the split"),
        (["--id", "test.csv:2", "--split", "train"], "expected the id .* of the split train[.]$"),
        (["--records", "-1"], "--records is -1, expected 0 or more"),
        (["--plot", "a.pdf"], r"--plot is a.pdf, expected a file name that ends in \.png"),
        (["--plot", "/proc/a.png"], r"--plot /proc/a.png: cannot be written"),
        (["--plot", "a.png", "--no_plot"], "argument --no_plot: not allowed with argument --plot"),
    ],
)
def test_flags_that_cannot_be(inspect, reviews, flags, message):
    with pytest.raises(InputError, match=message):
        inspect(reviews, *flags)


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("gs://bucket/imdb", "gs://bucket/imdb: expected a local folder"),
        ("/proc/none", "/proc/none: no such folder, expected the --output_dir of"),
        (str(ROOT / "tests"), r"tests: no info.json, so this is not a finished data set"),
    ],
)
def test_folders_that_are_no_data_set(inspect, folder, message):
    with pytest.raises(InputError, match=message):
        inspect(folder)


def test_another_vocabulary_is_refused(inspect, reviews, tmp_path):
    for path in reviews.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with next(tmp_path.glob("vocab-*.txt")).open("a") as file:
        file.write("mill\n")
    with pytest.raises(InputError, match=r"vocab-.*txt: its SHA-256 is .* expected .* info\.json"):
        inspect(tmp_path, "--no_plot")


def run(*arguments):
    process = [sys.executable, "-m", "preprocessing.inspect", *map(str, arguments)]
    return subprocess.run(process, cwd=ROOT, capture_output=True, text=True)


def test_a_mistake_is_one_line_and_status_2(reviews):
    process = run(reviews, "--split", "dev")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == "error: --split is 'dev', expected one of train, test.\n"


def test_it_needs_neither_beam_nor_tensorflow(reviews):
    code = (
        "import sys; from preprocessing import inspect; inspect.main(sys.argv[1:]); "
        "print(*{'apache_beam', 'tensorflow'} & sys.modules.keys())"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(reviews)], cwd=ROOT, capture_output=True, text=True
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.endswith("\n\n")
