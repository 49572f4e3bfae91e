"""The REST API: sections 4.1 to 4.5 and 4.7 of the API page, against a real server.

Section 4.6, classify and regress, is in test_rest_examples.py.
"""

import gzip
import http.client
import json
import time

import pytest

from serving.server.rest import HTTP_STATUS
from serving.server.status import Code

BENCH = "workbench:predict"


def error(answer: tuple[int, str]) -> tuple[int, str]:
    status, body = answer
    return status, json.loads(body)["error"]


# --- routes (4.1) ---


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/workbench:predict"),
        ("PUT", "/v1/models/workbench"),
        ("DELETE", "/v1/models/workbench"),
        ("PATCH", "/v1/models/workbench"),
        ("POST", "/v1/models/workbench"),
        ("POST", "/v1/models/workbench:predict/"),
        ("POST", "/v1/models/workbench:predict?x=1"),
        ("POST", "/v1/models/workbench:Predict"),
        ("POST", "/v1/models/workbench/versions/1x:predict"),
        ("POST", "/v1/models/workbench/versions/-1:predict"),
        ("POST", "/v1/models/workbench/versions/%31:predict"),
        ("POST", "/v1/models/workbench:unknown"),
        ("GET", "/v1/models/workbench/"),
        ("GET", "/v1/models/workbench/metadata?x=1"),
        ("GET", "/v1/"),
        ("GET", "/V1/nothing"),
    ],
)
def test_4_1_malformed_requests(small_models_server, method, path):
    response = small_models_server.http.request(method, path, content="{}")
    assert response.status_code == 400
    assert response.json() == {"error": f"Malformed request: {method} {path}"}
    assert response.headers["content-type"] == "application/json"


def test_4_1_head_is_malformed_and_has_no_body(small_models_server):
    response = small_models_server.http.head("/v1/models/workbench")
    assert (response.status_code, response.content) == (400, b"")


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/models/workbench", "/monitoring/prometheus"])
def test_4_1_paths_elsewhere_are_an_html_page(small_models_server, path):
    response = small_models_server.http.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/models", 400, "Missing model name in request."),
        ("/v1/models/nope", 404, "Could not find any versions of model nope"),
        ("/v1/models/workbench?x=1", 404, "Could not find any versions of model workbench?x=1"),
        ("/v1/models/a%2Fb", 404, "Could not find any versions of model a/b"),
        ("/v1/models/workbench/versions/99", 404,
         "Could not find version 99 of model workbench"),
        ("/v1/models/nope/metadata", 404, "Servable not found for request: Latest(nope)"),
        ("/v1/models/workbench/versions/99/metadata", 404,
         "Servable not found for request: Specific(workbench, 99)"),
        ("/v1/models/workbench/labels/b%20c/metadata", 400,
         "Unrecognized servable version label: b c"),
    ],
)  # fmt: skip
def test_4_1_get_errors(small_models_server, path, status, message):
    response = small_models_server.http.get(path)
    assert (response.status_code, response.json()) == (status, {"error": message})


def test_4_1_a_version_beyond_int64_is_refused_without_a_word(small_models_server):
    for path in ("/v1/models/workbench/versions/9223372036854775808", "/v1/models/m/versions/" + (
        "9" * 50)):  # fmt: skip
        response = small_models_server.http.get(path)
        assert (response.status_code, response.content) == (400, b"")


@pytest.mark.parametrize("version", ["9223372036854775808", "9" * 5000])
def test_4_1_so_it_is_for_inference(small_models_server, version):
    path = f"/v1/models/workbench/versions/{version}:predict"
    response = small_models_server.http.post(path, content='{"inputs": [1.0]}')
    assert (response.status_code, response.content) == (400, b"")


def test_4_1_zeros_before_a_version(small_models_server):
    path = f"/v1/models/workbench/versions/{'0' * 5000}123"
    assert small_models_server.http.get(path).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://a.example", 200), ("https://a.example", 200), ("a.example", 400), ("", 400)],
)
def test_4_1_options(small_models_server, origin, status):
    response = small_models_server.http.options(
        "/v1/models/workbench:predict", headers={"Origin": origin}
    )
    assert (response.status_code, response.content) == (status, b"")
    assert "access-control-allow-origin" not in response.headers


def test_4_1_v1_models_is_matched_without_case_and_names_are_decoded(small_models_server):
    response = small_models_server.http.get("/V1/Models/work%62ench")
    assert response.json()["model_version_status"][0]["version"] == "123"


def test_4_1_keep_alive(small_models_server):
    connection = http.client.HTTPConnection("localhost", small_models_server.rest_port)
    for _ in range(3):  # http.client would reconnect without a word if auto_open were on
        connection.request("POST", "/v1/models/workbench:predict", body='{"instances": [1.0]}')
        assert connection.getresponse().read() == b'{"predictions": [1.0]}'
        connection.auto_open = 0
    connection.close()


def test_4_1_the_content_type_is_not_looked_at(small_models_server):
    headers = {"Content-Type": "text/xml"}
    answer = small_models_server.post(BENCH, '{"instances": [1]}', **headers)
    assert answer == (200, '{"predictions": [1.0]}')


def test_4_1_gzip_requests(small_models_server):
    packed = gzip.compress(b'{"instances": [1.5]}')
    answer = small_models_server.post(BENCH, packed, **{"Content-Encoding": "gzip"})
    assert answer == (200, '{"predictions": [1.5]}')
    for broken in (b"no gzip", packed[:-9]):
        answer = small_models_server.post(BENCH, broken, **{"Content-Encoding": "gzip"})
        assert error(answer) == (400, "JSON Parse error: The document is empty")


def test_4_1_a_body_beyond_100_mebibytes_is_not_inflated(small_models_server):
    bomb = gzip.compress(b'{"inputs": 1.0}' + b" " * (100 * 2**20), compresslevel=1)
    answer = small_models_server.post(BENCH, bomb, **{"Content-Encoding": "gzip"})
    assert error(answer) == (400, "JSON Parse error: The document is empty")


# --- errors (4.3) ---


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        ("INVALID_ARGUMENT FAILED_PRECONDITION OUT_OF_RANGE", 400), ("UNAUTHENTICATED", 401),
        ("PERMISSION_DENIED", 403), ("NOT_FOUND", 404), ("ALREADY_EXISTS ABORTED", 409),
        ("RESOURCE_EXHAUSTED", 429), ("CANCELLED", 499), ("UNKNOWN INTERNAL DATA_LOSS", 500),
        ("UNIMPLEMENTED", 501), ("UNAVAILABLE", 503), ("DEADLINE_EXCEEDED", 504),
    ],
)  # fmt: skip
def test_4_3_http_statuses(codes, status):
    assert {HTTP_STATUS.get(Code[code], 500) for code in codes.split()} == {status}


def test_1_1_a_body_carries_the_whole_message(small_models_server):
    name = "n" * 2000
    answer = small_models_server.post(BENCH, f'{{"signature_name": "{name}"}}')
    assert error(answer) == (400, f'Serving signature name: "{name}" not found in signature def')


def test_4_3_the_body_of_an_error(small_models_server):
    response = small_models_server.http.post("/v1/models/nope:predict", content="{}")
    assert response.json() == {"error": "Servable not found for request: Latest(nope)"}
    assert response.headers["content-type"] == "application/json"


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


def test_4_1_versions_in_the_path(small_models_server):
    body = '{"instances": [1.0]}'
    answer = small_models_server.post("workbench/versions/123:predict", body)
    assert answer == (200, '{"predictions": [1.0]}')
    assert error(small_models_server.post("workbench/versions/9:predict", body)) == (
        404, "Servable not found for request: Specific(workbench, 9)",
    )  # fmt: skip
    assert error(small_models_server.post("workbench/labels/L:predict", body)) == (
        400, "Unrecognized servable version label: L",
    )  # fmt: skip


# --- status and metadata (4.7) ---


def test_4_7_status(small_models_server):
    for path in ("/v1/models/workbench", "/v1/models/workbench/versions/123"):
        response = small_models_server.http.get(path)
        assert response.headers["content-type"] == "application/json"
        assert response.json() == {
            "model_version_status": [
                {"version": "123", "state": "AVAILABLE",
                 "status": {"error_code": "OK", "error_message": ""}}
            ]
        }  # fmt: skip


def test_4_7_metadata(small_models_server):
    answer = small_models_server.http.get("/v1/models/half_plus_two_tf1/metadata").json()
    tensor_shape = {
        "dim": [{"size": "-1", "name": ""}, {"size": "1", "name": ""}],
        "unknown_rank": False,
    }
    x = {"dtype": "DT_FLOAT", "name": "x:0", "tensor_shape": tensor_shape}
    assert answer == {
        "model_spec": {"name": "half_plus_two_tf1", "signature_name": "", "version": "123"},
        "metadata": {"signature_def": {"signature_def": {
            "serving_default": {
                "inputs": {"x": x},
                "outputs": {"y": {**x, "name": "y:0"}},
                "method_name": "tensorflow/serving/predict",
                "defaults": {},
            }
        }}},
    }  # fmt: skip


def test_no_answer_waits_for_a_delayed_acknowledgement(small_models_server):
    def ask() -> float:
        start = time.perf_counter()
        small_models_server.post(BENCH, '{"instances": [1.0]}')
        return time.perf_counter() - start

    # Headers and body go in two packets; with Nagle's algorithm the second waits for 40 ms.
    assert min(ask() for _ in range(20)) < 0.03
