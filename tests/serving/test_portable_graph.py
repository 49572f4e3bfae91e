"""Graphs that would not run on another machine are refused, each by its reason."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.errors import InputError
from serving.portable_graph import check_portable
from serving.saved_graph import read_meta_graph

TEXT = tf.TensorSpec([None], tf.string)
NUMBERS = tf.TensorSpec([None], tf.float32)


def meta_graph_of(function, spec, folder):
    module = tf.Module()
    module.serve = tf.function(function, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return read_meta_graph(folder)


def compiled(numbers):
    return {"y": tf.function(lambda x: x * 2, jit_compile=True)(numbers)}


def on_a_gpu(numbers):
    with tf.device("/GPU:0"):
        return {"y": numbers * 2}


def in_python(numbers):
    return {"y": tf.numpy_function(np.sin, [numbers], tf.float32)}


def from_a_file(text):
    file = tf.constant(str(pathlib.Path(__file__).resolve()))
    return {"y": tf.strings.join([text, tf.io.read_file(file)])}


def plain(text):
    return {"y": tf.strings.join([text, tf.constant("/")])}


@pytest.mark.parametrize(
    ("function", "spec", "message"),
    [
        pytest.param(compiled, NUMBERS, r"function \S+: compiled by XLA", id="xla"),
        pytest.param(on_a_gpu, NUMBERS, r"node mul\S*: placed on /device:GPU:0", id="device"),
        pytest.param(in_python, NUMBERS, r"op \w*PyFunc\w* calls Python", id="python"),
        pytest.param(from_a_file, TEXT, r"reads /.*/test_portable_graph.py of this", id="path"),
    ],
)
def test_what_ties_a_graph_to_a_machine_is_refused(function, spec, message, tmp_path):
    meta_graph = meta_graph_of(function, spec, tmp_path / "model")
    with pytest.raises(InputError, match=message):
        check_portable(meta_graph)


def test_a_plain_graph_passes(tmp_path):
    check_portable(meta_graph_of(plain, TEXT, tmp_path / "model"))


@pytest.mark.parametrize("filename", ["/etc/vocab.txt", "../vocab.txt"])
def test_assets_elsewhere_are_refused(filename, tmp_path):
    meta_graph = meta_graph_of(plain, TEXT, tmp_path / "model")
    meta_graph.asset_file_def.add().filename = filename
    with pytest.raises(InputError, match=f"asset {filename}: a path outside"):
        check_portable(meta_graph)


@pytest.mark.parametrize("name", ["sentiment", "qa"])
def test_exports_pass(models, name):
    check_portable(read_meta_graph(models / name / "1"))
