"""Questions to a deployed version, in the form that TF Serving's REST API has too."""

import argparse
import json
import pathlib
import sys
from typing import Any

from preprocessing.errors import InputError

_FORM = '{"instances": [{"text": …}]}'


def instances_from_flags(flags: argparse.Namespace) -> list[Any]:
    """The instances that a command line asks for: texts, a question, or a file of JSON.

    Raises:
        InputError: there are none, or they are not of the form `{"instances": […]}`.
    """
    if flags.input:
        return _read(flags.input)
    if flags.question and flags.context:
        return [{"question": flags.question, "context": flags.context}]
    if flags.text:
        return [{"text": text} for text in flags.text]
    raise InputError(
        f"there is nothing to ask: expected --text, --question with --context, or --input with "
        f"{_FORM} (- is standard input)."
    )


def _read(path: str) -> list[Any]:
    try:
        text = sys.stdin.read() if path == "-" else pathlib.Path(path).read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(f"--input {path}: not JSON ({error}), expected {_FORM}.") from error
    instances = content.get("instances") if isinstance(content, dict) else None
    if not isinstance(instances, list) or not instances:
        raise InputError(f"--input {path}: no list of instances in it, expected {_FORM}.")
    return instances


def predict(clients: Any, model: str, instances: list[Any]) -> dict[str, Any]:
    """Asks a model's endpoint.

    Args:
        clients: of `infra.vertex.clients`.
        model: its name.
        instances: JSON values.

    Returns:
        `predictions`, as TF Serving gives them, and which version gave them.

    Raises:
        InputError: it cannot be asked.
    """
    from google.cloud.aiplatform_v1.types import PredictResponse
    from google.protobuf import json_format, struct_pb2

    from infra.vertex import retries
    from infra.vertex.endpoints import endpoint_name
    from infra.vertex.errors import explained

    settings = clients.settings
    with explained(f"ask {model}", "aiplatform", settings.project):
        answer = clients.predictions.predict(
            endpoint=endpoint_name(clients, model),
            instances=[json_format.ParseDict(one, struct_pb2.Value()) for one in instances],
            retry=retries.requests(settings),
        )
    message = PredictResponse.pb(answer)
    return {
        "predictions": [json_format.MessageToDict(one) for one in message.predictions],
        "deployed_model": message.deployed_model_id,
        "model_version": message.model_version_id,
    }
