"""Predict over REST: sections 4.2, 4.4 and 4.5 of the API page, against a real server."""

import pytest

from tests.serving.server_process import error

BENCH = "workbench:predict"


# --- predict: request (4.4) ---


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("{", "JSON Parse error: Missing a name for object member. at offset: 1"),
        ('{"instances": [x]}', "JSON Parse error: Invalid value. at offset: 15"),
        ('{"instances": [1.0, 1e400]}',
         "JSON Parse error: Number too big to be stored in double. at offset: 20"),
        ("[1]", "JSON Value: [\n    1\n] Is not object"),
        ('{"signature_name": 1}', "'signature_name' key must be a string value."),
        ('{"signature_name": "S"}', 'Serving signature name: "S" not found in signature def'),
        ('{"signature_name": "no_inputs"}', "Failed to get input map for signature: no_inputs"),
        ('{"instances": [1.0], "inputs": [1.0]}', "Not formatted correctly expecting only one of "
         "'inputs' or 'instances' keys to exist"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"instances": 1.0}', "Expecting 'instances' to be an list/array"),
        ('{"instances": []}', "No values in 'instances' array"),
    ],
)  # fmt: skip
def test_4_4_request_errors(small_models_server, body, message):
    status, found = error(small_models_server.post(BENCH, body))
    assert status == 400
    assert message in found


def test_4_4_a_default_signature_without_inputs(small_models_server):
    answer = small_models_server.post("no_inputs:predict", '{"instances": [1.0]}')
    assert error(answer) == (400, "Failed to get input map for signature: DEFAULT")


def test_4_4_a_signature_name_that_is_no_utf8(small_models_server):
    status, body = small_models_server.post(BENCH, b'{"signature_name": "\xff", "inputs": 1}')
    assert (status, "not found in signature def" in body) == (400, True)


def test_4_4_the_order_of_checks(small_models_server):
    assert error(small_models_server.post("nope:predict", "{"))[0] == 400
    body = '{"signature_name": "S", "instances": 1}'
    assert error(small_models_server.post("nope:predict", body)) == (
        404, "Servable not found for request: Latest(nope)",
    )  # fmt: skip
    assert error(small_models_server.post(BENCH, body))[1].startswith("Serving signature name")


def test_9_a_document_without_end_is_answered(small_models_server):
    deep = b"[" * 200_000 + b"]" * 200_000
    body = b'{"ignored": %s, "instances": [1.0]}' % deep
    assert small_models_server.post(BENCH, body) == (200, '{"predictions": [1.0]}')
    assert small_models_server.post(BENCH, b'{"signature_name": %s}' % deep)[0] == 400
    shallower = b"[" * 5_000 + b"]" * 5_000
    assert small_models_server.post(BENCH, b'{"instances": %s}' % shallower)[0] == 400


def row_error(rest: str, key: str = "") -> str:
    return f"Failed to process element: {rest}{key} of 'instances' list. Error: INVALID_ARGUMENT: "


@pytest.mark.parametrize(
    ("signature", "instances", "message"),
    [
        ("two", "[1.0]", "instances is a plain list, but expecting list of objects as multiple "
         "input tensors required as per tensorinfo_map"),
        ("two", '[{"a": 1.0, "b": 1.0}, [1.0]]',
         "Expecting object but got list at item 1 of input list"),
        ("serving_default", '[1.0, {"a": 1.0}]',
         "Expecting value/list but got object at item 1 of input list"),
        ("two", '[{"a": 1.0}]', "Failed to process element: 0 of 'instances' list. JSON object: "
         '{\n    "a": 1.0\n} keys must be equal to: a,b'),
        ("two", '[{"a": 1.0, "b": 1.0, "c": 1.0}]',
         row_error("0 key: c") + "JSON object: does not have named input: c"),
        ("serving_default", "[[1, 2], [1, 2, 3]]",
         row_error("1") + "Expecting tensor size: 2 but got: 3"),
        ("serving_default", '[{"a": [1, 2]}, {"a": [[1, 2]]}]',
         row_error("1 key: a") + "Expecting shape [2] but got: [1,2]"),
        ("serving_default", '["x"]',
         row_error("0") + 'JSON Value: "x" Type: String is not of expected type: float'),
        ("serving_default", "[1.0, null]", row_error("1") + "JSON Value: null Type: Null is not"),
        ("serving_default", "[true]", row_error("0") + "JSON Value: true Type: True is not"),
        ("serving_default", "[false]", row_error("0") + "JSON Value: false Type: False is not"),
        ("serving_default", '[{"b64": "AA=="}]', 'Type: Object is not of expected type: float'),
        ("echo_int32", "[2.0]", "JSON Value: 2.0 Type: Number is not of expected type: int32"),
        ("echo_int32", "[true]", "Type: True is not of expected type: int32"),
        ("echo_int32", "[3000000000]", "Type: Number is not of expected type: int32"),
        ("echo_bool", "[1]", "Type: Number is not of expected type: bool"),
        ("echo_string", "[1]", "Type: Number is not of expected type: string"),
        ("echo_int32", "[1e2]", "JSON Value: 100.0 Type: Number is not of expected type: int32"),
        ("echo_int64", "[2.0]", "JSON Value: 2.0 Type: Number is not of expected type: int64"),
        ("echo_int8", "[3000000000]", "Type: Number is not of expected type: int8"),
        ("echo_uint8", "[3000000000]", "Type: Number is not of expected type: uint8"),
        ("echo_int16", "[-3000000000]", "Type: Number is not of expected type: int16"),
        ("echo_bool", '["true"]', "Type: String is not of expected type: bool"),
        ("echo_string", "[null]", "JSON Value: null Type: Null is not of expected type: string"),
        ("echo_uint32", "[-1]", "Type: Number is not of expected type: uint32"),
        ("serving_default", "[[[1], 2]]", row_error("0") + "JSON Value: 2 found at incorrect "
         "level: 2 in the JSON DOM. Expected at level: 2"),
        ("serving_default", "[[[1, 2], [1, 2, 3]]]", row_error("0") + "Encountered list at "
         "unexpected size: 3 at level: 1 expected size: 2"),
        ("serving_default", "[[1, [2]]]",
         row_error("0") + "Encountered list at unexpected level: 1 expected < 1"),
        ("text", '[{"b64": "a"}]', row_error("0") + "Unable to base64 decode"),
        ("text", '[{"b64": "****"}]', row_error("0") + "Unable to base64 decode"),
        ("echo_float16", "[1.0]", "Failed to process element: 0 of 'instances' list. Error: "
         "UNIMPLEMENTED: Conversion of JSON Value: 1.0 to type: half"),
        ("echo_bfloat16", "[1.0]", "Conversion of JSON Value: 1.0 to type: bfloat16"),
        ("text", '[["a", {"b64": 1}]]', "not formatted correctly for base64 data"),
        ("serving_default", "[" * 65 + "1" + "]" * 65, "tensor parsing error: a"),
    ],
)  # fmt: skip
def test_4_4_row_errors(small_models_server, signature, instances, message):
    body = f'{{"signature_name": "{signature}", "instances": {instances}}}'
    status, found = error(small_models_server.post(BENCH, body))
    assert status == 400
    assert message in found


@pytest.mark.parametrize(
    ("signature", "inputs", "status", "message"),
    [
        ("two", "[1.0]", 400, "inputs is a plain value/list, but expecting an object as multiple "
         "input tensors required as per tensorinfo_map"),
        ("two", '{"a": [1.0]}', 400, "Missing named input: b in 'inputs' object."),
        ("serving_default", '{"a": "x"}', 400,
         'JSON Value: "x" Type: String is not of expected type: float'),
        ("echo_float16", "[1.0]", 501, "Conversion of JSON Value: 1.0 to type: half"),
        ("echo_uint16", "[1]", 501, "Conversion of JSON Value: 1 to type: uint16"),
        ("serving_default", "[[1], 2]", 400, "JSON Value: 2 found at incorrect level: 2 in the "
         "JSON DOM. Expected at level: 2"),
        ("serving_default", "[[1, 2], [3]]", 400,
         "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ("text", '{"text": [{"b64": "?"}]}', 400, "Unable to base64 decode"),
        ("echo_bfloat16", "1", 501, "Conversion of JSON Value: 1 to type: bfloat16"),
        ("echo_int64", "9223372036854775808", 400, "is not of expected type: int64"),
        ("echo_uint64", "18446744073709551616", 400, "is not of expected type: uint64"),
        ("serving_default", "[" * 64 + "1" + "]" * 64, 400, "tensor parsing error: a"),
        ("two", '{"a": [1.0, 2.0], "b": [1.0, 2.0, 3.0]}', 400, "Incompatible shapes: [2] vs. [3]"),
    ],
)  # fmt: skip
def test_4_4_column_errors(small_models_server, signature, inputs, status, message):
    body = f'{{"signature_name": "{signature}", "inputs": {inputs}}}'
    found_status, found = error(small_models_server.post(BENCH, body))
    assert found_status == status
    assert message in found


# --- predict: response (4.2, 4.5) ---


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ('{"instances": [2.0, 3.0]}', '{"predictions": [2.0, 3.0]}'),
        ('{"instances": [[1, 2], [3, 4]]}', '{"predictions": [[1.0, 2.0], [3.0, 4.0]]}'),
        ('{"instances": [{"a": 1}, {"a": 2}]}', '{"predictions": [1.0, 2.0]}'),
        ('{"instances": [[], []]}', '{"predictions": [[], []]}'),
        ('{"inputs": [1, 2.5]}', '{"outputs": [1.0, 2.5]}'),
        ('{"inputs": 4.0}', '{"outputs": 4.0}'),
        ('{"inputs": []}', '{"outputs": []}'),
        ('{"inputs": {"a": [1], "other": "x"}, "unknown": 0}', '{"outputs": [1.0]}'),
        ('{"inputs": [1]} and more', '{"outputs": [1.0]}'),
        ('{"inputs": [1], "inputs": [2]}', '{"outputs": [1.0]}'),
        ('{"signature_name": "two", "instances": [{"a": 1, "b": 2}, {"b": 5, "a": 3}]}',
         '{"predictions": [{"difference": -1.0, "sum": 3.0}, {"difference": -2.0, "sum": 8.0}]}'),
        ('{"signature_name": "two", "inputs": {"a": [1, 3], "b": [2]}}',
         '{"outputs": {"difference": [-1.0, 1.0], "sum": [3.0, 5.0]}}'),
        ('{"signature_name": "total", "inputs": [1, 2]}', '{"outputs": 3.0}'),
        ('{"signature_name": "text", "instances": ["aé", {"b64": "Yg=="}]}',
         '{"predictions": [{"raw_bytes": {"b64": "YcOp"}, "upper": "Aé"}, '
         '{"raw_bytes": {"b64": "Yg=="}, "upper": "B"}]}'),
        ('{"signature_name": "bytes", "instances": ["a", {"b64": "/w=="}]}',
         '{"predictions": [{"b64": "YQ=="}, {"b64": "/w=="}]}'),
        ('{"signature_name": "bytes", "inputs": {"text": [{"b64": "/w=="}]}}',
         '{"outputs": [{"b64": "/w=="}]}'),
        ('{"signature_name": "echo_string", "inputs": {"b64": "YQ=="}}', '{"outputs": "a"}'),
        ('{"signature_name": "echo_string", "inputs": [["a", {"b64": "Yg=="}]]}',
         '{"outputs": [["a", "b"]]}'),
        ('{"signature_name": "echo_string", "instances": [[{"b64": "Yg=="}], ["c"]]}',
         '{"predictions": [["b"], ["c"]]}'),
        ('{"signature_name": "text", "instances": ["\\ud83d\\ude00\\"\\n"]}',
         '{"predictions": [{"raw_bytes": {"b64": "8J+YgCIK"}, "upper": "😀\\"\\n"}]}'),
    ],
)  # fmt: skip
def test_4_5_predict(small_models_server, body, answer):
    assert small_models_server.post(BENCH, body.encode()) == (200, answer)


@pytest.mark.parametrize(
    ("signature", "values", "answer"),
    [
        ("float32", "[NaN, Infinity, -Infinity, Inf, -Inf]",
         "[NaN, Infinity, -Infinity, Infinity, -Infinity]"),
        ("float32", "[3, 2.1, 9000000, 0.1, 1e39, -1e39, 1e-60]",
         "[3.0, 2.1, 9e+06, 0.1, Infinity, -Infinity, 0.0]"),
        ("float32", "[0.33333333333, 16777217, 1234567]", "[0.333333343, 16777216.0, 1234567.0]"),
        ("float64", "[0.1, 0.3333333333333333, 1e300]", "[0.1, 0.33333333333333331, 1e+300]"),
        ("int8", "[127, 128, -129, 65537]", "[127, -128, 127, 1]"),
        ("uint8", "[255, 256, -1]", "[255, 0, 255]"),
        ("int16", "[32767, 32768]", "[32767, -32768]"),
        ("int64", "[-9223372036854775808, 9223372036854775807]",
         "[-9223372036854775808, 9223372036854775807]"),
        ("uint64", "[18446744073709551615]", "[18446744073709551615]"),
        ("uint32", "[4294967295]", "[4294967295]"),
        ("bool", "[true, false]", "[true, false]"),
        ("string", '["", "a\\u0000b", "\\u00e9"]', '["", "a\\u0000b", "é"]'),
    ],
)  # fmt: skip
def test_4_2_numbers_and_strings(small_models_server, signature, values, answer):
    body = f'{{"signature_name": "echo_{signature}", "inputs": {values}}}'
    assert small_models_server.post(BENCH, body) == (200, f'{{"outputs": {answer}}}')


def test_4_2_bytes_that_are_no_utf8_pass_through(small_models_server):
    body = b'{"signature_name": "echo_string", "inputs": ["a\xff"]}'
    response = small_models_server.http.post(f"/v1/models/{BENCH}", content=body)
    assert response.content == b'{"outputs": ["a\xff"]}'


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("total", "Tensor name: total has no shape information "),
        ("uneven", "Tensor name: first has inconsistent batch size: 1 expecting: 2"),
    ],
)
def test_4_5_row_answers_need_one_batch_size(small_models_server, signature, message):
    body = f'{{"signature_name": "{signature}", "instances": [1, 2]}}'
    assert error(small_models_server.post(BENCH, body)) == (400, message)


@pytest.mark.parametrize(("signature", "name"), [("to_half", "half"), ("to_uint16", "uint16")])
def test_4_2_dtypes_that_json_lacks_are_not_written(small_models_server, signature, name):
    for key in ("instances", "inputs"):
        body = f'{{"signature_name": "{signature}", "{key}": [1.0]}}'
        assert error(small_models_server.post("misfits:predict", body)) == (
            400, f"Failed to write JSON value for tensor type: {name}",
        )  # fmt: skip


def test_4_5_no_rows(small_models_server):
    for key, answer in (("instances", "predictions"), ("inputs", "outputs")):
        body = f'{{"signature_name": "no_rows", "{key}": [1.0, 2.0]}}'
        assert small_models_server.post("misfits:predict", body) == (200, f'{{"{answer}": []}}')
