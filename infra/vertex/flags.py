"""The flags of `python -m infra.vertex`. Imports no library of Google's."""

import argparse
import pathlib

from infra.vertex import settings
from preprocessing import command_line

# Images of infra/docker, in the project's Artifact Registry.
SERVING_IMAGE = "serving"
TRAINER_IMAGE = "trainer"
WORKER_IMAGE = "worker"


def parser() -> argparse.ArgumentParser:
    """All commands; each sets `name_of_command`."""
    result = command_line.ArgumentParser(
        prog="python -m infra.vertex",
        description="Deploys exported models to Vertex AI. Every command may be given again after "
        "a failure: what is there already is kept. docs/vertex.md says what costs money.",
    )
    commands = result.add_subparsers(dest="name_of_command", required=True)
    _add_deploy(commands)
    _add_predict(commands)
    _add_list(commands)
    _add_rollback(commands)
    _add_undeploy(commands)
    _add_delete(commands)
    _add_train(commands)
    _add_preprocess(commands)
    return result


def _add_command(
    commands: argparse._SubParsersAction, name: str, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what)
    settings.add_flags(command)
    command_line.add_verbose_flag(command)
    return command


def _add_dry_run(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--dry_run", action="store_true", help="look, tell what would be done, and do nothing"
    )


def _add_deploy(commands: argparse._SubParsersAction) -> None:
    command = _add_command(commands, "deploy", "a version from its folder to an endpoint")
    command.add_argument("model_dir", type=pathlib.Path, metavar="MODEL_DIR")
    command.add_argument("--version", type=int, help="default: the newest")
    command.add_argument("--name", help="of the model; default: the folder's")
    command.add_argument(
        "--traffic", type=int, default=100, metavar="PERCENT",
        help="of the requests that it answers; the others share the rest (%(default)d)",
    )  # fmt: skip
    command.add_argument(
        "--image",
        help="with TF Serving, in Artifact Registry; default: BERTLINE_SERVING_IMAGE, or else "
        f"<region>-docker.pkg.dev/<project>/bertline/{SERVING_IMAGE}:<version>; "
        "-gpu is added with --accelerator",
    )
    command.add_argument(
        "--server_flag", action="append", default=[], metavar="FLAG",
        help="a further flag of TF Serving, as in --server_flag=--enable_batching; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--service_account", default="", help="that the server runs as; default: Vertex AI's own"
    )
    add_machine_flags(command, "n1-standard-4")
    command.add_argument("--min_replicas", type=int, default=1, help="machines (%(default)d)")
    command.add_argument("--max_replicas", type=int, help="under load; default: as --min_replicas")
    _add_dry_run(command)


def add_machine_flags(command: argparse.ArgumentParser, default: str) -> None:
    """What kind of machine, with which accelerator."""
    command.add_argument("--machine_type", default=default, help="default: %(default)s")
    command.add_argument("--accelerator", help="such as NVIDIA_L4; default: none")
    command.add_argument("--accelerator_count", type=int, default=1, help="a machine (%(default)d)")


def _add_predict(commands: argparse._SubParsersAction) -> None:
    command = _add_command(commands, "predict", "ask what is deployed")
    command.add_argument("name", metavar="NAME", help="of the model")
    command.add_argument("--text", action="append", help="to classify; may be repeated")
    command.add_argument("--question", help="with --context")
    command.add_argument("--context", help="that holds the answer")
    command.add_argument("--input", help='a file with {"instances": […]}; - is standard input')


def _add_list(commands: argparse._SubParsersAction) -> None:
    command = _add_command(commands, "list", "versions, where they are deployed, their traffic")
    command.add_argument("name", nargs="?", metavar="NAME", help="of one model; default: all")
    command.add_argument("--json", action="store_true", help="print JSON")


def _add_rollback(commands: argparse._SubParsersAction) -> None:
    command = _add_command(commands, "rollback", "all requests to the version deployed before")
    command.add_argument("name", metavar="NAME", help="of the model")
    command.add_argument("--version", type=int, help="to this one; default: the one before")
    _add_dry_run(command)


def _add_undeploy(commands: argparse._SubParsersAction) -> None:
    command = _add_command(commands, "undeploy", "stop the machines of versions without requests")
    command.add_argument("name", metavar="NAME", help="of the model")
    command.add_argument("--version", type=int, help="only this one")
    command.add_argument("--all", action="store_true", help="those that get requests, too")
    _add_dry_run(command)


def _add_delete(commands: argparse._SubParsersAction) -> None:
    command = _add_command(commands, "delete", "endpoint, registered versions and files of a model")
    command.add_argument("name", metavar="NAME", help="of the model")
    command.add_argument("--with_bucket", action="store_true", help="the bucket too, once empty")
    command.add_argument("--yes", action="store_true", help="do not ask")
    _add_dry_run(command)


def _add_train(commands: argparse._SubParsersAction) -> None:
    command = _add_command(
        commands, "train", "a training job; flags that are not listed go to the trainer"
    )
    command.allow_abbrev = False  # --data is not to be taken for a flag of ours
    command.add_argument("--image", help=_image_help("BERTLINE_TRAINER_IMAGE", TRAINER_IMAGE))
    add_machine_flags(command, "n1-standard-8")
    command.add_argument("--workers", type=int, default=1, help="machines (%(default)d)")
    command.add_argument(
        "--spot", action="store_true", help="cheaper machines that may be taken away at any time"
    )
    command.add_argument(
        "--max_hours", type=float, default=24.0, help="after which the job is ended (%(default)g)"
    )
    command.add_argument("--service_account", default="", help="that the trainer runs as")
    command.add_argument("--no_wait", action="store_true", help="start it, and do not wait for it")
    _add_dry_run(command)


def _add_preprocess(commands: argparse._SubParsersAction) -> None:
    command = _add_command(
        commands, "preprocess", "a Dataflow job; flags that are not listed go to preprocessing"
    )
    command.allow_abbrev = False
    command.add_argument("task", metavar="imdb|squad")
    command.add_argument("--image", help=_image_help("BERTLINE_WORKER_IMAGE", WORKER_IMAGE))
    command.add_argument("--machine_type", default="n1-standard-4", help="default: %(default)s")
    command.add_argument("--max_workers", type=int, default=10, help="machines (%(default)d)")
    command.add_argument("--service_account", default="", help="that the workers run as")
    _add_dry_run(command)


def _image_help(variable: str, image: str) -> str:
    return (
        f"default: {variable}, or else <region>-docker.pkg.dev/<project>/bertline/{image}:<version>"
    )
