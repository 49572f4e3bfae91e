"""What the REST API says in states that a healthy server is seldom in, in this process.

Sections 1.1, 4.1, 4.3 and 4.7 of the API page: versions that load or failed, deadlines, CORS.
"""

import asyncio
import threading

import httpx
import pytest
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import get_model_status_pb2

from serving.server import loader, prediction
from serving.server.config import ModelConfig, VersionPolicy
from serving.server.manager import ManagerOptions, ModelManager
from serving.server.rest import RestApi
from serving.server.servable import State
from serving.server.status import Code, StatusError
from tests.serving.served_models import workbench
from tests.serving.server.test_lifecycle import wait_for

LOOK_ONCE = ManagerOptions(file_system_poll_wait_seconds=0, max_num_load_retries=0)
ORIGIN = {"Origin": "http://a.example"}
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, GET",
    "access-control-allow-headers": "Content-Type",
}


def ask(
    manager: ModelManager, method: str, path: str, cors: bool = False, **more
) -> httpx.Response:
    """One request to a RestApi whose models may run for 0.3 s."""
    api = RestApi(manager, 2, timeout_s=0.3, cors=cors, check_method_name=False)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=api)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **more)

    return asyncio.run(send())


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    """Of one model "m", the workbench."""
    base = tmp_path_factory.mktemp("m")
    workbench(base / "1")

    def load(path):
        return loader.load(path, ["serve"], config_pb2.ConfigProto())

    found = ModelManager([ModelConfig("m", str(base))], load, LOOK_ONCE)
    found.start()
    wait_for(found.ready)
    yield found
    found.stop()


@pytest.fixture
def troubled(tmp_path):
    """Version 3 of "m" loads for ever, version 2 has failed with DATA_LOSS."""
    for version in (2, 3):
        (tmp_path / str(version)).mkdir()
    may_end = threading.Event()

    def load(path):
        if path.endswith("3"):
            may_end.wait()
        raise StatusError(Code.DATA_LOSS, 'the "file" is broken')

    config = ModelConfig("m", str(tmp_path), VersionPolicy("all"))
    options = ManagerOptions(
        file_system_poll_wait_seconds=0, max_num_load_retries=0, num_load_threads=2
    )
    found = ModelManager([config], load, options)
    found.start()
    try:
        wait_for(lambda: [one[1] for one in found.statuses("m")] == [State.LOADING, State.END])
        yield found
    finally:
        may_end.set()
        found.stop()


def test_4_7_status_of_versions_that_load_and_that_failed(troubled):
    failed = {
        "version": "2", "state": "END",
        "status": {"error_code": "DATA_LOSS", "error_message": 'the "file" is broken'},
    }  # fmt: skip
    loads = {
        "version": "3", "state": "LOADING", "status": {"error_code": "OK", "error_message": ""}
    }  # fmt: skip
    answer = ask(troubled, "GET", "/v1/models/m")
    assert (answer.status_code, answer.json()) == (200, {"model_version_status": [loads, failed]})
    answer = ask(troubled, "GET", "/v1/models/m/versions/2")
    assert (answer.status_code, answer.json()) == (200, {"model_version_status": [failed]})


def test_3_1_the_error_code_of_a_load_that_failed(troubled):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "m"
    found = prediction.get_model_status(troubled, request).model_version_status
    assert [(one.version, one.state, one.status.error_code) for one in found] == [
        (3, 20, 0), (2, 50, 15),  # LOADING, OK; END, DATA_LOSS
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/models/m/metadata", "Servable not found for request: Latest(m)"),
        ("/v1/models/m/versions/3/metadata", "Servable not found for request: Specific(m, 3)"),
        ("/v1/models/m/versions/2/metadata", "Servable not found for request: Specific(m, 2)"),
    ],
    ids=["any", "loading", "failed"],
)
def test_1_2_a_version_that_loads_or_failed_is_not_found(troubled, path, message):
    answer = ask(troubled, "GET", path)
    assert (answer.status_code, answer.json()) == (404, {"error": message})


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("predict", '{"signature_name": "endless_classify", "instances": ["a"]}'),
        ("classify", '{"signature_name": "endless_classify", "examples": [{}]}'),
        ("regress", '{"signature_name": "endless_regress", "examples": [{}]}'),
    ],
    ids=["predict", "classify", "regress"],
)
def test_1_1_the_timeout_bounds_the_run(manager, method, body):
    answer = ask(manager, "POST", f"/v1/models/m:{method}", content=body)
    assert answer.status_code == 504
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/m:predict", 200),
        ("GET", "/v1/models/m/metadata", 200),
        ("OPTIONS", "/v1/models/m:predict", 200),
        ("POST", "/v1/models/m:unknown", 400),
        ("GET", "/v1/models/nope", 404),
        ("GET", "/v1/models/m/versions/9223372036854775808", 400),
        ("GET", "/elsewhere", 404),
    ],
    ids=["predict", "metadata", "options", "malformed", "not-found", "no-int64", "html"],
)
@pytest.mark.parametrize("cors", [True, False], ids=["on", "off"])
def test_4_1_cors_headers_on_every_answer(manager, cors, method, path, status):
    body = '{"instances": [1.0]}'
    answer = ask(manager, method, path, cors, content=body, headers=ORIGIN)
    assert answer.status_code == status
    found = {name: value for name, value in answer.headers.items() if name in CORS}
    assert found == (CORS if cors else {})
