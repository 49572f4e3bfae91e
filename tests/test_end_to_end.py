"""Raw text -> records -> a few steps -> SavedModel -> a running server -> a client."""

import json

import numpy as np
import pytest

from serving.client import Client
from serving.saved_model import load_in_session
from tests.serving.server_process import running_server, write_config


@pytest.fixture(scope="module")
def endpoints(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    config = write_config(
        folder / "models.config", {name: (models / name, "") for name in ("sentiment", "qa")}
    )
    with running_server(folder / "server.log", config) as server:
        server.wait_until_ready()
        yield f"grpc://localhost:{server.port}", f"http://localhost:{server.rest_port}"


def sample_questions(sample_dir):
    """Every question of the samples whose context fits a few windows, the hard cases among them."""
    for path in sorted(sample_dir.glob("squad-*-dev.json")):
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                if len(paragraph["context"]) < 1500:
                    for entry in paragraph["qas"]:
                        yield entry["question"], paragraph["context"]


def test_both_transports_answer_as_the_export_in_process(endpoints, models, sample_dir):
    run = load_in_session(models / "qa" / "1")
    pairs = list(sample_questions(sample_dir))
    assert len(pairs) > 150
    columns = [list(column) for column in zip(*pairs, strict=True)]
    expected = run("serving_default", {"question": columns[0], "context": columns[1]})
    for endpoint in endpoints:
        with Client(endpoint, timeout_s=120) as client:
            answers = client.answers(*columns)
        assert [answer.text for answer in answers] == [
            text.decode() for text in expected["answer"].tolist()
        ]
        assert [answer.start for answer in answers] == expected["start"].tolist()
        for alias in ("probability", "null_odds"):
            found = [getattr(answer, alias) for answer in answers]
            np.testing.assert_allclose(found, expected[alias], atol=1e-5)


@pytest.mark.parametrize("transport", [0, 1], ids=["grpc", "rest"])
def test_every_answer_is_a_slice_of_its_context(endpoints, sample_dir, transport):
    pairs = list(sample_questions(sample_dir))
    with Client(endpoints[transport], timeout_s=120) as client:
        outputs = client.predict(
            "qa",
            {"question": [q for q, _ in pairs], "context": [c for _, c in pairs]},
            signature_name="nbest",
        )
    checked = 0
    for (_, context), *rows in zip(
        pairs, outputs["answer"], outputs["start"], outputs["end"], strict=True
    ):
        for text, start, end in zip(*rows, strict=True):
            assert text == (context[start:end] if start >= 0 else "")
            checked += start >= 0
    assert checked > 1000


def test_reviews_are_classified_alike(endpoints, models, sample_dir):
    texts = [
        path.read_bytes().decode("utf-8") for path in sorted(sample_dir.glob("aclImdb/test/*/*"))
    ]
    expected = load_in_session(models / "sentiment" / "1")("serving_default", {"text": texts})
    for endpoint in endpoints:
        with Client(endpoint) as client:
            found = [one.probability for one in client.classify(texts)]
        np.testing.assert_allclose(found, expected["probability"], atol=1e-5)
