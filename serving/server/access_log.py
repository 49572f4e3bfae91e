"""`--access_log`: a line for each request, as text or as JSON. It never holds a request's texts.

`json` makes JSON of every other line of the log too, so that what reads it finds nothing else.
"""

import datetime
import json
import logging
from typing import Any

FORMATS = ("off", "text", "json")

_logger = logging.getLogger("serving.access")
_logger.setLevel(logging.CRITICAL)  # off until `configure`


def configure(kind: str) -> None:
    """Starts the log.

    Args:
        kind: one of `FORMATS`.
    """
    _logger.setLevel(logging.CRITICAL if kind == "off" else logging.INFO)
    if kind == "json":
        for handler in logging.getLogger().handlers:
            handler.setFormatter(_JsonFormatter())


def write(**fields: Any) -> None:
    """Logs a request, if that was asked for; fields without a value are left out of text."""
    if _logger.isEnabledFor(logging.INFO):
        _logger.info("%s", _Fields(fields))


class _Fields:
    """The fields of a request; as text they are name=value, with strings that cannot break it."""

    def __init__(self, fields: dict[str, Any]):
        self.fields = fields

    def __str__(self) -> str:
        known = {name: value for name, value in self.fields.items() if value not in (None, "")}
        return "request " + " ".join(f"{name}={_text(value)}" for name, value in known.items())


def _text(value: Any) -> str:
    """Strings come from clients: with a space, a quote or a line break they are quoted."""
    quoted = json.dumps(value)
    plain = str(value)
    is_plain = plain.isprintable() and not any(mark in plain for mark in ' "\\=')
    return plain if is_plain else quoted


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, and a request's fields or a message."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
        }
        argument = record.args[0] if isinstance(record.args, tuple) and record.args else None
        if isinstance(argument, _Fields):
            line |= argument.fields
        else:
            line |= {"logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
