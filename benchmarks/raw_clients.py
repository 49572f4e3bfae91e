"""Clients made of bytes: what no well-behaved library would send, and forks that can be killed.

Run as a script it is 2 N clients in processes of their own, half of them over gRPC and half over
REST, each with a request under way: `raw_clients.py GRPC_PORT REST_PORT N`, on stdin the two
requests in hexadecimal. It prints the process ids, then waits.
"""

import os
import socket
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _WINDOW_UPDATE = 0, 1, 4, 8
_END_STREAM, _END_HEADERS = 1, 4
_HEADER_BYTES, _PREFIX_BYTES = 9, 5  # of an HTTP/2 frame, and of a gRPC message


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name: bytes, value: bytes) -> bytes:
    """A header field without indexing or compression (RFC 7541, 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def http2_connection() -> bytes:
    """What opens an HTTP/2 connection."""
    return PREFACE + _frame(_SETTINGS, 0, 0, b"")


def grpc_request(method: bytes, message: bytes) -> bytes:
    """A whole call on a new connection."""
    headers = b"".join(
        _literal(name, value)
        for name, value in (
            (b":method", b"POST"), (b":scheme", b"http"), (b":path", method),
            (b":authority", b"localhost"), (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        )
    )  # fmt: skip
    body = struct.pack(">BI", 0, len(message)) + message
    return (
        http2_connection()
        + _frame(_HEADERS, _END_HEADERS, 1, headers)
        + _frame(_DATA, _END_STREAM, 1, body)
    )


def read_on(size: int) -> bytes:
    """Lets the server send so many bytes more of the answer to `grpc_request`."""
    more = struct.pack(">I", size)
    return _frame(_WINDOW_UPDATE, 0, 0, more) + _frame(_WINDOW_UPDATE, 0, 1, more)


def message_bytes(received: bytes) -> int:
    """How much of an answer to `grpc_request` there is in what a connection has received."""
    total, start = 0, 0
    while (payload := start + _HEADER_BYTES) <= len(received):
        end = payload + int.from_bytes(received[start : start + 3])
        if received[start + 3] == _DATA:
            total += min(end, len(received)) - payload
        start = end
    return max(0, total - _PREFIX_BYTES)


def rest_request(path: str, body: str) -> bytes:
    """A whole POST."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def connect(port: int, data: bytes = b"") -> socket.socket:
    """A connection that has sent `data`."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(data)
    return connection


def _fork_clients(ports: list[int], count: int, requests: list[bytes]) -> None:
    children = []
    for port, request in zip(ports, requests, strict=True):
        for _ in range(count):
            child = os.fork()
            if child == 0:
                connection = connect(port, request)
                while connection.recv(65536):
                    pass
                os._exit(0)
            children.append(child)
    print(*children, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    _fork_clients(
        [int(sys.argv[1]), int(sys.argv[2])],
        int(sys.argv[3]),
        [bytes.fromhex(line) for line in sys.stdin.read().split()],
    )
