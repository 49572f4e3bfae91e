"""The frozen graphs answer as the trainer's models do, and are plain TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from serving.frozen import served_module
from serving.saved_graph import save
from serving.saved_model import load_in_session
from tests.serving.trained import COMPLAINT, CONTEXT, PRAISE
from trainer.run_dir import load_run

TEXTS = ["", "fun", *PRAISE, *COMPLAINT, "warm and witty and superb and great fun " * 20]
QUESTIONS = ["When was the bridge built?", "", "How long is it? " * 9, "Who built the bridge?"]
CONTEXTS = [CONTEXT * 5, CONTEXT, "It is 90 m long.", ""]
# Op types that are compiled for one kind of machine, or hold a state.
COMPILED = {"XlaLaunch", "XlaLaunchV2", "XlaCallModule", "_XlaCompile"}
STATEFUL = {"VarHandleOp", "VariableV2", "ReadVariableOp"}


@pytest.fixture(scope="module")
def imdb(imdb_run):
    return load_run(imdb_run)


@pytest.fixture(scope="module")
def squad(squad_run):
    return load_run(squad_run)


def largest_difference(expected, found):
    return max(
        np.abs(expected[name].numpy() - found[name].numpy()).max()
        for name, values in expected.items()
        if values.dtype.is_floating
    )


@pytest.mark.parametrize(("dtype", "atol"), [("float32", 1e-5), ("bfloat16", 1e-2)])
@pytest.mark.parametrize("texts", [TEXTS, TEXTS[1:2]], ids=["mixed", "one"])
def test_reviews_as_through_keras(imdb, texts, dtype, atol):
    keras, frozen = (
        served_module(imdb, None, through_keras=True),
        served_module(imdb, None, dtype=dtype),
    )
    expected, found = (module.serving_default(tf.constant(texts)) for module in (keras, frozen))
    assert largest_difference(expected, found) < atol


@pytest.mark.parametrize(("dtype", "atol"), [("float32", 1e-4), ("bfloat16", 5e-2)])
@pytest.mark.parametrize("rows", [slice(0, 4), slice(0, 1)], ids=["mixed", "one"])
def test_answers_as_through_keras(squad, rows, dtype, atol):
    asked = tf.constant(QUESTIONS[rows]), tf.constant(CONTEXTS[rows])
    keras, frozen = (
        served_module(squad, 0.0, through_keras=True),
        served_module(squad, 0.0, dtype=dtype),
    )
    expected, found = (module.serving_default(*asked) for module in (keras, frozen))
    assert largest_difference(expected, found) < atol
    if dtype == "float32":
        for name in ("answer", "start", "end"):
            np.testing.assert_array_equal(found[name], expected[name])


def test_no_texts_give_no_answers(imdb, squad):
    none = tf.zeros([0], tf.string)
    reviews, answers = served_module(imdb, None), served_module(squad, 0.0)
    assert reviews.serving_default(none)["probability"].shape == (0,)
    assert answers.serving_default(none, none)["answer"].shape == (0,)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_saved_graph_is_plain_and_without_variables(imdb, tmp_path, dtype):
    module = served_module(imdb, None, dtype=dtype)
    save(module, tmp_path / "model")
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((tmp_path / "model" / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    functions = graph.graph_def.library.function  # outside is the saver, with a counter of its own
    nodes = [node for function in functions for node in function.node_def]
    assert len(nodes) > 100
    assert not {node.op for node in nodes} & (COMPILED | STATEFUL)
    assert not any(part.attr["_XlaMustCompile"].b for part in (*nodes, *functions))
    served = load_in_session(tmp_path / "model")("serving_default", {"text": TEXTS})
    expected = module.serving_default(tf.constant(TEXTS))["probability"]
    np.testing.assert_allclose(served["probability"], expected, atol=1e-6)
