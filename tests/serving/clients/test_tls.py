"""TLS, mutual TLS and Unix sockets, with certificates made here."""

import ssl

import grpc
import pytest
import trustme

from serving import errors
from serving.client import NO_RETRIES, Client, Tls
from tests.serving.clients.light_server import LightServer

SCHEMES = {"grpc": "grpcs", "http": "https"}


class Files:
    """PEM files of an authority, of a server and of a client that it knows."""

    def __init__(self, folder, server_name="127.0.0.1"):
        authority = trustme.CA()
        self.server = authority.issue_cert(server_name)
        client = authority.issue_cert("client.example")
        self.ca, self.certificate, self.key = (
            str(folder / f"{name}.pem") for name in ("ca", "certificate", "key")
        )
        self.chain, self.server_key = str(folder / "chain.pem"), str(folder / "server_key.pem")
        self.authority = authority.cert_pem
        authority.cert_pem.write_to_path(self.ca)
        client.cert_chain_pems[0].write_to_path(self.certificate)
        client.private_key_pem.write_to_path(self.key)
        self.server.cert_chain_pems[0].write_to_path(self.chain)
        self.server.private_key_pem.write_to_path(self.server_key)

    def serving(self, mutual=False) -> LightServer:
        pair = (self.server.private_key_pem.bytes(), self.server.cert_chain_pems[0].bytes())
        credentials = grpc.ssl_server_credentials(
            [pair], self.authority.bytes() if mutual else None, require_client_auth=mutual
        )
        settings = {"ssl_keyfile": self.server_key, "ssl_certfile": self.chain}
        if mutual:
            settings |= {"ssl_ca_certs": self.ca, "ssl_cert_reqs": ssl.CERT_REQUIRED}
        return LightServer(credentials=credentials, ssl=settings)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("tls"))


def test_a_server_with_a_trusted_certificate(kind, scheme, files):
    with (
        files.serving() as server,
        kind(server.endpoint(SCHEMES[scheme]), tls=Tls(ca_file=files.ca)) as client,
    ):
        assert client.classify(["good"])[0].probability == 0.9


def test_an_unknown_authority_is_not_trusted(kind, scheme, files):
    with files.serving() as server, kind(server.endpoint(SCHEMES[scheme])) as client:
        with pytest.raises(errors.UntrustedServer, match=r"127\.0\.0\.1"):
            client.classify(["good"])
        assert server.batches == []


def test_another_name_in_the_certificate(kind, scheme, tmp_path):
    files = Files(tmp_path, server_name="models.example")
    with files.serving() as server:
        endpoint = server.endpoint(SCHEMES[scheme])
        with (
            kind(endpoint, tls=Tls(ca_file=files.ca)) as client,
            pytest.raises(errors.UntrustedServer),
        ):
            client.classify(["good"])
        named = Tls(ca_file=files.ca, server_name="models.example")
        with kind(endpoint, tls=named) as client:
            assert client.classify(["good"])[0].probability == 0.9


def test_mutual_tls(kind, scheme, files):
    with files.serving(mutual=True) as server:
        endpoint = server.endpoint(SCHEMES[scheme])
        known = Tls(ca_file=files.ca, certificate_file=files.certificate, key_file=files.key)
        with kind(endpoint, tls=known) as client:
            assert client.classify(["good"])[0].probability == 0.9
        with (
            kind(endpoint, tls=Tls(ca_file=files.ca), retries=NO_RETRIES) as client,
            pytest.raises(errors.ServingError),
        ):
            client.classify(["good"])


def test_a_plain_client_of_a_tls_server(kind, scheme, files):
    with (
        files.serving() as server,
        kind(server.endpoint(scheme), retries=NO_RETRIES) as client,
        pytest.raises(errors.Unavailable),
    ):
        client.classify(["good"])


@pytest.mark.parametrize("scheme", ["grpcs", "https"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ca_file": "missing.pem"}, "missing.pem.*expected a PEM file"),
        ({"certificate_file": "missing.pem", "key_file": "missing.pem"}, "missing.pem.*PEM"),
    ],
    ids=["authority", "certificate"],
)
def test_files_that_are_not_there(scheme, settings, message):
    with pytest.raises(errors.InvalidEndpoint, match=message):
        Client(f"{scheme}://localhost", tls=Tls(**settings))


def test_tls_that_cannot_be_right():
    with pytest.raises(errors.InvalidEndpoint, match="a certificate_file and a key_file together"):
        Tls(key_file="key.pem")
    with pytest.raises(errors.InvalidEndpoint, match="expected grpcs://HOST"):
        Client("grpc://localhost", tls=Tls())


def test_a_unix_socket(kind, tmp_path):
    path = tmp_path / "model.sock"
    with LightServer(socket_path=str(path)), kind(f"grpc+unix://{path}") as client:
        assert client.classify(["good"])[0].probability == 0.9
    with (
        kind(f"grpc+unix://{path}.none", retries=NO_RETRIES) as client,
        pytest.raises(errors.Unavailable, match=r"grpc\+unix://"),
    ):
        client.classify(["good"])
