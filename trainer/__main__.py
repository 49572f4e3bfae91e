"""python -m trainer --config imdb_small --data_dir ... --output_dir ..."""

import argparse
import dataclasses
from typing import Any

from preprocessing.command_line import ArgumentParser, add_verbose_flag, run
from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.flags import add_flags
from trainer.launch import train
from trainer.preflight import check_run
from trainer.runs import RUNS
from trainer.seeds import parse_seeds, train_seeds
from trainer.settings import make_config, resolve, settings_text, undecided


def main(arguments: list[str]) -> None:
    """Parses the flags and trains."""
    flags = _parser().parse_args(arguments)
    settings = resolve(flags.config, _fields_of(flags))
    if flags.print_config:
        print(settings_text(settings))
    elif flags.seeds is not None:
        train_seeds(settings, parse_seeds(flags.seeds), flags.overwrite)
    else:
        check_run(make_config(settings), flags.overwrite, undecided(settings))
        train(settings, flags.overwrite)


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="python -m trainer",
        description="Fine-tunes a BERT on the records of a data set. The same command again, "
        "without --overwrite, goes on with a run that was stopped. Flags override every --config; "
        "--no_<flag> takes back a switch, or a flag that needs no value.",
    )
    named = ", ".join(f"{name} ({run.text})" for name, run in RUNS.items())
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="NAME_OR_FILE",
        help=f"{named}, or a YAML or JSON file of flags; once more: the later overrides",
    )
    parser.add_argument(
        "--print_config", action="store_true", help="print the config, as a YAML file, and stop"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="remove a run in --output_dir and start anew"
    )
    parser.add_argument(
        "--seeds", help="such as 0,1,2: a run in <output_dir>/seed-<k> for each, and their mean"
    )
    parser.add_argument(
        "--no_pretrained", action="store_true", help="train a small BERT from random weights"
    )
    add_flags(parser, TrainConfig)
    add_verbose_flag(parser)
    return parser


def _fields_of(flags: argparse.Namespace) -> dict[str, Any]:
    given = vars(flags)
    fields = {
        field.name: given[field.name]
        for field in dataclasses.fields(TrainConfig)
        if field.name in given
    }
    if flags.no_pretrained:
        _check_alone("--no_pretrained", "preset", fields)
        fields["preset"] = None
    if flags.seeds is not None:
        _check_alone(f"--seeds {flags.seeds}", "seed", fields)
    return fields


def _check_alone(flag: str, name: str, fields: dict[str, Any]) -> None:
    if name in fields:
        other = f"--no_{name}" if fields[name] is None else f"--{name} {fields[name]}"
        raise InputError(f"{flag} and {other} exclude each other. Give one of them.")


if __name__ == "__main__":
    run(main)
