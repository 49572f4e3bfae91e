"""The requests a version answers before it serves: `assets.extra/tf_serving_warmup_requests`."""

import os
from collections.abc import Callable, Iterator, Mapping

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving.server import examples, multi_inference, prediction
from serving.server.classification import Classifier
from serving.server.examples import Asking
from serving.server.loader import LoadedModel
from serving.server.regression import Regressor
from serving.server.status import Code, StatusError

_FILE = os.path.join("assets.extra", "tf_serving_warmup_requests")
_MAX_RECORDS = 1000
_TASKS: Mapping[str, Callable] = {"classify_log": Classifier, "regress_log": Regressor}


def warm_up(
    model: LoadedModel, version_path: str, iterations: int, check_method_name: bool = False
) -> int:
    """Runs a version's warm-up requests, if it has any; returns how many there are.

    Args:
        iterations: how often each request runs.
        check_method_name: as Classify and Regress are asked to.

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
            _replay(model, log, check_method_name)
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


def _replay(
    model: LoadedModel, log: prediction_log_pb2.PredictionLog, check_method_name: bool
) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        prediction.predict_with(model, log.predict_log.request)
    elif kind in _TASKS:
        request = getattr(log, kind).request
        how = Asking(request.model_spec.signature_name, check_method_name=check_method_name)
        examples.ask(model, _TASKS[kind], request.input, how)
    elif kind == "multi_inference_log":
        request = log.multi_inference_log.request
        multi_inference.infer_with(model, request, None, check_method_name)
    else:
        number = log.DESCRIPTOR.fields_by_name[kind].number if kind else 0
        raise StatusError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {number}")
