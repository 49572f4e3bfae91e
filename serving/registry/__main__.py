"""`python -m serving.registry list|load|unload|promote|rollback|unlabel|prune|diff`."""

import argparse
import contextlib
import json
import pathlib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console

from preprocessing import command_line
from preprocessing.errors import InputError
from serving.errors import InvalidEndpoint
from serving.registry import changes, config_file, diff, prune, tables
from serving.registry.changes import Target
from serving.registry.labels import labels_of
from serving.registry.model import read_versions, version_folders
from serving.tls_flags import add_tls_flags, tls_of

if TYPE_CHECKING:  # it imports TensorFlow
    from serving.registry.running_server import RunningServer

_WIDTH = 160  # of a table that no terminal shows


def main(arguments: list[str]) -> None:
    """Does what the arguments say, and prints it."""
    flags = _parser().parse_args(arguments)
    flags.command(flags)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m serving.registry",
        description="Lists, labels, compares and prunes the versions of exported models. Labels "
        "stand in TF Serving's model config, models.config beside the models' folders.",
    )
    commands = parser.add_subparsers(dest="name_of_command", required=True)
    _add_list(commands)
    load = _add_command(commands, "load", _load, "keep a version loaded, without a label")
    unload = _add_command(commands, "unload", _unload, "take that back")
    promote = _add_command(commands, "promote", _promote, "point a label at a version")
    for command in (load, unload, promote):
        command.add_argument("version", type=int, metavar="VERSION")
    promote.add_argument(
        "--keep_previous", action="store_true", help="what the label leaves stays loaded"
    )
    promote.add_argument(
        "--with_newest", action="store_true", help="the newest version is loaded too"
    )
    rollback = _add_command(commands, "rollback", _rollback, "point it where it pointed before")
    unlabel = _add_command(commands, "unlabel", _unlabel, "take a label away")
    for command in (promote, rollback, unlabel):
        command.add_argument("--label", required=True, help="stable, canary or any other name")
    for command in (load, unload, promote, rollback, unlabel):
        _add_server_flags(command)
    _add_prune(commands)
    _add_diff(commands)
    return parser


def _add_list(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("list", help="versions, dates, metrics, sizes, labels")
    command.add_argument(
        "paths", nargs="+", type=pathlib.Path, metavar="MODEL_DIR",
        help="a model's folder, or a folder of models",
    )  # fmt: skip
    command.add_argument("--config", type=pathlib.Path, help="default: models.config beside it")
    command.add_argument("--name", help="of a model in the config; default: the folder's")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(command=_list)
    command_line.add_verbose_flag(command)


def _add_command(
    commands: argparse._SubParsersAction, name: str, function: object, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what)
    command.add_argument("model_dir", type=pathlib.Path, metavar="MODEL_DIR")
    command.add_argument("--config", type=pathlib.Path, help="default: models.config beside it")
    command.add_argument("--name", help="of the model in the config; default: the folder's")
    command.set_defaults(command=function)
    command_line.add_verbose_flag(command)
    return command


def _add_server_flags(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--base_path", help="the folder as the server sees it, such as /models/qa in a container"
    )
    command.add_argument(
        "--endpoint", metavar="grpc[s]://HOST:PORT",
        help="a server that runs: it is given the config and led to the version step by step",
    )  # fmt: skip
    add_tls_flags(command)
    command.add_argument(
        "--timeout_s", type=float, default=300.0, help="of loading a version there"
    )


def _add_prune(commands: argparse._SubParsersAction) -> None:
    command = _add_command(commands, "prune", _prune, "delete old versions that nothing points at")
    command.add_argument("--keep", type=int, required=True, help="of the newest, at least 1")
    command.add_argument("--older_than", type=float, metavar="DAYS", help="only older ones")
    command.add_argument("--dry_run", action="store_true", help="only tell what would go")
    command.add_argument(
        "--unlabelled", action="store_true", help="no server's config names the model"
    )


def _add_diff(commands: argparse._SubParsersAction) -> None:
    command = _add_command(commands, "diff", _diff, "what two versions differ in")
    command.add_argument("a", type=int, metavar="A")
    command.add_argument("b", type=int, metavar="B")
    command.add_argument("--json", action="store_true", help="print JSON")


def _list(flags: argparse.Namespace) -> None:
    found = {
        model: read_versions(model, labels_of(model, flags.config, flags.name))
        for path in flags.paths
        for model in _models(path)
    }
    if flags.json:
        content = {str(m): [tables.version_json(v) for v in some] for m, some in found.items()}
        print(json.dumps(content, indent=2, ensure_ascii=False))
        return
    _print(tables.versions_table(_title(model), versions) for model, versions in found.items())


def _models(path: pathlib.Path) -> list[pathlib.Path]:
    """A model's folder itself, or those in a folder of models."""
    if version_folders(path):
        return [path]
    below = [child for child in sorted(path.iterdir()) if child.is_dir()]
    found = [child for child in below if version_folders(child)]
    if not found:
        raise InputError(
            f"{path}: no version of a model in it (folders named 1, 2, … with saved_model.pb), nor "
            "in the folders in it. Make one with `python -m serving.export`."
        )
    return found


def _title(model_dir: pathlib.Path) -> str:
    return str(model_dir if model_dir.name else model_dir.resolve())


def _load(flags: argparse.Namespace) -> None:
    with _server(flags) as server:
        _say(changes.load(_target(flags), flags.version, server))


def _unload(flags: argparse.Namespace) -> None:
    with _server(flags) as server:
        _say(changes.unload(_target(flags), flags.version, server))


def _promote(flags: argparse.Namespace) -> None:
    with _server(flags) as server:
        _say(
            changes.promote(
                _target(flags), flags.version, flags.label, server, flags.keep_previous,
                flags.with_newest,
            )
        )  # fmt: skip


def _rollback(flags: argparse.Namespace) -> None:
    with _server(flags) as server:
        _say(changes.rollback(_target(flags), flags.label, server))


def _unlabel(flags: argparse.Namespace) -> None:
    with _server(flags) as server:
        _say(changes.unlabel(_target(flags), flags.label, server))


def _prune(flags: argparse.Namespace) -> None:
    target = _target(flags)
    if flags.config and not flags.config.exists():
        raise InputError(f"--config {flags.config}: no such file, expected TF Serving's config.")
    plan = prune.prune(target, flags.keep, flags.older_than, flags.dry_run, flags.unlabelled)
    _say(tables.prune_lines(target.name, plan, flags.dry_run))


def _diff(flags: argparse.Namespace) -> None:
    found = diff.compare(flags.model_dir, flags.a, flags.b)
    if flags.json:
        print(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        _print(tables.difference_tables(_target(flags).name, found))


def _target(flags: argparse.Namespace) -> Target:
    folder = flags.model_dir
    return Target(
        model_dir=folder,
        config=flags.config or config_file.default_path(folder),
        name=flags.name or folder.resolve().name,
        base_path=getattr(flags, "base_path", None),
    )


@contextlib.contextmanager
def _server(flags: argparse.Namespace) -> "Iterator[RunningServer | None]":
    if flags.timeout_s <= 0:
        raise InputError(f"--timeout_s is {flags.timeout_s:g}, expected seconds above 0.")
    try:
        tls = tls_of(flags)
    except InvalidEndpoint as error:
        raise InputError(str(error)) from error
    if not flags.endpoint:
        if tls:
            raise InputError("flags of TLS are given without a server: expected --endpoint.")
        yield None
        return
    command_line.load_tensorflow()  # the messages of the API bring it
    from serving.registry.running_server import RunningServer

    with RunningServer(flags.endpoint, flags.timeout_s, tls) as server:
        yield server


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _print(renderables: Iterable) -> None:
    width = None if sys.stdout.isatty() else _WIDTH
    console = Console(highlight=False, markup=False, width=width)
    for each in renderables:
        console.print(each)


if __name__ == "__main__":
    command_line.run(main)
