"""Regress: a number for each of some tf.Examples (API page, section 2.3)."""

from collections.abc import Mapping

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import regression_pb2

from serving.server import examples
from serving.server.examples import Asking
from serving.server.manager import ModelManager
from serving.server.prediction import effective_spec, resolve, spec_of
from serving.server.status import invalid_argument
from serving.server.tensors import shape_text, type_enum_name

METHOD = "tensorflow/serving/regress"


class Regressor:
    """A signature as Regress reads it.

    Raises (on construction):
        StatusError: it is none.
    """

    def __init__(self, signature: meta_graph_pb2.SignatureDef, check_method_name: bool = False):
        if check_method_name:
            examples.check_method_name(signature, "regression", METHOD)
        examples.check_one_input(signature)
        if len(signature.outputs) != 1:
            raise invalid_argument("Expected one output Tensor.")
        self.input_name = examples.input_name(signature, "regression")
        if "outputs" not in signature.outputs:
            raise invalid_argument(f"No regression outputs found in SignatureDef: {signature}")
        self.output_names = [signature.outputs["outputs"].name]

    def read(self, outputs: Mapping[str, np.ndarray], num_examples: int) -> np.ndarray:
        """The numbers among the outputs of a run, float32[examples].

        Raises:
            StatusError: they are of another shape or dtype.
        """
        values = outputs[self.output_names[0]]
        if values.ndim != 1 and values.shape[1:] != (1,):
            raise invalid_argument(
                "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
                f"{shape_text(values.shape)}"
            )
        if len(values) != num_examples:
            raise invalid_argument(
                "Input batch size did not match output batch size: "
                f"{num_examples} vs. {len(values)}"
            )
        dtype = type_enum_name(values)
        if dtype != "DT_FLOAT":
            raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {dtype}")
        return values.reshape(-1)


def regress(
    manager: ModelManager,
    request: regression_pb2.RegressionRequest,
    timeout_s: float | None = None,
    check_method_name: bool = False,
) -> regression_pb2.RegressionResponse:
    """Regress.

    Raises:
        StatusError: the request cannot be answered.
    """
    with resolve(manager, spec_of(request)) as servable:
        how = Asking(request.model_spec.signature_name, timeout_s, check_method_name)
        values = examples.ask(servable.loaded_model, Regressor, request.input, how)
        return regression_pb2.RegressionResponse(
            result=to_proto(values), model_spec=effective_spec(request.model_spec, servable.version)
        )


def to_proto(values: np.ndarray) -> regression_pb2.RegressionResult:
    """The message of float32[examples]."""
    result = regression_pb2.RegressionResult()
    for value in values.tolist():
        result.regressions.add(value=value)
    return result
