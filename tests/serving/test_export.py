"""What an export holds, how it is checked, and what is never published."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from preprocessing.dataset_info import sha256_of_file
from preprocessing.errors import InputError
from serving import export
from serving.frozen import served_module
from serving.saved_model import load_as_function, load_in_session
from trainer.run_dir import load_run

STRING, FLOAT, INT = tf.string, tf.float32, tf.int32
# The contract with every client: signature -> (inputs, outputs), alias -> (dtype, shape).
SIGNATURES = {
    "sentiment": {
        "serving_default": ({"text": (STRING, [-1])}, {"probability": (FLOAT, [-1])}),
        "classify": (
            {"inputs": (STRING, [-1])},
            {"classes": (STRING, [-1, 2]), "scores": (FLOAT, [-1, 2])},
        ),
    },
    "qa": {
        "serving_default": (
            {"question": (STRING, [-1]), "context": (STRING, [-1])},
            {
                "answer": (STRING, [-1]),
                "start": (INT, [-1]),
                "end": (INT, [-1]),
                "probability": (FLOAT, [-1]),
                "null_odds": (FLOAT, [-1]),
            },
        ),
        "nbest": (
            {"question": (STRING, [-1]), "context": (STRING, [-1])},
            {
                "answer": (STRING, [-1, 20]),
                "start": (INT, [-1, 20]),
                "end": (INT, [-1, 20]),
                "probability": (FLOAT, [-1, 20]),
                "null_odds": (FLOAT, [-1]),
            },
        ),
    },
}
# Ops that TF Text 2.12 registers too, which TF Serving 2.16 to 2.19 links.
TEXT_OPS = {"FastWordpieceTokenizeWithOffsets"}


def meta_graph(version):
    saved_model = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    return saved_model.meta_graphs[0]


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_the_contract(models, name):
    found = {
        signature: (_shapes(definition.inputs), _shapes(definition.outputs))
        for signature, definition in meta_graph(models / name / "1").signature_def.items()
        if signature != "__saved_model_init_op"
    }
    assert found == SIGNATURES[name]


def _shapes(tensors):
    return {
        alias: (tf.dtypes.as_dtype(info.dtype), [dim.size for dim in info.tensor_shape.dim])
        for alias, info in tensors.items()
    }


@pytest.mark.parametrize("name", SIGNATURES)
def test_graph_has_no_op_that_a_supported_server_lacks(models, name):
    graph = meta_graph(models / name / "1").graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    # A process that has not loaded TF Text knows core TensorFlow's ops only.
    code = (
        "import sys, tensorflow as tf; from tensorflow.python.framework import op_def_registry; "
        "print(*(op for op in sys.argv[1:] if op_def_registry.get(op) is None))"
    )
    command = [sys.executable, "-c", code, *sorted({node.op for node in nodes})]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(process.stdout.split()) == TEXT_OPS


@pytest.mark.parametrize("load", [load_in_session, load_as_function])
def test_export_answers_as_the_trainer_does(models, squad_run, load):
    expected = served_module(load_run(squad_run), 0.0, through_keras=True)
    inputs = {"question": ["Who built it?", ""], "context": ["Built by Ada Mills, 1894.", "é 🎬"]}
    for signature, function in expected.signatures().items():
        found = load(models / "qa" / "1")(signature, inputs)
        for alias, tensor in function(**inputs).items():
            if tensor.dtype == tf.float32:
                np.testing.assert_allclose(found[alias], tensor, atol=1e-5)
            else:
                np.testing.assert_array_equal(found[alias], tensor)


def test_version_holds_vocabulary_warmup_and_provenance(models, imdb_run):
    version = models / "sentiment" / "1"
    config = json.loads((imdb_run / "config.json").read_text())
    assert sha256_of_file(version / "assets" / "vocab.txt") == config["vocabulary_sha256"]
    provenance = json.loads((version / "assets.extra" / "provenance.json").read_text())
    assert provenance["run"] == config
    assert provenance["epoch"]["epoch"] == 1
    warmup = version / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(warmup))
    ]
    assert [list(log.predict_log.request.inputs) for log in logs] == [["text"]]


def test_classify_reads_examples(models):
    text = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a lovely film"]))
    example = tf.train.Example(features=tf.train.Features(feature={"text": text}))
    run = load_in_session(models / "sentiment" / "1")
    probability = run("serving_default", {"text": ["a lovely film"]})["probability"][0]
    found = run("classify", {"inputs": [example.SerializeToString()]})
    assert found["classes"].tolist() == [[b"negative", b"positive"]]
    np.testing.assert_allclose(found["scores"], [[1 - probability, probability]], atol=1e-6)


def test_next_export_is_the_next_version(models, imdb_run, tmp_path):
    shutil.copytree(models / "sentiment" / "1", tmp_path / "sentiment" / "7")
    assert export.export_run(imdb_run, tmp_path / "sentiment").name == "8"
    assert sorted(child.name for child in (tmp_path / "sentiment").iterdir()) == ["7", "8"]


def test_export_that_answers_otherwise_is_not_published(imdb_run, tmp_path, monkeypatch):
    save = export.save

    def save_another(module, folder):
        review_logit = module._review_logit
        module._review_logit = lambda *inputs: review_logit(*inputs) + 0.01
        save(module, folder)

    monkeypatch.setattr(export, "save", save_another)
    with pytest.raises(InputError, match=r"serving_default, loaded as session, output probability"):
        export.export_run(imdb_run, tmp_path / "sentiment")
    assert list((tmp_path / "sentiment").iterdir()) == []


def test_another_vocabulary_is_refused(imdb_run, tmp_path):
    run = shutil.copytree(imdb_run, tmp_path / "run")
    with (run / "vocab.txt").open("a") as file:
        file.write("extra\n")
    with pytest.raises(InputError, match=r"vocab.txt: SHA-256 is .* trained with the vocabulary"):
        export.export_run(run, tmp_path / "sentiment")


def test_threshold_is_refused_where_it_means_nothing(imdb_run, tmp_path):
    with pytest.raises(InputError, match=r"--null_score_diff_threshold is 1\.0"):
        export.export_run(imdb_run, tmp_path / "sentiment", null_score_diff_threshold=1.0)


@pytest.mark.parametrize(("threshold", "answered"), [(-1e9, False), (1e9, True)])
def test_threshold_decides_whether_there_is_an_answer(squad_run, threshold, answered):
    module = served_module(load_run(squad_run), threshold)
    context = "The old bridge was built in 1894 by Ada Mills."
    outputs = module.serving_default(tf.constant(["Who built it?"]), tf.constant([context]))
    start, end = int(outputs["start"][0]), int(outputs["end"][0])
    assert (start >= 0) == answered
    assert outputs["answer"][0].numpy().decode() == (context[start:end] if answered else "")


def test_questions_and_contexts_of_different_number_are_refused(models):
    run = load_in_session(models / "qa" / "1")
    with pytest.raises(tf.errors.InvalidArgumentError, match="question and context differ"):
        run("serving_default", {"question": ["who?", "when?"], "context": ["Ada"]})
