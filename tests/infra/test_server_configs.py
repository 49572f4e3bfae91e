"""infra/tf_serving: files for the server's flags, read as the server reads them."""

import pathlib
import subprocess

import pytest
import trustme
from google.protobuf import text_format

from serving.client import Client
from serving.server import batching_parameters, monitoring_config
from serving.server.text_configs import SSLConfig
from serving.transport import Tls
from tests.infra.served import INFRA, METRICS_PATH, Served

CONFIGS = INFRA / "tf_serving"


@pytest.mark.parametrize("name", ["batching.config", "batching.gpu.config"])
def test_batching_takes_the_clients_largest_request(name):
    parameters = batching_parameters.read_file(str(CONFIGS / name))
    assert parameters.enable_large_batch_splitting
    # A whole request must fit into the queue, or it would be refused for ever.
    rows = parameters.max_enqueued_batches * parameters.execution_size
    assert rows >= parameters.max_batch_size == 128


def test_metrics_are_on_the_path_that_prometheus_asks():
    assert monitoring_config.read_path(str(CONFIGS / "monitoring.config")) == METRICS_PATH


@pytest.mark.parametrize("model", ["sentiment", "qa"])
def test_health_requests_fit_the_signatures(served: Served, model):
    request = (CONFIGS / "health" / f"{model}.json").read_text()
    answer = served.http.post(f"/v1/models/{model}:predict", content=request)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["predictions"]) == 1


def ssl_config(*files: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [CONFIGS / "ssl-config.sh", *files], capture_output=True, text=True, timeout=30
    )


@pytest.fixture
def certificates(tmp_path):
    """A key, its certificate and an authority, as PEM files."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    paths = [tmp_path / name for name in ("server.key", "server.crt", "ca.crt")]
    issued.private_key_pem.write_to_path(paths[0])
    issued.cert_chain_pems[0].write_to_path(paths[1])
    authority.cert_pem.write_to_path(paths[2])
    return paths


def test_ssl_config_holds_the_files_texts(certificates):
    written = ssl_config(*certificates)
    config = text_format.Parse(written.stdout, SSLConfig())
    texts = [path.read_text() for path in certificates]
    assert [config.server_key, config.server_cert, config.custom_ca] == texts
    assert config.client_verify


def test_ssl_config_without_authority_asks_clients_for_nothing(certificates):
    config = text_format.Parse(ssl_config(*certificates[:2]).stdout, SSLConfig())
    assert (config.custom_ca, config.client_verify) == ("", False)


def test_ssl_config_refuses_what_is_no_pem(certificates, tmp_path):
    (tmp_path / "server.der").write_bytes(b"\x30\x82")
    refused = ssl_config(certificates[0], tmp_path / "server.der")
    assert refused.returncode == 2
    assert refused.stderr == f"error: {tmp_path}/server.der: no PEM text\n"
    usage = ssl_config(certificates[0])
    assert usage.returncode == 2
    assert "ssl-config.sh server.key server.crt > ssl.config" in usage.stderr


@pytest.mark.slow
def test_server_with_that_config_speaks_tls_to_clients_with_a_certificate(
    certificates, models_dir, tmp_path
):
    path = tmp_path / "ssl.config"
    path.write_text(ssl_config(*certificates).stdout)
    server = Served(models_dir, tmp_path, SSL_CONFIG=str(path))
    try:
        server.wait_until_ready()
        key, certificate, authority = map(str, certificates)
        tls = Tls(ca_file=authority, certificate_file=certificate, key_file=key)
        with Client(f"grpcs://localhost:{server.port}", tls=tls) as client:
            assert client.classify(["A good film."])[0].probability == pytest.approx(0.9)
        assert server.health_check().returncode == 0  # over REST, which stays plain
    finally:
        server.close()
