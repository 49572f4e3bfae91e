"""Every command line with an --endpoint asks a server with a private authority and mutual TLS."""

import json
import pathlib
from typing import NamedTuple

import pytest
import trustme

from preprocessing.errors import InputError
from serving import client_command, evaluate
from serving.load_test import __main__ as load_test
from serving.registry import __main__ as registry
from serving.registry.labels import labels_of
from tests.serving import served_models
from tests.serving.server_process import running_server, write_config


class Secure(NamedTuple):
    """A server whose certificate is for another name, and the flags that it takes."""

    endpoint: str
    model_dir: pathlib.Path
    flags: list[str]


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    root, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    server, client = authority.issue_cert("models.example"), authority.issue_cert("me.example")
    pems = {
        "server_key": server.private_key_pem, "server_cert": server.cert_chain_pems[0],
        "custom_ca": authority.cert_pem,
    }  # fmt: skip
    fields = [f"{name}: {json.dumps(pem.bytes().decode())}" for name, pem in pems.items()]
    (root / "ssl").write_text("\n".join([*fields, "client_verify: true"]))
    authority.cert_pem.write_to_path(str(root / "ca.pem"))
    client.cert_chain_pems[0].write_to_path(str(root / "certificate.pem"))
    client.private_key_pem.write_to_path(str(root / "key.pem"))
    served_models.sentiment(root / "sentiment" / "1")
    config = write_config(root / "models.config", {"sentiment": (root / "sentiment", "")})
    flags = [
        f"--ca_file={root / 'ca.pem'}", f"--certificate_file={root / 'certificate.pem'}",
        f"--key_file={root / 'key.pem'}", "--server_name=models.example",
    ]  # fmt: skip
    with running_server(root / "log", config, f"--ssl_config_file={root / 'ssl'}") as process:
        process.wait_until_ready()
        yield Secure(f"--endpoint=grpcs://localhost:{process.port}", root / "sentiment", flags)


def ask(secure, flags, folder):
    client_command.main(["sentiment", secure.endpoint, *flags, "good"])


def put_load_on(secure, flags, folder):
    times = ("--rate=20", "--duration_s=0.5", "--warm_up_s=0")
    load_test.main([secure.endpoint, *flags, *times, f"--output_dir={folder}"])
    (level,) = json.loads((folder / "report.json").read_text())["levels"]
    assert level["errors"] == {}
    assert level["requests"] > 0


def score(secure, flags, folder):
    (folder / "rows.csv").write_text("text,label\ngood,pos\nbad,neg\n")
    rows = (f"--input={folder / 'rows.csv'}", f"--output_dir={folder / 'out'}")
    evaluate.main([secure.endpoint, *flags, *rows])
    assert json.loads((folder / "out" / "metrics.json").read_text())["accuracy"] == 1.0


def promote(secure, flags, folder):
    registry.main(
        ["promote", str(secure.model_dir), "1", "--label=stable", secure.endpoint, *flags]
    )
    assert labels_of(secure.model_dir) == {"stable": 1}


COMMANDS = [ask, put_load_on, score, promote]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_with_mutual_tls(secure, command, tmp_path):
    command(secure, secure.flags, tmp_path)


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_without_the_flags_it_is_not_trusted(secure, command, tmp_path):
    with pytest.raises(InputError, match="CERTIFICATE_VERIFY_FAILED"):
        command(secure, [], tmp_path)


@pytest.mark.parametrize("command", COMMANDS[1:])
@pytest.mark.parametrize(
    ("scheme", "flags", "message"),
    [
        ("grpcs", ["--key_file=key.pem"], "a certificate_file and a key_file together"),
        ("grpcs", ["--ca_file=missing.pem"], "missing.pem: .*expected a PEM file"),
        ("grpc", ["--ca_file=ca.pem"], "TLS is given, but the connection is not encrypted"),
    ],
    ids=["half-a-pair", "no-file", "no-tls"],
)
def test_flags_that_cannot_be_right(command, scheme, flags, message, tmp_path):
    model_dir = tmp_path / "sentiment"
    (model_dir / "1").mkdir(parents=True)
    (model_dir / "1" / "saved_model.pb").touch()
    with pytest.raises(InputError, match=message):
        command(Secure(f"--endpoint={scheme}://localhost:1", model_dir, []), flags, tmp_path)


def test_flags_of_tls_without_a_server(tmp_path):
    files = [f"--input={tmp_path}", f"--output_dir={tmp_path}"]
    with pytest.raises(InputError, match="--ca_file is of a server: expected --endpoint"):
        evaluate.main([f"--model_dir={tmp_path}", "--ca_file=ca.pem", *files])
    with pytest.raises(InputError, match="without a server: expected --endpoint"):
        registry.main(["unlabel", str(tmp_path), "--label=stable", "--ca_file=ca.pem"])
