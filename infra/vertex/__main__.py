"""`python -m infra.vertex deploy|predict|list|rollback|undeploy|delete|train|preprocess`."""

import argparse
import json
import logging
import os
import sys

from infra.vertex import flags as command_flags
from infra.vertex.names import check_name
from infra.vertex.prediction import instances_from_flags, predict
from infra.vertex.settings import Settings, from_flags
from preprocessing import command_line
from preprocessing.errors import InputError

_WIDTH = 160  # of a table that no terminal shows


def main(arguments: list[str]) -> None:
    """Does what the arguments say, and prints it."""
    flags, more = command_flags.parser().parse_known_args(arguments)
    if more and flags.name_of_command not in _PASSING_ON:
        command_flags.parser().parse_args(arguments)  # says which flag is unknown
    flags.more = more
    settings = from_flags(flags)
    if not flags.verbose:
        # Without it gRPC's and Google's own warnings stand between the steps.
        logging.getLogger("google").setLevel(logging.ERROR)
    _COMMANDS[flags.name_of_command](flags, settings)


def _deploy(flags: argparse.Namespace, settings: Settings) -> None:
    model = _model_name(flags)
    from infra.vertex import machines
    from infra.vertex.clients import Clients
    from infra.vertex.deployment import Deployment, deploy

    wanted = Deployment(
        model_dir=flags.model_dir,
        model=model,
        number=flags.version,
        image=_serving_image(flags, settings),
        server_flags=flags.server_flag,
        machines=machines.from_flags(flags),
        percent=flags.traffic,
        service_account=flags.service_account,
    )
    deployed = deploy(Clients(settings), wanted, flags.dry_run)
    if deployed and not flags.dry_run:
        print(f"{model} is deployed; ask it: python -m infra.vertex predict {model} …")
        print("earlier versions stay deployed, to roll back to, and cost money until `undeploy`")


def _model_name(flags: argparse.Namespace) -> str:
    if flags.name:
        return check_name(flags.name, "--name")
    return check_name(flags.model_dir.resolve().name, "the folder's name")


def _serving_image(flags: argparse.Namespace, settings: Settings) -> str:
    default = settings.image(command_flags.SERVING_IMAGE) + "-gpu" * bool(flags.accelerator)
    return flags.image or os.environ.get("BERTLINE_SERVING_IMAGE") or default


def _predict(flags: argparse.Namespace, settings: Settings) -> None:
    name, instances = check_name(flags.name, "NAME"), instances_from_flags(flags)
    from infra.vertex.clients import Clients

    answer = predict(Clients(settings), name, instances)
    print(json.dumps(answer, ensure_ascii=False, indent=2))


def _list(flags: argparse.Namespace, settings: Settings) -> None:
    from rich.console import Console

    from infra.vertex import listing
    from infra.vertex.clients import Clients

    clients = Clients(settings)
    names = [check_name(flags.name, "NAME")] if flags.name else listing.model_names(clients)
    found = [row for name in names for row in listing.rows(clients, name)]
    if flags.json:
        print(json.dumps(found, indent=2))
        return
    width = None if sys.stdout.isatty() else _WIDTH
    Console(highlight=False, markup=False, width=width).print(listing.table(found))


def _rollback(flags: argparse.Namespace, settings: Settings) -> None:
    name = check_name(flags.name, "NAME")
    from infra.vertex import teardown
    from infra.vertex.clients import Clients

    teardown.roll_back(Clients(settings), name, flags.version, flags.dry_run)


def _undeploy(flags: argparse.Namespace, settings: Settings) -> None:
    name = check_name(flags.name, "NAME")
    from infra.vertex import teardown
    from infra.vertex.clients import Clients

    teardown.undeploy(Clients(settings), name, flags.version, flags.all, flags.dry_run)


def _delete(flags: argparse.Namespace, settings: Settings) -> None:
    name = check_name(flags.name, "NAME")
    if not flags.yes and not flags.dry_run:
        _confirm(name)
    from infra.vertex import teardown
    from infra.vertex.clients import Clients

    teardown.delete(Clients(settings), name, flags.with_bucket, flags.dry_run)


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        raise InputError(f"{name} would be deleted for good: give --yes, or --dry_run to see what.")
    if input(f"Type {name} to delete it with all its versions and files: ") != name:
        raise InputError("it was not typed, so nothing is deleted.")


def _train(flags: argparse.Namespace, settings: Settings) -> None:
    from infra.vertex import machines, training
    from infra.vertex.clients import Clients

    if flags.workers < 1 or flags.max_hours <= 0:
        raise InputError(
            f"--workers is {flags.workers} and --max_hours {flags.max_hours:g}, expected at least "
            "1, and hours above 0."
        )
    wanted = training.Training(
        trainer_flags=flags.more,
        image=_image(flags, settings, "BERTLINE_TRAINER_IMAGE", command_flags.TRAINER_IMAGE),
        machines=machines.Machines(
            machine_type=flags.machine_type,
            accelerator=flags.accelerator,
            accelerator_count=flags.accelerator_count,
            min_replicas=flags.workers,
            max_replicas=flags.workers,
        ),
        spot=flags.spot,
        max_hours=flags.max_hours,
        service_account=flags.service_account,
        wait=not flags.no_wait,
    )
    job = training.train(Clients(settings), wanted, flags.dry_run)
    if job:
        print(job.name)


def _preprocess(flags: argparse.Namespace, settings: Settings) -> None:
    from infra.vertex import dataflow

    wanted = dataflow.Preprocessing(
        flags=[flags.task, *flags.more],
        image=_image(flags, settings, "BERTLINE_WORKER_IMAGE", command_flags.WORKER_IMAGE),
        machine_type=flags.machine_type,
        max_workers=flags.max_workers,
        service_account=flags.service_account,
    )
    from infra.vertex.clients import Clients

    dataflow.preprocess(Clients(settings), wanted, flags.dry_run)


def _image(flags: argparse.Namespace, settings: Settings, variable: str, name: str) -> str:
    return flags.image or os.environ.get(variable) or settings.image(name)


_PASSING_ON = ("train", "preprocess")  # their other flags are somebody else's
_COMMANDS = {
    "deploy": _deploy,
    "predict": _predict,
    "list": _list,
    "rollback": _rollback,
    "undeploy": _undeploy,
    "delete": _delete,
    "train": _train,
    "preprocess": _preprocess,
}

if __name__ == "__main__":
    command_line.run(main)
