"""Writing a SavedModel, and checking what was written without loading it."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from serving.classify_method import set_classify_method
from serving.op_versions import check_server, oldest_server, ops_of
from serving.portable_graph import check_portable
from serving.signature_contract import check_signatures, contract_of

if TYPE_CHECKING:
    from serving.signatures import QuestionAnswering, Sentiment, TextClassifier

SAVED_MODEL_FILE = "saved_model.pb"


def save(module: "Sentiment | TextClassifier | QuestionAnswering", folder: pathlib.Path) -> None:
    """Writes the SavedModel with its signatures and its vocabulary (`assets/vocab.txt`).

    Raises:
        OSError: there is no space for it.
    """
    import tensorflow as tf

    with _full_disk_as_os_error():
        tf.saved_model.save(module, str(folder), signatures=module.signatures())
        set_classify_method(folder)


@contextlib.contextmanager
def _full_disk_as_os_error() -> Iterator[None]:
    """TensorFlow has errors of its own for it."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        text = str(error)
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            if os.strerror(number) in text:
                raise OSError(number, os.strerror(number)) from error
        raise


def read_meta_graph(folder: pathlib.Path) -> Any:
    """The one MetaGraphDef of a SavedModel."""
    from tensorflow.core.protobuf import saved_model_pb2

    content = (folder / SAVED_MODEL_FILE).read_bytes()
    return saved_model_pb2.SavedModel.FromString(content).meta_graphs[0]


def check_graph(
    folder: pathlib.Path, task: str, labels: int, serving_version: str
) -> dict[str, Any]:
    """Checks a SavedModel that was just written, without loading it.

    Args:
        folder: of the SavedModel.
        task: "imdb" or "squad".
        labels: how many.
        serving_version: the oldest TF Serving that must load it.

    Returns:
        For the provenance: "ops", their names, and "oldest_serving_version".

    Raises:
        InputError: what is wrong with it.
    """
    meta_graph = read_meta_graph(folder)
    check_signatures(meta_graph, contract_of(task, labels))
    check_portable(meta_graph)
    check_server(meta_graph.graph_def, serving_version)
    return {
        "ops": ops_of(meta_graph.graph_def),
        "oldest_serving_version": oldest_server(meta_graph.graph_def),
    }
