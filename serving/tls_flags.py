"""The flags of TLS that every command line with an `--endpoint` has."""

import argparse

from serving.transport import Tls

TLS_FLAGS = ("ca_file", "certificate_file", "key_file", "server_name")


def add_tls_flags(parser: argparse.ArgumentParser) -> None:
    """Adds them; `tls_of` reads what is given."""
    parser.add_argument("--ca_file", metavar="PEM", help="authorities to trust, for TLS")
    parser.add_argument("--certificate_file", metavar="PEM", help="the client's, for mutual TLS")
    parser.add_argument("--key_file", metavar="PEM", help="the key of that certificate")
    parser.add_argument("--server_name", metavar="NAME", help="the one in the server's certificate")


def tls_of(flags: argparse.Namespace) -> Tls | None:
    """The TLS of the flags; None where none of them is given.

    Raises:
        InvalidEndpoint: a certificate without its key, or a key alone.
    """
    given = {name: getattr(flags, name) or None for name in TLS_FLAGS}
    return Tls(**given) if any(given.values()) else None
