"""A SavedModel's signatures as Python functions. Imports nothing but TensorFlow and TF Text."""

import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401 - registers TF Text's ops, which the graphs use

# (signature name, alias -> values) -> alias -> array
Signatures = Callable[[str, Mapping[str, Sequence]], dict[str, np.ndarray]]


def load_in_session(path: pathlib.Path, threads: int = 0) -> Signatures:
    """Loads into a TF1 Session, the way TF Serving does; lives as long as the function does.

    Args:
        path: the version's folder.
        threads: within an op; 0 for all cores.
    """
    graph = tf.Graph()
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads,
        use_per_session_threads=threads > 0,
    )
    with graph.as_default():
        session = tf.compat.v1.Session(graph=graph, config=config if threads else None)
        meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], str(path))

    def run(name: str, inputs: Mapping[str, Sequence]) -> dict[str, np.ndarray]:
        signature = meta_graph.signature_def[name]
        feeds = {signature.inputs[alias].name: values for alias, values in inputs.items()}
        fetches = {alias: info.name for alias, info in signature.outputs.items()}
        return session.run(fetches, feeds)

    return run


def load_as_function(path: pathlib.Path) -> Signatures:
    """Loads by `tf.saved_model.load`, the way TF2 programs do."""
    model = tf.saved_model.load(str(path))

    def run(name: str, inputs: Mapping[str, Sequence]) -> dict[str, np.ndarray]:
        tensors = {alias: tf.constant(values, tf.string) for alias, values in inputs.items()}
        return {alias: out.numpy() for alias, out in model.signatures[name](**tensors).items()}

    return run
