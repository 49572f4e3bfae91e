"""The REST API's routes, errors, status and metadata: sections 4.1, 4.3 and 4.7 of the API page.

Predict, sections 4.2, 4.4 and 4.5, is in test_rest_predict.py, classify and regress, section 4.6,
in test_rest_examples.py.
"""

import gzip
import http.client
import time

import pytest

from serving.server.rest import HTTP_STATUS
from serving.server.status import Code
from tests.serving.server_process import error

BENCH = "workbench:predict"


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
def test_4_1_so_it_is_for_inference_and_metadata(small_models_server, version):
    path = f"/v1/models/workbench/versions/{version}"
    for response in (
        small_models_server.http.post(f"{path}:predict", content='{"inputs": [1.0]}'),
        small_models_server.http.get(f"{path}/metadata"),
    ):
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


@pytest.mark.parametrize("between", ["/v1/models/workbench:Predict", "/elsewhere"])
def test_4_1_http_1_1_with_keep_alive_also_after_an_error(small_models_server, between):
    connection = http.client.HTTPConnection("localhost", small_models_server.rest_port)
    for path in ("/v1/models/workbench:predict", between, "/v1/models/workbench:predict"):
        connection.request("POST", path, body='{"instances": [1.0]}')
        response = connection.getresponse()
        assert response.version == 11
        assert (response.read() == b'{"predictions": [1.0]}') == (path != between)
        connection.auto_open = 0  # http.client would reconnect without a word if this were on
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "workbench:predict", '{"instances": [1.0]}'),
        ("POST", "workbench:predict", '{"inputs": [1.0]}'),
        ("POST", "examples_tf1:classify",
         '{"signature_name": "classify", "examples": [{"x": 2.0}]}'),
        ("POST", "examples_tf1:regress", '{"signature_name": "regress", "examples": [{"x": 2.0}]}'),
        ("GET", "workbench", None),
        ("GET", "workbench/metadata", None),
    ],
    ids=["rows", "columns", "classify", "regress", "status", "metadata"],
)  # fmt: skip
def test_4_1_answers_are_json_and_never_compressed(small_models_server, method, path, body):
    headers = {"Accept-Encoding": "gzip, deflate", "Content-Type": "text/plain"}
    response = small_models_server.http.request(
        method, f"/v1/models/{path}", content=body, headers=headers
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert "content-encoding" not in response.headers
    assert int(response.headers["content-length"]) == len(response.content)


def test_4_1_a_body_may_come_in_chunks(small_models_server):
    chunks = iter([b'{"instances": [1', b".5, 2]}"])
    response = small_models_server.http.post(f"/v1/models/{BENCH}", content=chunks)
    assert response.request.headers["transfer-encoding"] == "chunked"
    assert response.text == '{"predictions": [1.5, 2.0]}'


HANDSHAKE = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.mark.parametrize(
    "headers",
    [{"Upgrade": "websocket", **HANDSHAKE}, {"Upgrade": "websocket"}, {"Upgrade": "h2c"}],
    ids=["websocket", "half-a-handshake", "h2c"],
)
def test_4_1_a_wish_to_upgrade_is_ignored(small_models_server, headers):
    headers = {"Connection": "Upgrade", **headers}
    body = '{"instances": [1.0]}'
    assert small_models_server.post(BENCH, body, **headers) == (200, '{"predictions": [1.0]}')
    response = small_models_server.http.get("/v1/models/workbench", headers=headers)
    assert response.json()["model_version_status"][0]["version"] == "123"


@pytest.mark.parametrize(
    "label", ["stable", "b%20c", "%C3%A9%2F%3A"], ids=["plain", "space", "slash-and-colon"]
)
def test_4_1_labels_in_the_path(small_models_server, label):
    model = f"examples_tf2/labels/{label}"
    examples = '"examples": [{"x": 2.0}]'
    post = small_models_server.post
    assert post(f"{model}:predict", '{"instances": [2.0]}') == (200, '{"predictions": [3.0]}')
    assert post(f"{model}:regress", f'{{"signature_name": "regress", {examples}}}') == (
        200, '{"results": [3.0]}',
    )  # fmt: skip
    assert post(f"{model}:classify", f'{{"signature_name": "classify_scores", {examples}}}') == (
        200, '{"results": [[["", 3.0], ["", -3.0]]]}',
    )  # fmt: skip
    answer = small_models_server.http.get(f"/v1/models/{model}/metadata").json()
    assert answer["model_spec"]["version"] == "123"


def test_3_1_status_ignores_the_label_in_the_path(small_models_server):
    answer = small_models_server.http.get("/v1/models/workbench/labels/none").json()
    assert [entry["version"] for entry in answer["model_version_status"]] == ["123"]


def test_1_1_rest_listens_on_every_interface(small_models_server):
    for host in ("127.0.0.1", "127.0.0.2"):  # the whole of 127.0.0.0/8 is this machine
        connection = http.client.HTTPConnection(host, small_models_server.rest_port)
        connection.request("GET", "/v1/models/workbench")
        assert connection.getresponse().status == 200
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


def test_4_7_unknown_rank_and_defaults(small_models_server):
    answer = small_models_server.http.get("/v1/models/workbench/versions/123/metadata").json()
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    x = signatures["echo_int64"]["inputs"]["x"]
    assert x["tensor_shape"] == {"dim": [], "unknown_rank": True}
    default = signatures["optional"]["defaults"]["b"]
    assert (default["dtype"], default["float_val"]) == ("DT_FLOAT", [10.0])
    assert default["tensor_shape"] == {"dim": [], "unknown_rank": False}
    assert signatures["no_inputs"]["inputs"] == {}


def test_4_7_a_tf2_export_has_its_init_op(small_models_server):
    answer = small_models_server.http.get("/v1/models/half_plus_two_tf2/metadata").json()
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert sorted(signatures) == ["__saved_model_init_op", "serving_default"]


def test_no_answer_waits_for_a_delayed_acknowledgement(small_models_server):
    def ask() -> float:
        start = time.perf_counter()
        small_models_server.post(BENCH, '{"instances": [1.0]}')
        return time.perf_counter() - start

    # Headers and body go in two packets; with Nagle's algorithm the second waits for 40 ms, each
    # time. Other work on the machine holds up many answers, but not all.
    assert min(ask() for _ in range(100)) < 0.03
