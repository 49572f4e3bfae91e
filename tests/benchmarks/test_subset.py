import json

import pytest

from benchmarks import subset
from preprocessing.errors import InputError


def write_squad(path):
    """Two articles with the questions 0..5 in three paragraphs."""

    def paragraph(*ids):
        return {"context": f"C{ids}", "qas": [{"id": i, "question": "?"} for i in ids]}

    data = [
        {"title": "A", "paragraphs": [paragraph("0", "1"), paragraph("2")]},
        {"title": "B", "paragraphs": [paragraph("3", "4", "5")]},
    ]
    path.write_text(json.dumps({"version": "1.1", "data": data}))
    return path


def ids(path):
    data = json.loads(path.read_text())["data"]
    return [[q["id"] for p in article["paragraphs"] for q in p["qas"]] for article in data]


def squad(tmp_path, *flags):
    output = tmp_path / "new" / "part.json"
    source = write_squad(tmp_path / "squad.json")
    subset.main(["squad", "--input", str(source), "--output", str(output), *flags])
    return ids(output)


def test_first_questions_in_the_order_of_the_file(tmp_path):
    assert squad(tmp_path, "--first", "4") == [["0", "1", "2"], ["3"]]


def test_drawn_questions_hang_on_the_seed_alone(tmp_path):
    drawn = squad(tmp_path, "--draw", "3", "--seed", "1")
    assert sum(map(len, drawn)) == 3
    assert squad(tmp_path, "--draw", "3", "--seed", "1") == drawn
    assert len({str(squad(tmp_path, "--draw", "3", "--seed", str(seed))) for seed in range(9)}) > 1


def test_every_nth_review_of_each_class_in_file_name_order(small_imdb, tmp_path):
    # As names, not as numbers: 0, 10, 11, 1, 2, 3, ... 9
    reviews = {f"train/pos/{i}_9": b"%d" % i for i in range(12)}
    reviews |= {f"train/neg/{i}_1": b"%d" % i for i in range(3)} | {"test/pos/0_9": b"test"}
    output = tmp_path / "part"
    source = str(small_imdb(reviews))
    subset.main(["imdb", "--input", source, "--every", "5", "--output", str(output)])
    written = sorted(path.relative_to(output).as_posix() for path in output.rglob("*.txt"))
    assert written == [
        "aclImdb/train/neg/0_1.txt",
        "aclImdb/train/pos/0_9.txt",
        "aclImdb/train/pos/3_9.txt",
        "aclImdb/train/pos/8_9.txt",
    ]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--draw", "7"], "--draw is 7, but the file has 6 questions"),
        (["--draw", "0"], "--draw is 0, expected at least 1"),
        (["--first", "-1"], "--first is -1, expected at least 1"),
        ([], "one of the arguments --draw --first is required"),
    ],
    ids=["too-many", "none", "negative", "neither"],
)
def test_numbers_that_cannot_be(tmp_path, flags, message):
    with pytest.raises(InputError, match=message):
        squad(tmp_path, *flags)
