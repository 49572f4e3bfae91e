"""Requests that carry tf.Examples: Classify, Regress, MultiInference."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

CLASSIFY, REGRESS = tf.saved_model.CLASSIFY_METHOD_NAME, tf.saved_model.REGRESS_METHOD_NAME


def example(**features: Any) -> tf.train.Example:
    """A tf.Example; floats, ints, bytes, or lists of them."""
    made = tf.train.Example()
    for name, values in features.items():
        values = values if isinstance(values, list) else [values]
        kind = {float: "float_list", int: "int64_list", bytes: "bytes_list"}[type(values[0])]
        getattr(made.features.feature[name], kind).value.extend(values)
    return made


def multi_inference(
    *tasks: tuple[str, str, str], examples: tuple[tf.train.Example, ...] = (example(x=2.0),)
) -> inference_pb2.MultiInferenceRequest:
    """A MultiInferenceRequest; tasks are (model, signature, method)."""
    request = inference_pb2.MultiInferenceRequest()
    for model, signature_name, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = model, signature_name
    request.input.example_list.examples.extend(examples)
    return request


def _request(
    kind: Any, model: str, signature_name: str, examples: Sequence[tf.train.Example]
) -> Any:
    request = kind()
    request.model_spec.name = model
    request.model_spec.signature_name = signature_name
    request.input.example_list.examples.extend(examples)
    return request


def classification(
    model: str, signature_name: str = "", *examples: tf.train.Example
) -> classification_pb2.ClassificationRequest:
    """A ClassificationRequest; "" means the default signature."""
    return _request(classification_pb2.ClassificationRequest, model, signature_name, examples)


def regression(
    model: str, signature_name: str = "", *examples: tf.train.Example
) -> regression_pb2.RegressionRequest:
    """A RegressionRequest; "" means the default signature."""
    return _request(regression_pb2.RegressionRequest, model, signature_name, examples)
