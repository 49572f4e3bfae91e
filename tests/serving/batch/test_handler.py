"""A version as RunInference takes it: one bad row is one failure."""

import itertools
import json

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.ml.inference.base import RunInference

from preprocessing.errors import InputError
from serving.batch.handler import Failure, VersionHandler
from serving.batch.lines import NotFiniteError, to_line
from serving.batch.rows import Row
from tests.serving import served_models
from tests.serving.batch.number_model import number_model


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return str(number_model(tmp_path_factory.mktemp("numbers") / "1"))


def rows(*texts: str) -> list[Row]:
    return [Row(f"id-{i}", "file", (text.encode(),)) for i, text in enumerate(texts)]


def test_a_bad_row_fails_alone_and_the_order_stays(numbers):
    done = []
    handler = VersionHandler(numbers, "imdb", batch_size=3, done=done.append)
    model = handler.load_model()
    found = handler.run_inference(rows("0.25", "seven", "1", "", "0.75"), model)
    assert [result.example.id for result in found] == [f"id-{i}" for i in range(5)]
    values = [
        result.inference.message
        if isinstance(result.inference, Failure)
        else float(result.inference["serving_default"]["probability"])
        for result in found
    ]
    assert values[0::2] == [0.25, 1.0, 0.75]
    assert values[3] == 0.5
    assert "seven" in values[1]
    assert "\n" not in values[1]
    assert done == [3, 2]


def test_in_a_pipeline_of_ones_own(numbers, tmp_path):
    output = tmp_path / "out"
    texts = [str(number / 64) for number in range(100)]
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(rows(*texts))
            | RunInference(VersionHandler(numbers, "imdb"))
            | beam.Map(lambda r: f"{r.example.id} {r.inference['serving_default']['probability']}")
            | beam.io.WriteToText(str(output), num_shards=1)
        )
    (file,) = tmp_path.glob("out*")
    assert sorted(file.read_text().splitlines()) == sorted(
        f"id-{number} {number / 64}" for number in range(100)
    )


def test_a_model_that_does_not_answer_ends_the_job(tmp_path):
    folder = served_models.half_plus_two_tf1(tmp_path / "1")
    with pytest.raises(InputError, match="1: the model cannot be loaded, or does not answer"):
        VersionHandler(str(folder), "imdb").load_model()
    with pytest.raises(InputError, match="2: the model cannot be loaded"):
        VersionHandler(str(tmp_path / "2"), "imdb").load_model()


def test_lines():
    row = Row('"é"', "file", (b"",))
    answers = {
        "serving_default": {
            "answer": "Zürich".encode(), "start": np.int32(4), "probability": np.float32(0.1),
            "probabilities": np.float32([0.5, 1e-9]),
        },
        "nbest": {
            "answer": np.array([b"a", b"", b"c"], object), "start": np.int32([1, -1, -1]),
            "end": np.int32([2, -1, -1]), "probability": np.float32([0.75, 0.25, 0]),
        },
    }  # fmt: skip
    assert to_line(row, answers, n_best=0).decode() == (
        '{"id": "\\"é\\"", "probabilities": [0.5, 1e-09], "answer": "Zürich", "start": 4, '
        '"probability": 0.1}\n'
    )
    assert to_line(row, answers, n_best=3).decode().endswith(
        '"nbest": [{"answer": "a", "start": 1, "end": 2, "probability": 0.75}, '
        '{"answer": "", "start": -1, "end": -1, "probability": 0.25}]}\n'
    )  # fmt: skip
    with pytest.raises(NotFiniteError, match="inf"):
        to_line(row, {"serving_default": {"probability": np.float32("inf")}}, 0)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["answer", "start", "end", "probability", "null_odds"], id="qa"),
        pytest.param(["label", "probabilities"], id="labels"),
        pytest.param(["probability", "a", "b"], id="others-by-name"),
    ],
)
def test_outputs_stand_in_one_order_whatever_that_of_the_models_map(names):
    values = dict.fromkeys(names, np.float32(1))
    lines = {
        to_line(Row("1", "", ()), {"serving_default": dict(order)}, 0)
        for order in itertools.permutations(values.items())
    }
    assert [list(json.loads(line)) for line in lines] == [["id", *names]]
