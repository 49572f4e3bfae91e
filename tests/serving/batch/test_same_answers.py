"""The predictions of a job are the answers of a server that serves the same version."""

import contextlib
import json
from collections.abc import Iterator

import numpy as np
import pytest

from serving.batch.__main__ import main
from tests.serving import served_models
from tests.serving.batch.number_model import predictions, with_provenance, write_lines
from tests.serving.server_process import (
    ServerProcess,
    predict_request,
    running_server,
    write_config,
)

TEXTS = ("good", "bad", "", " ", "so good\nor not", "中国 🎬 good", "x" * 5000)
QUESTIONS = ("first", "last", "", "first")
CONTEXTS = ("Ada Mills built it.", "  🎬 中国 film", "", " ", "word " * 2000)


@pytest.fixture
def sources(tmp_path):
    """Model -> JSON lines to ask it."""
    asked = [(question, context) for question in QUESTIONS for context in CONTEXTS]
    return {
        "sentiment": write_lines(tmp_path / "texts.jsonl", *({"text": text} for text in TEXTS)),
        "qa": write_lines(
            tmp_path / "questions.jsonl",
            *({"id": str(i), "question": q, "context": c} for i, (q, c) in enumerate(asked)),
        ),
    }


def test_answers_of_small_models(sources, tmp_path):
    """Every value is equal: these models do not compute anything across a batch."""
    for model, task, write in (
        ("sentiment", "imdb", served_models.sentiment), ("qa", "squad", served_models.qa),
    ):  # fmt: skip
        (tmp_path / model).mkdir()
        with_provenance(write(tmp_path / model / "123"), task)
    with served(tmp_path, tmp_path) as server:
        for model, source in sources.items():
            found = predict(tmp_path / model, source, tmp_path / f"{model}-out")
            compare(server, model, source, found, within=0.0)


@pytest.mark.slow
def test_answers_of_trained_models(models, sources, tmp_path):
    """Numbers may differ in their last bits: a matrix product of other rows is cut otherwise."""
    with served(models, tmp_path) as server:
        for model, source in sources.items():
            more = ["--nbest=3"] if model == "qa" else []
            found = predict(models / model, source, tmp_path / f"{model}-out", *more)
            compare(server, model, source, found, within=1e-6)
            if model == "qa":
                compare_n_best(server, source, found)


@contextlib.contextmanager
def served(models, folder) -> Iterator[ServerProcess]:
    """A server of the models in a folder; its files go to another."""
    entries = {name: (models / name, "") for name in ("sentiment", "qa")}
    config = write_config(folder / "config", entries)
    with running_server(folder / "log", config, rest_port=0) as server:
        yield server.wait_until_ready()


def predict(model_dir, source, output, *more: str) -> dict[str, dict]:
    main(["--model_dir", str(model_dir), "--input", source, "--output_dir", str(output), *more])
    return predictions(output)


def asked_rows(model, source) -> list[tuple[str, dict]]:
    """(id, inputs) of every row of a source."""
    with open(source) as file:
        entries = [json.loads(line) for line in file]
    if model == "qa":
        return [(e["id"], {a: [e[a].encode()] for a in ("question", "context")}) for e in entries]
    return [(f"texts.jsonl:{i}", {"text": [e["text"].encode()]}) for i, e in enumerate(entries, 1)]


def compare(server, model, source, found, within) -> None:
    """Asks the server each row alone."""
    rows = asked_rows(model, source)
    assert {row_id for row_id, _ in rows} == found.keys()
    for row_id, inputs in rows:
        outputs = server.predict(model, **inputs).outputs
        line = found[row_id]
        assert {"id", *outputs} == line.keys() - {"nbest"}
        for alias, tensor in outputs.items():
            if tensor.string_val:
                assert line[alias] == tensor.string_val[0].decode()
            elif tensor.int_val:
                assert line[alias] == tensor.int_val[0]
            else:
                assert abs(np.float32(line[alias]) - np.float32(tensor.float_val[0])) <= within
        if model == "qa" and line["answer"]:
            context = inputs["context"][0].decode()
            assert context[line["start"] : line["end"]] == line["answer"]


def compare_n_best(server, source, found) -> None:
    for row_id, inputs in asked_rows("qa", source):
        request = predict_request("qa", "nbest", **inputs)
        outputs = server.predictions.Predict(request, timeout=60).outputs
        listed = found[row_id]["nbest"]
        assert len(listed) == min(3, sum(p > 0 for p in outputs["probability"].float_val))
        for place, entry in enumerate(listed):
            assert entry["answer"] == outputs["answer"].string_val[place].decode()
            assert entry["start"] == outputs["start"].int_val[place]
            assert entry["end"] == outputs["end"].int_val[place]
            assert abs(entry["probability"] - outputs["probability"].float_val[place]) <= 1e-6
