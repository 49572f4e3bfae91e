import json

import pytest

from benchmarks import graph_texts, serving_graphs
from preprocessing.errors import InputError


def test_table_compares_medians():
    def runs(*speeds):
        return [{"texts_per_second": speed, "median_ms": 100 / speed} for speed in speeds]

    table = serving_graphs.table(
        {"bertline_float32": runs(20, 10, 40), "keras": runs(5, 6, 4), "pytorch_float32": runs(10)}
    )
    assert table.splitlines()[2:] == [
        "| bertline_float32 | 20.0 | 10.0, 40.0 | 5.0 | 1.00 |  |",
        "| keras | 5.0 | 4.0, 6.0 | 20.0 | 4.00 |  |",
        "| pytorch_float32 | 10.0 | 10.0, 10.0 | 10.0 | 2.00 |  |",
    ]


def test_all_texts_are_answered_before_they_are_timed():
    sizes = []
    result = graph_texts.measure(lambda batch: sizes.append(len(batch)), ["a"] * 5, 2, "imdb")
    once = [2, 2, 1]
    alone = graph_texts.SHORT_WARMUP + graph_texts.SHORT_REQUESTS
    assert sizes == once * 2 + [1] * alone
    assert set(result) == {"texts_per_second", "median_ms", "p95_ms"}
    assert 0 < result["median_ms"] <= result["p95_ms"]


def test_questions_come_in_batches_that_follow_each_other(tmp_path):
    def paragraph(number):
        qas = [{"id": f"{number}{key}", "question": key, "answers": []} for key in "abcd"]
        return {"context": str(number), "qas": qas}

    document = {"data": [{"title": "", "paragraphs": [paragraph(i) for i in range(4)]}]}
    path = tmp_path / "dev.json"
    path.write_text(json.dumps({"version": "1.1", **document}))
    found = serving_graphs.question_texts(str(path), limit=4, batch_size=2)
    assert found == [("a", "0"), ("b", "0"), ("a", "2"), ("b", "2")]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--repeat", "0"], "--repeat is 0, expected at least 1"),
        (["--sides", "tf"], "--sides has 'tf', expected some of bertline_float32"),
        ([], "--peer_python is missing"),
        (["--sides", "keras", "--texts", "x"], "--texts x: no such file or folder"),
    ],
)
def test_flags_that_cannot_be(tmp_path, flags, message):
    given = ["imdb", "--run_dir", str(tmp_path), "--texts", str(tmp_path), *flags]
    with pytest.raises(InputError, match=message):
        serving_graphs.main(given)


@pytest.mark.slow
def test_graphs_of_a_run_are_timed(imdb_run, reviews, tmp_path, capsys):
    serving_graphs.main(
        [
            *("imdb", "--run_dir", str(imdb_run), "--texts", str(reviews)),
            *("--preset", str(tmp_path), "--work_dir", str(tmp_path), "--repeat", "1"),
            *("--sides", "bertline_bfloat16,keras", "--output", str(tmp_path / "found.json")),
        ]
    )
    runs = json.loads((tmp_path / "found.json").read_text())["runs"]
    assert set(runs) == {"bertline_bfloat16", "keras"}
    assert all(run["texts_per_second"] > 0 for of in runs.values() for run in of)
    assert "| keras |" in capsys.readouterr().out
