"""A SavedModel in a TF1 Session: the way that takes TF1 and TF2 exports alike."""

import functools
import gc
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401 - registers TF Text's ops, which models may use
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
from tensorflow.python.client import pywrap_tf_session

from serving.server import metric_table
from serving.server.status import Code, StatusError, from_exception, invalid_argument


class LoadedModel(Protocol):
    """One loaded SavedModel, or a wrapper of one; threads may run it at the same time."""

    signatures: Mapping[str, meta_graph_pb2.SignatureDef]

    def run(
        self,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_s: float | None = None,
    ) -> list[np.ndarray]:
        """Runs the graph; both `feeds` and `fetches` go by tensor name, such as "x:0".

        Raises:
            StatusError: what the runtime says; DEADLINE_EXCEEDED after `timeout_s`.
        """

    def close(self) -> None:
        """Gives the memory back. No run may be under way."""


class SessionModel:
    """A `LoadedModel` in a TF1 Session."""

    def __init__(self, session: tf.compat.v1.Session, meta_graph: meta_graph_pb2.MetaGraphDef):
        self._session = session
        # A dict, as protobuf's maps raise an exception when asked for a name that is no UTF-8.
        # Copies: the originals would keep all of the graph's definition, constants included.
        self.signatures: Mapping[str, meta_graph_pb2.SignatureDef] = {
            name: _copy(signature) for name, signature in meta_graph.signature_def.items()
        }
        self._output = functools.cache(self._find_output)

    def run(
        self,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        timeout_s: float | None = None,
    ) -> list[np.ndarray]:
        """Runs the graph, see `LoadedModel`.

        The runtime alone judges dtypes and shapes. (`Session.run` would also check the declared
        shape, which TF Serving does not do, and a callable made of `CallableOptions` can have no
        deadline of its own, so the C function below them is called.)
        """
        tf_feeds = {self._output(name): array for name, array in feeds.items()}
        tf_fetches = [self._output(name) for name in fetches]
        options = _run_options(timeout_s)
        metric_table.GRAPH_RUNS.increment()
        try:
            results = pywrap_tf_session.TF_SessionRun_wrapper(
                self._session._session, options, tf_feeds, tf_fetches, [], None
            )
        except tf.errors.OpError as error:
            raise from_exception(error) from error
        except UnicodeDecodeError as error:
            # TensorFlow found no error to raise for a message that is no UTF-8, because it quotes
            # an input that is none. Its code is lost; those that check inputs give this one.
            message = error.object.decode("utf-8", "surrogateescape")
            raise invalid_argument(message) from error
        finally:
            if options is not None:
                pywrap_tf_session.TF_DeleteBuffer(options)
        return [_as_array(result) for result in results]

    def close(self) -> None:
        """See `LoadedModel`."""
        self._session.close()
        self._output.cache_clear()
        del self._session
        gc.collect()  # a graph refers to itself, and may be hundreds of megabytes

    def _find_output(self, name: str) -> Any:  # TF_Output, which names an op's output in C
        try:
            return self._session.graph.get_tensor_by_name(name)._as_tf_output()
        except (KeyError, ValueError):
            raise invalid_argument(
                f"Tensor {name}, specified in either feed_devices or fetch_devices was not found "
                "in the Graph"
            ) from None


def _copy(signature: meta_graph_pb2.SignatureDef) -> meta_graph_pb2.SignatureDef:
    copy = meta_graph_pb2.SignatureDef()
    copy.CopyFrom(signature)
    return copy


def load(path: str, tags: Sequence[str], session_config: config_pb2.ConfigProto) -> LoadedModel:
    """Loads a SavedModel: restores its variables and runs its init op with its assets.

    Raises:
        StatusError: it cannot be loaded.
    """
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph, config=session_config)
    try:
        with graph.as_default():
            meta_graph = tf.compat.v1.saved_model.load(session, tags, path)
    except BaseException as error:
        session.close()
        raise _load_error(path, error) from error
    return SessionModel(session, meta_graph)


def _load_error(path: str, error: BaseException) -> BaseException:
    if isinstance(error, OSError):
        # The loader says "does not exist" and "cannot parse" alike with OSError.
        code = Code.NOT_FOUND if "does not exist" in str(error) else Code.DATA_LOSS
        return StatusError(code, f"Could not load SavedModel at {path}: {error}")
    if isinstance(error, RuntimeError):
        return StatusError(Code.NOT_FOUND, f"Could not load SavedModel at {path}: {error}")
    return from_exception(error) if isinstance(error, Exception) else error


def _run_options(timeout_s: float | None) -> Any:  # TF_Buffer
    if timeout_s is None:
        return None
    timeout_ms = math.ceil(timeout_s * 1000)
    if timeout_ms <= 0:
        raise StatusError(Code.DEADLINE_EXCEEDED, "The deadline passed before the model ran")
    options = config_pb2.RunOptions(timeout_in_ms=min(timeout_ms, 2**62))
    return pywrap_tf_session.TF_NewBufferFromString(options.SerializeToString())


def _as_array(result: Any) -> np.ndarray:
    if isinstance(result, bytes):  # a scalar string
        array = np.empty((), object)
        array[()] = result
        return array
    return np.asarray(result)
