"""Config files in protobuf's text format, as TF Serving's flags name them."""

import pathlib
from typing import Any

from google.protobuf import text_format

from serving import message_text
from serving.server.preflight import StartError

SSLConfig = message_text.build_messages(
    "tensorflow.serving",
    """
    message SSLConfig {
      string server_key = 1;
      string server_cert = 2;
      string custom_ca = 3;
      bool client_verify = 4;
    }
    """,
)["SSLConfig"]


def read(flag: str, path: str, kind: Any) -> Any:
    """Reads the file that a flag names as a message of the class `kind`.

    Raises:
        StartError: it cannot be read, or is no such message.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
        return text_format.Parse(text, kind(), descriptor_pool=kind.DESCRIPTOR.file.pool)
    except OSError as error:
        raise StartError(f"error: --{flag}={path}: {error.strerror}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise StartError(
            f"error: --{flag}={path}: expected a {kind.DESCRIPTOR.name} in protobuf's text format "
            f"({error})"
        ) from error
