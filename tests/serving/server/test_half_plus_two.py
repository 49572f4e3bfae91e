"""Both transports, a TF1 and a TF2 export, and the answers of TF Serving's own documentation.

Its REST guide asks half_plus_two for 1, 2 and 5, and half_plus_three, by Regress, for 1 and 2.
"""

import json

import numpy as np
import pytest

from tests.serving.example_requests import CLASSIFY, REGRESS, classification, example, regression
from tests.serving.server_process import predict_request

pytestmark = pytest.mark.parametrize("model", ["examples_tf1", "examples_tf2"])
EXAMPLES = (example(x=1.0), example(x=2.0))


@pytest.mark.parametrize("x", [[1.0, 2.0, 5.0], [[1.0], [2.0], [5.0]]], ids=["[3]", "[3,1]"])
def test_4_5_predict_gives_the_documented_answer(small_models_server, model, x):
    expected = np.reshape([2.5, 3.0, 4.5], np.shape(x)).tolist()
    output = small_models_server.predict(model, x=x).outputs["y"]
    assert list(output.float_val) == [2.5, 3.0, 4.5]
    for key, answer in (("instances", "predictions"), ("inputs", "outputs")):
        response = small_models_server.post(f"{model}:predict", json.dumps({key: x}))
        assert response == (200, json.dumps({answer: expected}))


def test_4_6_regress_gives_the_documented_answer(small_models_server, model):
    request = regression(model, "regress_plus_three", *EXAMPLES)
    response = small_models_server.predictions.Regress(request)
    assert [each.value for each in response.result.regressions] == [3.5, 4.0]
    body = '{"signature_name": "regress_plus_three", "examples": [{"x": 1.0}, {"x": 2.0}]}'
    answer = small_models_server.post(f"{model}:regress", body)
    assert answer == (200, '{"results": [3.5, 4.0]}')


def test_2_3_all_ways_to_ask_say_the_same(small_models_server, model):
    inputs = [each.SerializeToString() for each in EXAMPLES]
    predict = predict_request(model, "classify", inputs=inputs)
    outputs = small_models_server.predictions.Predict(predict).outputs
    classify = classification(model, "classify", *EXAMPLES)
    rows = small_models_server.predictions.Classify(classify).result.classifications
    pairs = [[each.label, each.score] for row in rows for each in row.classes]
    labels = [label.decode() for label in outputs["classes"].string_val]
    assert pairs == [list(pair) for pair in zip(labels, outputs["scores"].float_val, strict=True)]
    body = '{"signature_name": "classify", "examples": [{"x": 1.0}, {"x": 2.0}]}'
    _, answer = small_models_server.post(f"{model}:classify", body)
    assert [pair for row in json.loads(answer)["results"] for pair in row] == pairs


def test_2_5_methods_are_those_of_the_export(small_models_server, model):
    answer = small_models_server.http.get(f"/v1/models/{model}/metadata").json()
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    methods = [signatures[name]["method_name"] for name in ("classify", "regress")]
    predict = "tensorflow/serving/predict"
    assert methods == ([CLASSIFY, REGRESS] if model == "examples_tf1" else [predict, predict])
    assert signatures["classify"]["inputs"]["inputs"]["dtype"] == "DT_STRING"
