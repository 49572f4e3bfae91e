"""`make serve`: keeps the models served, and says how to ask them."""

import json
import logging
import os
import pathlib
import shlex

from demo.questions import QUESTIONS, TEXTS
from demo.serving import server_command, write_models_config
from demo.stages import STATE_DIR
from preprocessing import command_line

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(prog="python -m demo.serve", description=__doc__)
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("models"))
    parser.add_argument("--port", type=int, default=8500, help="gRPC")
    parser.add_argument("--rest_port", type=int, default=8501)
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    config = STATE_DIR / "models.config"
    write_models_config(flags.models, config)
    print(_lines_to_paste(flags.port, flags.rest_port), flush=True)
    command = server_command(config, flags.port, flags.rest_port)
    # In our place: Ctrl-C and SIGTERM reach the server itself.
    os.execv(command[0], [*command, "-v"] if flags.verbose else command)


def _lines_to_paste(port: int, rest_port: int) -> str:
    question, context = QUESTIONS[0]
    rest = f"http://localhost:{rest_port}/v1/models"
    review = shlex.quote(json.dumps({"instances": [TEXTS[1]]}))
    row = {"question": question, "context": context}
    instance = shlex.quote(json.dumps({"instances": [row]}))
    client = ".venv/bin/python -m serving.client"
    return "\n".join(
        (
            "When the server below says that it listens, paste in another terminal:",
            "",
            f"curl {rest}/sentiment:predict \\",
            f"  -d {review}",
            f"curl {rest}/qa:predict \\",
            f"  -d {instance}",
            f"{client} sentiment --endpoint grpc://localhost:{port} \\",
            f"  {shlex.quote(TEXTS[3])}",
            f"{client} qa --endpoint http://localhost:{rest_port} \\",
            f"  --question {shlex.quote(question)} \\",
            f"  --context {shlex.quote(context)}",
            "",
        )
    )


if __name__ == "__main__":
    command_line.run(main)
