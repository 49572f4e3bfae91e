"""REST classify and regress (section 4.6 of the API page), against a real server."""

import json

import pytest

from tests.serving.server_process import error

BENCH = "examples_tf1"
EXPORTS = pytest.mark.parametrize("model", ["examples_tf1", "examples_tf2"])


@EXPORTS
@pytest.mark.parametrize(
    ("signature_name", "answer"),
    [
        ("classify", '{"results": [[["plus", 3.0], ["minus", -3.0]], '
         '[["plus", 2.1], ["minus", -2.1]]]}'),
        ("classify_labels", '{"results": [[["plus", 0.0], ["minus", 0.0]], '
         '[["plus", 0.0], ["minus", 0.0]]]}'),
        ("classify_scores", '{"results": [[["", 3.0], ["", -3.0]], [["", 2.1], ["", -2.1]]]}'),
    ],
)  # fmt: skip
def test_4_6_classify(small_models_server, model, signature_name, answer):
    body = f'{{"signature_name": "{signature_name}", "examples": [{{"x": 2.0}}, {{"x": 0.2}}]}}'
    assert small_models_server.post(f"{model}:classify", body) == (200, answer)


@EXPORTS
def test_4_6_regress(small_models_server, model):
    body = '{"signature_name": "regress", "examples": [{"x": [2.0]}, {"x": 80.0}, {"x": 1e3}]}'
    assert small_models_server.post(f"{model}:regress", body) == (
        200, '{"results": [3.0, 42.0, 502.0]}',
    )  # fmt: skip


@EXPORTS
@pytest.mark.parametrize(
    ("x", "answer"),
    [
        ("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"), ("Inf", "Infinity"),
        ("1e39", "Infinity"), ("1e-60", "2.0"), ("36893488147419103232", "1.84467441e+19"),
    ],
)  # fmt: skip
def test_4_6_floats(small_models_server, model, x, answer):
    body = f'{{"signature_name": "regress", "examples": [{{"x": {x}}}]}}'
    answered = small_models_server.post(f"{model}:regress", body)
    assert answered == (200, f'{{"results": [{answer}]}}')


@EXPORTS
@pytest.mark.parametrize("x", ["2", "true", "[2]"])
def test_4_6_an_integer_token_fails_for_a_float_feature(small_models_server, model, x):
    body = f'{{"signature_name": "regress", "examples": [{{"x": {x}}}]}}'
    status, message = error(small_models_server.post(f"{model}:regress", body))
    assert status == 400
    assert "Data types don't match. Data type: int64 but expected type: float" in message


@EXPORTS
def test_4_6_context(small_models_server, model):
    body = (
        '{"signature_name": "regress", "context": {"x": 2.0, "y": ["a", {"b64": "AA=="}]}, '
        '"examples": [{}, {"x": 40.0}, {"z": []}], "unknown": 1}'
    )
    assert small_models_server.post(f"{model}:regress", body) == (
        200, '{"results": [3.0, 22.0, 3.0]}',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("feature", "label"),
    [
        pytest.param('"a"', b"\x0a\x03\x0a\x01a", id="string"),
        pytest.param('{"b64": "/w=="}', b"\x0a\x03\x0a\x01\xff", id="base64"),
        pytest.param('"\\u00e9"', b"\x0a\x04\x0a\x02\xc3\xa9", id="escape"),
        pytest.param('["a", {"b64": "Yg=="}]', b"\x0a\x06\x0a\x01a\x0a\x01b", id="both"),
        pytest.param("1.5", b"\x12\x06\x0a\x04\x00\x00\xc0\x3f", id="fraction"),
        pytest.param("1e0", b"\x12\x06\x0a\x04\x00\x00\x80\x3f", id="exponent"),
        pytest.param("7", b"\x1a\x03\x0a\x01\x07", id="integer"),
        pytest.param("[true, false, 2]", b"\x1a\x05\x0a\x03\x01\x00\x02", id="booleans"),
        pytest.param("[]", b"", id="nothing"),
    ],
)
def test_4_6_the_token_decides_the_kind(small_models_server, feature, label):
    """The model's label is the tf.Example it got, whose bytes are written out by hand."""
    body = f'{{"examples": [{{"f": {feature}}}]}}'
    response = small_models_server.http.post("/v1/models/misfits:classify", content=body)
    entry = b"\x0a\x01f\x12" + bytes([len(label)]) + label  # key 1, value 2 of a map's entry
    example = b"\x0a" + bytes([len(entry) + 2]) + b"\x0a" + bytes([len(entry)]) + entry
    written = json.dumps(example.decode("utf-8", "surrogateescape"), ensure_ascii=False)
    expected = f'{{"results": [[[{written}, 0.0]]]}}'.encode("utf-8", "surrogateescape")
    assert (response.status_code, response.content) == (200, expected)


def test_4_6_versions_in_the_path(small_models_server):
    body = '{"signature_name": "regress", "examples": [{"x": 2.0}]}'
    answer = small_models_server.post(f"{BENCH}/versions/123:regress", body)
    assert answer == (200, '{"results": [3.0]}')
    assert error(small_models_server.post(f"{BENCH}/versions/9:regress", body)) == (
        404, f"Servable not found for request: Specific({BENCH}, 9)",
    )  # fmt: skip
    assert error(small_models_server.post(f"{BENCH}/labels/L:classify", body)) == (
        400, "Unrecognized servable version label: L",
    )  # fmt: skip


NO_EXAMPLES = "When method is classify, key 'examples' is expected and was not found"


@pytest.mark.parametrize("method", ["classify", "regress"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("{", "JSON Parse error: Missing a name for object member. at offset: 1"),
        ("[1]", "JSON Value: [\n    1\n] Is not object"),
        ('{"signature_name": 1}', "'signature_name' key must be a string value."),
        ('{"signature_name": {}, "examples": 1}', "'signature_name' key must be a string value."),
        ("{}", f"JSON Value: {{}} {NO_EXAMPLES}"),
        ('{"context": {}}', NO_EXAMPLES),
        ('{"context": [], "examples": 1}', "Example must be JSON object but got JSON Array"),
        ('{"examples": {}}', "Expecting 'examples' value to be an list/array"),
        ('{"examples": []}', "'examples' value is an empty array"),
        ('{"examples": [[]]}', "Example must be JSON object but got JSON Array"),
        ('{"examples": [null]}', "Example must be JSON object but got JSON Null"),
        ('{"examples": ["x"]}', "Example must be JSON object but got JSON String"),
        ('{"examples": [1]}', "Example must be JSON object but got JSON Number"),
        ('{"examples": [true]}', "Example must be JSON object but got JSON True"),
        ('{"examples": [{"x": null}]}', "Feature: x has element with unexpected JSON type: Null"),
        ('{"examples": [{"x": {}}]}', "Feature: x has element with unexpected JSON type: Object"),
        ('{"examples": [{"x": {"b64": 1}}]}',
         "Feature: x has element with unexpected JSON type: Object"),
        ('{"examples": [{"x": [[]]}]}',
         "Feature: x has element with unexpected JSON type: Array"),
        ('{"examples": [{"x": [1, 2.0, null]}]}',
         "Unexpected element type in feature: x expecting type: int64"),
        ('{"examples": [{"x": [2.0, 1]}]}',
         "Unexpected element type in feature: x expecting type: float"),
        ('{"examples": [{"x": ["a", true]}]}',
         "Unexpected element type in feature: x expecting type: bytes"),
        ('{"examples": [{"x": 9223372036854775808}]}',
         "Feature: x has uint64_t element. Only int64_t is supported."),
        ('{"examples": [{"x": {"b64": "?"}}]}', "Unable to base64 decode"),
        (b'{"examples": [{"\xff": 1.0}]}', "Example has a feature whose name is not UTF-8"),
    ],
)  # fmt: skip
def test_4_6_request_errors(small_models_server, method, body, message):
    for model in (BENCH, "nope"):  # all of it is looked at before the model
        status, found = error(small_models_server.post(f"{model}:{method}", body))
        assert status == 400
        assert message in found


@pytest.mark.parametrize(
    ("method", "name", "status", "message"),
    [
        ("classify", f"{BENCH}:classify", 400, "No signature was found with the name: nope"),
        ("regress", f"{BENCH}:regress", 400, "No signature was found with the name: nope"),
        ("classify", "nope:classify", 404, "Servable not found for request: Latest(nope)"),
        ("regress", "nope:regress", 404, "Servable not found for request: Latest(nope)"),
    ],
)
def test_4_6_then_come_the_model_and_the_signature(
    small_models_server, method, name, status, message
):
    body = '{"signature_name": "nope", "examples": [{}]}'
    assert error(small_models_server.post(name, body)) == (status, message)


@pytest.mark.parametrize(
    ("path", "signature_name", "message"),
    [
        ("misfits:classify", "logits", "Expected classification signature outputs to contain"),
        ("misfits:classify", "scores_in_a_row", "Expected Tensor shape: [batch_size num_classes]"),
        ("misfits:regress", "regress_wide", "Expected output Tensor shape to be either"),
        ("misfits:regress", "x_of_nothing", "No signature was found with the name"),
        (f"{BENCH}:regress", "regress", "Feature: x (data type: float) is required but could not"),
    ],
)
def test_4_6_errors_of_signatures_and_runs(small_models_server, path, signature_name, message):
    body = f'{{"signature_name": "{signature_name}", "examples": [{{}}]}}'
    status, found = error(small_models_server.post(path, body))
    assert status == 400
    assert message in found


def test_9_depth_equal_keys_and_trailing_text(small_models_server):
    deep = "[" * 5_000 + "]" * 5_000
    path, rest = f"{BENCH}:regress", '"signature_name": "regress", "examples": [{"x": 2.0}]'
    assert small_models_server.post(path, f'{{"ignored": {deep}, {rest}}}')[0] == 200
    assert small_models_server.post(path, f'{{"signature_name": {deep}}}')[0] == 400
    assert small_models_server.post(path, f'{{"examples": {deep}}}')[0] == 400
    assert small_models_server.post(path, f'{{"examples": [{{"x": {deep}}}]}}')[0] == 400
    answer = (200, '{"results": [3.0]}')
    assert small_models_server.post(path, f'{{{rest}, "examples": 1}} and more') == answer
    assert error(small_models_server.post(path, '{"examples": [{"x": 1e400}]}')) == (
        400, "JSON Parse error: Number too big to be stored in double. at offset: 20",
    )  # fmt: skip
