"""TLS, health and a Unix socket: sections 1.1 and 6 of the API page."""

import concurrent.futures
import json
import socket

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.server import tls
from serving.server.preflight import StartError
from tests.serving.served_models import constant
from tests.serving.server_process import predict_request, running_server


def issue(authority: trustme.CA) -> tuple[bytes, bytes]:
    """A private key and its certificate for localhost, in PEM."""
    issued = authority.issue_cert("localhost")
    return issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes()


def ssl_config(key: bytes, certificate: bytes, authority: bytes = b"", verify: bool = False) -> str:
    """A text SSLConfig."""
    fields = {"server_key": key, "server_cert": certificate, "custom_ca": authority}
    lines = [f"{name}: {json.dumps(pem.decode())}" for name, pem in fields.items() if pem]
    return "\n".join([*lines, f"client_verify: {str(verify).lower()}"])


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server(tmp_path_factory, authority):
    """gRPC with mutual TLS, on a Unix socket without, and plain REST."""
    root = tmp_path_factory.mktemp("secure")
    (root / "m").mkdir()
    constant(root / "m" / "1", 1.0)
    text = ssl_config(*issue(authority), authority.cert_pem.bytes(), verify=True)
    (root / "ssl.config").write_text(text)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(root / "socket"))
    flags = (
        "--model_name=m", f"--model_base_path={root / 'm'}", "--enable_grpc_healthcheck_service",
        f"--ssl_config_file={root / 'ssl.config'}", f"--grpc_socket_path={root / 'socket'}",
        "--prefer_tflite_model", "--num_tflite_pools=2", "--use_alts_credentials=true",
    )  # fmt: skip
    with running_server(root / "log", *flags) as process:
        process.socket = f"unix:{root / 'socket'}"
        yield process.wait_until_ready()


def ask(server, credentials: grpc.ChannelCredentials) -> float:
    with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
        stub = type(server.predictions)(channel)
        return stub.Predict(predict_request("m", x=0.0), timeout=20).outputs["y"].float_val[0]


def test_6_mutual_tls(server, authority):
    known, another = authority.cert_pem.bytes(), trustme.CA()
    own = issue(authority)
    assert ask(server, grpc.ssl_channel_credentials(known, *own)) == 1.0
    for credentials in (
        grpc.ssl_channel_credentials(known),
        grpc.ssl_channel_credentials(known, *issue(another)),
        grpc.ssl_channel_credentials(another.cert_pem.bytes(), *own),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            ask(server, credentials)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    with pytest.raises(grpc.RpcError):  # without TLS
        server.predict("m", x=0.0)


def test_6_rest_stays_plain_and_that_is_said(server):
    status, body = server.post("m:predict", '{"instances": [0.0]}')
    assert (status, json.loads(body)) == (200, {"predictions": [1.0]})
    assert "--ssl_config_file is for gRPC alone: the REST port is not encrypted" in server.log


def test_6_a_unix_socket_that_was_left_behind_is_taken_over(server):
    with grpc.insecure_channel(server.socket) as channel:
        stub = type(server.predictions)(channel)
        assert stub.Predict(predict_request("m", x=0.0)).outputs["y"].float_val == [1.0]


def test_6_flags_without_effect_are_accepted_and_said(server):
    for name in ("prefer_tflite_model", "num_tflite_pools", "use_alts_credentials"):
        assert f"--{name} is accepted but not supported yet; it has no effect" in server.log
    assert "the gRPC port is not encrypted" not in server.log


def test_1_1_health(server):
    with grpc.insecure_channel(server.socket) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "ModelService", "PredictionService"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=20)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            health.Check(health_pb2.HealthCheckRequest(service="m"), timeout=20)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_1_1_who_watches_the_health_does_not_hold_up_the_end(server):
    """The last test here: it ends the server."""
    with grpc.insecure_channel(server.socket) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        assert server.stop() == 0
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.mark.parametrize("ca", [False, True], ids=["no-custom-ca", "custom-ca-without-verify"])
def test_6_tls_for_clients_without_a_certificate(tmp_path, authority, ca):
    known = authority.cert_pem.bytes()
    (tmp_path / "ssl").write_text(ssl_config(*issue(authority), known if ca else b""))
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    port = server.add_secure_port("localhost:0", tls.server_credentials(str(tmp_path / "ssl")))
    server.start()
    try:
        for trusted, code in (
            (known, grpc.StatusCode.UNIMPLEMENTED),  # it has no service, but answers
            (trustme.CA().cert_pem.bytes(), grpc.StatusCode.UNAVAILABLE),
        ):
            credentials = grpc.ssl_channel_credentials(trusted)
            with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
                call = channel.unary_unary("/any/method")
                with pytest.raises(grpc.RpcError) as caught:
                    call(b"", timeout=20)
            assert caught.value.code() == code
    finally:
        server.stop(None)


PAIR = issue(trustme.CA())
OTHER_KEY = issue(trustme.CA())[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server_key: 1", "expected a SSLConfig in protobuf's text format (1:13"),
        ("", "server_key is missing, expected PEM text"),
        (ssl_config(PAIR[0], b""), "server_cert is missing, expected PEM text"),
        (ssl_config(OTHER_KEY, PAIR[1]), "server_key and server_cert are no pair"),
        (ssl_config(b"/path/key.pem", b"/path/cert.pem"), "server_key and server_cert are no pair"),
        (ssl_config(*PAIR, verify=True), "client_verify without custom_ca"),
        (ssl_config(*PAIR, b"nonsense"), "custom_ca holds no certificate"),
    ],
)
def test_6_ssl_configs_that_cannot_work(tmp_path, text, message):
    (tmp_path / "ssl").write_text(text)
    with pytest.raises(StartError) as caught:
        tls.server_credentials(str(tmp_path / "ssl"))
    assert str(caught.value).startswith(f"error: --ssl_config_file={tmp_path / 'ssl'}: ")
    assert message in str(caught.value)
