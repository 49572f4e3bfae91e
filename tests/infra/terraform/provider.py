"""A Google provider that knows its schema and nothing else, for `terraform validate` and `test`.

It speaks Terraform's plugin protocol 5 over gRPC, as far as those two need it: the schema of
google_schema.json, and consent to every configuration. Field numbers are those of Terraform's
`tfplugin5.proto`.
"""

import base64
import datetime
import json
import threading
from collections.abc import Callable, Iterable
from concurrent import futures
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from serving.message_text import build_messages
from tests.infra.terraform.extract_schema import SCHEMA

_MESSAGES = build_messages(
    "tfplugin5",
    """
    message Schema {
      message Attribute {
        string name = 1;
        bytes type = 2;
        bool required = 4;
        bool optional = 5;
        bool computed = 6;
      }
      message NestedBlock {
        string type_name = 1;
        Block block = 2;
        int32 nesting = 3;
        int64 min_items = 4;
        int64 max_items = 5;
      }
      message Block {
        repeated Attribute attributes = 2;
        repeated NestedBlock block_types = 3;
      }
      Block block = 2;
    }
    message Response {
      Schema provider = 1;
      map<string, Schema> resource_schemas = 2;
    }
    """,
)
_NESTING = {"list": 2, "set": 3}  # Schema.NestedBlock.NestingMode


def _fill(message: Any, block: dict[str, Any]) -> None:
    for name, attribute in block["attributes"].items():
        is_computed = attribute.get("computed", False)
        is_required = attribute.get("required", False)
        message.attributes.add(
            name=name,
            type=json.dumps(attribute["type"]).encode(),
            required=is_required,
            optional=not is_required and not is_computed,
            computed=not is_required,  # the classes do not tell which optional ones are
        )
    for name, nested in block["blocks"].items():
        added = message.block_types.add(
            type_name=name,
            nesting=_NESTING[nested["nesting"]],
            min_items=int(nested["required"]),
            max_items=int(nested["one"]),
        )
        _fill(added.block, nested)


def schema_answer() -> bytes:
    """What GetSchema answers."""
    known = json.loads(SCHEMA.read_text())
    answer = _MESSAGES["Response"]()
    _fill(answer.provider.block, known["provider"])
    for kind, block in known["resources"].items():
        _fill(answer.resource_schemas[kind].block, block)
    return answer.SerializeToString()


class _Methods(grpc.GenericRpcHandler):
    """By the last part of their names; they take and give bytes."""

    def __init__(self, methods: dict[str, Callable[[bytes], bytes]]):
        self._methods = methods

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = self._methods.get(details.method.rpartition("/")[2])
        if method is None:
            return None
        return grpc.unary_unary_rpc_method_handler(lambda request, _: method(request))


def _certificate() -> tuple[bytes, x509.Certificate]:
    """For one process: Terraform is told it, and trusts no other."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem, certificate


def _methods(end: threading.Event) -> dict[str, Callable[[bytes], bytes]]:
    answer = schema_answer()

    def shut_down(_: bytes) -> bytes:
        end.set()
        return b""

    consent: Iterable[str] = ("ValidateResourceTypeConfig", "Configure", "Stop")
    return {
        "GetSchema": lambda _: answer,
        "PrepareProviderConfig": lambda request: request,  # config and prepared_config are both 1
        "Shutdown": shut_down,
        **{name: lambda _: b"" for name in consent},
    }


def main() -> None:
    """Serves until Terraform ends it."""
    end = threading.Event()
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=(_Methods(_methods(end)),))
    key, certificate = _certificate()
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, pem)]))
    server.start()
    der = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    print(f"1|5|tcp|127.0.0.1:{port}|grpc|{der.rstrip('=')}", flush=True)
    end.wait(timeout=600)
    server.stop(grace=None)


if __name__ == "__main__":
    main()
