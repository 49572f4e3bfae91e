"""What TensorFlow makes of the graph when it is loaded: the products take bias, GELU and residual.

The optimiser does it silently or not at all: a reshape in between is enough to stop it.
"""

import collections
import json

import numpy as np
import pytest
import tensorflow as tf

from serving.encoder import FrozenBert
from tests.serving.test_encoder import SMALL
from trainer.presets import new_backbone

PLAIN, RESIDUAL = ("BiasAdd",), ("BiasAdd", "Add")
GELU = ("BiasAdd", "GeluApproximate")
LAYER = [PLAIN, RESIDUAL, GELU, RESIDUAL]  # one product for query, key and value; and three more


def optimised(session, fetches, feeds):
    """The nodes of the graph that a Session runs."""
    options = tf.compat.v1.RunOptions(output_partition_graphs=True)
    metadata = tf.compat.v1.RunMetadata()
    session.run(fetches, feeds, options=options, run_metadata=metadata)
    return [node for graph in metadata.partition_graphs for node in graph.node]


def products(nodes):
    """What each product does besides, wherever TensorFlow runs it: `_FusedMatMul`, oneDNN's …"""
    fused = [node for node in nodes if node.op.endswith("FusedMatMul")]
    return [tuple(op.decode() for op in node.attr["fused_ops"].list.s) for node in fused]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_layer_is_four_products_that_do_the_rest(dtype):
    random = np.random.default_rng(0)
    backbone = new_backbone(SMALL, "float32")
    # Biases start as zeros, which would be left out.
    weights = {v.path: random.normal(0, 0.3, v.shape) for v in backbone.weights}
    with tf.Graph().as_default():
        places = [tf.compat.v1.placeholder(tf.int32, shape) for shape in ([None] * 2, [None] * 2)]
        lengths = tf.compat.v1.placeholder(tf.int32, [None])
        hidden = FrozenBert(weights, num_layers=2, num_heads=4, dtype=dtype)(*places, lengths)
        tokens = np.ones([2, 16])
        feeds = {places[0]: tokens, places[1]: tokens, lengths: [16, 3]}
        nodes = optimised(tf.compat.v1.Session(), tf.cast(hidden, tf.float32), feeds)
    assert sorted(products(nodes)) == sorted(2 * LAYER)
    assert not [n.name for n in nodes if n.op in ("MatMul", "_MklMatMul", "BiasAdd", "Tanh")]


@pytest.mark.parametrize("name", ["sentiment", "qa"])
def test_the_exports_are_fused_when_a_session_loads_them(models, name):
    version = models / name / "1"
    provenance = json.loads((version / "assets.extra" / "provenance.json").read_text())
    layers = provenance["run"]["backbone"]["num_layers"]
    with tf.Graph().as_default():
        session = tf.compat.v1.Session()
        meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], str(version))
        signature = meta_graph.signature_def["serving_default"]
        feeds = {info.name: ["Who built it?"] for info in signature.inputs.values()}
        fetches = [info.name for info in signature.outputs.values()]
        found = collections.Counter(products(optimised(session, fetches, feeds)))
    assert (found[GELU], found[RESIDUAL]) == (layers, 2 * layers)
    assert found[PLAIN] >= layers
