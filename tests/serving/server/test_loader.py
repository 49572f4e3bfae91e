"""SavedModels of every kind in a Session: sections 5.2 and 9 of the API page, in this process."""

import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text
from tensorflow.core.protobuf import config_pb2

from serving.server import loader
from serving.server.status import Code, StatusError
from tests.serving.served_models import signature, v1, write_tf1

WORDS = np.array([b"zero", b"one", b"none"], object)


def answer(folder, word=WORDS, tags=("serve",)):
    """What the default signature of a version says."""
    model = loader.load(str(folder), tags, config_pb2.ConfigProto())
    called = model.signatures["serving_default"]
    (feed,), (fetch,) = called.inputs.values(), called.outputs.values()
    try:
        return model.run({feed.name: word}, [fetch.name])[0].tolist()
    finally:
        model.close()


@pytest.fixture
def vocabulary(tmp_path):
    """A file that is gone once the model is exported."""
    path = tmp_path / "words.txt"
    path.write_text("zero\none\n")
    return path


def test_5_2_the_init_op_runs_with_the_assets_of_a_tf2_export(tmp_path, vocabulary):
    initializer = tf.lookup.TextFileInitializer(
        str(vocabulary), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )  # fmt: skip

    class Numbers(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = tf.lookup.StaticHashTable(initializer, -1)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, word):
            return {"number": self.table.lookup(word)}

    module = Numbers()
    tf.saved_model.save(module, str(tmp_path / "1"), {"serving_default": module.__call__})
    os.rename(vocabulary, tmp_path / "moved")
    assert answer(tmp_path / "1") == [0, 1, -1]


def test_5_2_the_init_op_runs_with_the_assets_of_a_tf1_export(tmp_path, vocabulary):
    with tf.Graph().as_default(), v1.Session() as session:
        word = v1.placeholder(tf.string, [None])
        table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                str(vocabulary), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ), -1,
        )  # fmt: skip
        called = signature({"word": word}, {"number": table.lookup(word)})
        builder = v1.saved_model.Builder(str(tmp_path / "1"))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": called}, main_op=v1.tables_initializer(),
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
        )  # fmt: skip
        builder.save()
    os.rename(vocabulary, tmp_path / "moved")
    assert answer(tmp_path / "1") == [0, 1, -1]


@pytest.fixture
def two_graphs(tmp_path):
    """A version with a MetaGraph for "serve", which says 1.0, and one for "serve" and "big"."""
    builder = v1.saved_model.Builder(str(tmp_path / "1"))
    for tags, value in ((["serve"], 1.0), (["serve", "big"], 2.0)):
        with tf.Graph().as_default(), v1.Session() as session:
            variable = v1.get_variable("value", initializer=0.0)
            word = v1.placeholder(tf.string, [None])
            called = signature({"word": word}, {"y": tf.identity(variable)})
            if len(tags) == 1:
                session.run(variable.assign(7.0))
                builder.add_meta_graph_and_variables(session, tags, {"serving_default": called})
            else:
                called = signature({"word": word}, {"y": variable * 0 + value})
                builder.add_meta_graph(tags, {"serving_default": called})
    builder.save()
    return tmp_path / "1"


def test_5_2_the_tags_choose_the_meta_graph(two_graphs):
    assert answer(two_graphs, tags=["serve"]) == 7.0  # the variable as it was saved
    assert answer(two_graphs, tags=["big", "serve"]) == 2.0
    with pytest.raises(StatusError) as caught:
        answer(two_graphs, tags=["big"])
    assert caught.value.code == Code.NOT_FOUND
    assert str(two_graphs) in caught.value.message


@pytest.mark.parametrize("kind", ["reference-variable", "wrong-shape", "wrong-dtype"])
def test_9_exports_that_only_a_session_takes(tmp_path, kind):
    def build():
        word = v1.placeholder(tf.string, [None], name="word")
        variable = v1.get_variable("seven", initializer=[7.0], use_resource=False)
        y = variable if kind == "reference-variable" else tf.identity(variable)
        made = signature({"word": word}, {"y": y})
        if kind == "wrong-dtype":
            made.inputs["word"].dtype = tf.float32.as_datatype_enum
        if kind == "wrong-shape":
            made.inputs["word"].tensor_shape.dim.add(size=9)
        return {"serving_default": made}

    assert answer(write_tf1(tmp_path / "1", build)) == [7.0]


def test_9_ops_of_tf_text(tmp_path):
    def build():
        word = v1.placeholder(tf.string, [None], name="word")
        return {
            "serving_default": signature(
                {"word": word}, {"y": tensorflow_text.case_fold_utf8(word)}
            )
        }

    assert answer(write_tf1(tmp_path / "1", build), np.array(["Ä".encode()], object)) == [
        "ä".encode()
    ]
