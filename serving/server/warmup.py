"""The requests a version answers before it serves: `assets.extra/tf_serving_warmup_requests`."""

import os
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import classification_pb2, prediction_log_pb2

from serving.server import prediction
from serving.server.loader import LoadedModel
from serving.server.status import Code, StatusError

_FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")
_MAX_RECORDS = 1000


def warm_up(model: LoadedModel, version_path: str, iterations: int) -> int:
    """Runs a version's warm-up requests, if it has any; returns how many there are.

    Args:
        iterations: how often each request runs.

    Raises:
        StatusError: a record cannot be read, or its request fails.
    """
    path = os.path.join(version_path, _FILE)
    if not tf.io.gfile.exists(path):
        return 0
    count = 0
    for count, log in enumerate(_records(path), start=1):
        if count > _MAX_RECORDS:
            raise StatusError(
                Code.INVALID_ARGUMENT,
                f"Number of warmup records exceeds the maximum ({_MAX_RECORDS}) at {path}",
            )
        for _ in range(iterations):
            _replay(model, log)
    return count


def _records(path: str) -> Iterator[prediction_log_pb2.PredictionLog]:
    try:
        for record in tf.compat.v1.io.tf_record_iterator(path):
            yield prediction_log_pb2.PredictionLog.FromString(record)
    except tf.errors.DataLossError as error:
        raise StatusError(
            Code.DATA_LOSS,
            f"{error.message}. Please verify your warmup data is in TFRecord format.",
        ) from error
    except DecodeError as error:
        raise StatusError(
            Code.INVALID_ARGUMENT, f"Failed to parse warmup record: {error} in {path}"
        ) from error


def _replay(model: LoadedModel, log: prediction_log_pb2.PredictionLog) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        prediction.predict_with(model, log.predict_log.request)
    elif kind == "classify_log":
        _classify(model, log.classify_log.request)
    else:
        raise StatusError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")


def _classify(model: LoadedModel, request: classification_pb2.ClassificationRequest) -> None:
    """Runs the signature on the request's examples, without an answer."""
    examples = [each.SerializeToString() for each in request.input.example_list.examples]
    name = request.model_spec.signature_name or prediction.DEFAULT_SIGNATURE
    aliases = list(model.signatures[name].inputs) if name in model.signatures else ["inputs"]
    prediction.run_signature(model, name, aliases, lambda _: np.array(examples, object))
