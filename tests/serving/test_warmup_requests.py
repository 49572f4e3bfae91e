"""Warm-up requests: their sizes, what fits, and that servers can replay them."""

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.loader import load
from serving.server.warmup import warm_up
from serving.warmup_requests import Request, that_fit, warm_up_requests, write_warm_up


def sizes(requests, alias):
    """(batch, words of the first text) of those that have the alias."""
    found = [request.inputs[alias] for request in requests if alias in request.inputs]
    return [(len(texts), len(texts[0].split())) for texts in found]


def test_there_is_one_for_each_batch_and_length():
    requests = warm_up_requests("imdb", 256)
    expected = [(batch, words) for batch in (1, 8, 32) for words in (8, 128, 256)]
    assert sizes(requests, "text") == expected
    assert [len(r.inputs["inputs"]) for r in requests if r.signature == "classify"] == [
        batch for batch, _ in expected
    ]


def test_questions_are_asked_of_a_context_of_several_windows_too():
    requests = warm_up_requests("squad", 384)
    assert {request.signature for request in requests} == {"serving_default", "nbest"}
    assert max(words for _, words in sizes(requests, "context")) == 3 * 384
    assert len(requests) == 20


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [
        pytest.param([1.0, 0.5, 0.4, 0.2, 0.1], 3, id="until-the-budget"),
        pytest.param([0.1] * 5, 5, id="all"),
        pytest.param([9.0], 2, id="the-first-of-each-signature"),
    ],
)
def test_what_takes_too_long_is_left_out(seconds, kept):
    requests = [Request(name, {}) for name in ("a", "b", "a", "b", "a")]
    assert that_fit(requests, seconds) == requests[:kept]


def records(version):
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    return [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]


def test_exports_have_records_of_each_signature(models):
    kinds = [log.WhichOneof("log_type") for log in records(models / "sentiment" / "1")]
    assert kinds[:2] == ["predict_log", "classify_log"]
    assert len(kinds) <= 18
    signatures = {
        log.predict_log.request.model_spec.signature_name for log in records(models / "qa" / "1")
    }
    assert signatures == {"serving_default", "nbest"}


def test_classify_records_hold_the_examples(tmp_path):
    requests = warm_up_requests("imdb", 16)[:2]
    write_warm_up(tmp_path, "sentiment", requests)
    request = records(tmp_path)[1].classify_log.request
    assert request.model_spec.signature_name == "classify"
    (example,) = request.input.example_list.examples
    assert example.features.feature["text"].bytes_list.value[0] == b" ".join([b"the"] * 8)


@pytest.mark.parametrize("name", ["sentiment", "qa"])
def test_the_embedded_server_replays_them(models, name):
    version = models / name / "1"
    model = load(str(version), ["serve"], tf.compat.v1.ConfigProto())
    try:
        assert warm_up(model, str(version), 1) == len(records(version))
    finally:
        model.close()
