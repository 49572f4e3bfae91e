import json
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from preprocessing import __main__ as command
from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from tests.conftest import CONTEXT, question

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def squad(small_squad, vocabulary_path, tmp_path):
    """Calls main on a good SQuAD file; flags given later win."""
    path = small_squad(question("q1"))

    def run(*flags):
        command.main([
            "squad", "--input", str(path), "--output_dir", str(tmp_path / "data"),
            "--vocab_file", str(vocabulary_path), "--validation_fraction", "0", *flags,
        ])  # fmt: skip
        return load_info(tmp_path / "data")

    return run


@pytest.fixture
def imdb(small_imdb, vocabulary_path, tmp_path):
    """Calls main on a good aclImdb folder; flags given later win."""
    folder = small_imdb({f"train/pos/{i}_9": b"Great." for i in range(20)})

    def run(*flags):
        command.main([
            "imdb", "--input", str(folder), "--output_dir", str(tmp_path / "data"),
            "--vocab_file", str(vocabulary_path), *flags,
        ])  # fmt: skip
        return load_info(tmp_path / "data")

    return run


def test_squad_flags_reach_the_data_set(squad, small_squad):
    dev = small_squad(question("d1"), name="dev.json")
    info = squad(
        "--validation_input", str(dev), "--max_seq_length", "40", "--doc_stride", "8",
        "--max_query_length", "9", "--num_shards", "1", "--cased",
    )  # fmt: skip
    assert info.parameters == {
        "max_seq_length": 40,
        "doc_stride": 8,
        "max_query_length": 9,
        "validation_fraction": 0.0,
        "num_shards": 1,
    }
    assert not info.lowercase
    assert {name: split.examples for name, split in info.splits.items()} == {
        "train": 1,
        "validation": 1,
    }


def test_imdb_flags_reach_the_data_set(imdb):
    info = imdb("--max_seq_length", "3", "--validation_fraction", "0.5", "--num_shards", "1")
    expected = {"max_seq_length": 3, "validation_fraction": 0.5, "num_shards": 1}
    assert info.parameters == expected
    assert set(info.splits) == {"train", "validation"}
    assert sum(split.tokens for split in info.splits.values()) == 20 * 3


def test_quotes_of_a_table_are_characters_on_request(imdb, tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text('text\tlabel\n"Good"!\tpos\n"Bad\tneg\n')
    flags = ["--input", str(path), "--validation_fraction", "0"]
    with pytest.raises(InputError, match="found none"):
        imdb(*flags)
    assert imdb(*flags, "--no_quotes").splits["train"].examples == 2


def test_beam_flags_are_passed_on(squad):
    info = squad("--runner=DirectRunner", "--direct_num_workers=1")
    assert info.splits["train"].records == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--input", "none.json"], "none.json: no such file or folder, and no pattern of one"),
        (
            ["--validation_input", "none.json"],
            "none.json: no such file or folder, and no pattern of one",
        ),
        (["--vocab_file", "none.txt"], "none.txt: cannot read the vocabulary (No such file"),
        (["--max_seq_length", "60"], "--max_seq_length is 60, which leaves no room for context"),
        (["--max_seq_length", "long"], "argument --max_seq_length: invalid int value: 'long'"),
        (["--doc_stride", "0"], "--doc_stride is 0, expected at least 1 token"),
        (["--max_query_length", "-3"], "--max_query_length is -3, expected at least 1 token"),
        (["--num_shards", "0"], "--num_shards is 0, expected at least 1"),
        (["--validation_fraction", "1"], "--validation_fraction is 1.0, expected a share"),
        (["--validation_fraction", "nan"], "--validation_fraction is nan, expected a share"),
        (["--colour", "red"], "--colour is a flag neither of Bertline nor of Apache Beam"),
        (["--runner", "Walker"], "Unexpected pipeline runner: Walker"),
        (["--direct_num_workers", "two"], "--direct_num_workers: invalid int value: 'two'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_squad_refuses(squad, flags, message):
    with pytest.raises(InputError, match=re.escape(message)):
        squad(*flags)


def test_one_file_cannot_be_both_splits(squad, tmp_path):
    with pytest.raises(
        InputError, match="named twice, for train and validation; expected each file once"
    ):
        squad("--validation_input", str(tmp_path / "squad.json"))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--input", "none"], "none: no such file or folder"),
        (["--vocab_file", "none.txt"], "none.txt: cannot read the vocabulary (No such file"),
        (["--max_seq_length", "2"], "--max_seq_length is 2, expected at least 3 tokens"),
        (["--validation_fraction", "-0.1"], "--validation_fraction is -0.1, expected a share"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_imdb_refuses(imdb, flags, message):
    with pytest.raises(InputError, match=re.escape(message)):
        imdb(*flags)


def test_output_dir_that_is_a_file(squad, tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(
        InputError, match=r"--output_dir .*/data: cannot write there \(Not a directory\)"
    ):
        squad()


def process(*arguments):
    """`python -m preprocessing ...` as a person runs it: status, lines of stdout and stderr."""
    result = subprocess.run(
        [sys.executable, "-m", "preprocessing", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout.splitlines(), result.stderr.splitlines()


def test_a_normal_run_prints_its_three_facts_and_no_noise(small_squad, vocabulary_path, tmp_path):
    path, data = small_squad(question("q1")), tmp_path / "data"
    status, stdout, stderr = process(
        "squad", "--input", path, "--output_dir", data, "--vocab_file", vocabulary_path,
        "--validation_fraction", 0,
    )  # fmt: skip
    digest = load_info(data).digest
    assert (status, stdout) == (0, [])
    assert stderr[0].startswith("train: 1 examples, 1 records, ")
    assert stderr[1] == "rejected: none"
    assert stderr[2].startswith(f"{data}: digest {digest[:16]}, ")
    assert len(stderr) == 3


def no_question(tmp_path):
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": CONTEXT}]}]}))
    return "squad", path, "data[0].paragraphs[0].qas is null"


def broken_json(tmp_path):
    path = tmp_path / "squad.json"
    path.write_text('{"data":\n [}')
    return "squad", path, "broken JSON at line 2 column 3"


def not_an_archive(tmp_path):
    path = tmp_path / "aclImdb_v1.tar.gz"
    path.write_text("hello world")
    return "imdb", path, "expected a tar archive with reviews at aclImdb/"


def cut_archive(tmp_path):
    """Its first reviews are whole, so that only a worker can find it out."""
    from tests.preprocessing.sources.test_imdb import write_tar

    reviews = {f"train/pos/{i}_9": bytes([i]) * 10 * i for i in range(100)}
    whole = write_tar(tmp_path / "whole.tar.gz", reviews).read_bytes()
    path = tmp_path / "cut.tar.gz"
    path.write_bytes(whole[:-300])
    return "imdb", path, "expected a tar archive with reviews at aclImdb/"


@pytest.mark.parametrize("case", [no_question, not_an_archive])
def test_bad_input_is_named(case, vocabulary_path, tmp_path):
    task, path, message = case(tmp_path)
    output, vocabulary = str(tmp_path / "data"), str(vocabulary_path)
    with pytest.raises(InputError, match=re.escape(message)):
        command.main(
            [task, "--input", str(path), "--output_dir", output, "--vocab_file", vocabulary]
        )


@pytest.mark.parametrize("case", [broken_json, cut_archive])
def test_bad_input_is_one_line_and_status_2(case, vocabulary_path, tmp_path):
    task, path, message = case(tmp_path)
    status, stdout, stderr = process(
        task, "--input", path, "--output_dir", tmp_path / "data", "--vocab_file", vocabulary_path
    )
    assert (status, stdout, len(stderr)) == (2, [], 1)
    assert stderr[0].startswith(f"error: {path}: ")
    assert message in stderr[0]


def test_a_bad_flag_is_one_line_and_status_2():
    status, stdout, stderr = process("squad", "--num_shards", "x")
    assert (status, stdout, len(stderr)) == (2, [], 1)
    assert stderr[0].startswith("error: argument --num_shards: invalid int value: 'x'")


@pytest.mark.slow
def test_ctrl_c_ends_a_job_and_leaves_the_older_data_set(squad, tmp_path, vocabulary_path):
    before = squad()
    paragraph = {"context": CONTEXT * 20, "qas": [question("q1")]}
    many = tmp_path / "many.json"
    many.write_text(json.dumps({"data": [{"paragraphs": [paragraph] * 20_000}]}))
    data = tmp_path / "data"
    flags = ["--input", many, "--output_dir", data, "--vocab_file", vocabulary_path]
    started = subprocess.Popen(
        [sys.executable, "-m", "preprocessing", "squad", *flags],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    unfinished = tmp_path / ".data.unfinished"
    while not unfinished.exists():
        time.sleep(0.05)
        assert started.poll() is None
    time.sleep(1.0)  # into the job
    started.send_signal(signal.SIGINT)
    _, stderr = started.communicate(timeout=60)
    assert (started.returncode, stderr.splitlines()) == (130, ["interrupted"])
    assert load_info(data) == before
    assert not unfinished.exists()
