"""python -m trainer --config imdb_small --data_dir ... --output_dir ..."""

import argparse
import dataclasses
import logging
from typing import Any

from preprocessing.command_line import ArgumentParser, add_verbose_flag, load_tensorflow, run
from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.flags import add_flags
from trainer.preflight import check_run
from trainer.runs import RUNS
from trainer.settings import (
    BY_HARDWARE,
    DEFAULT,
    Setting,
    Settings,
    make_config,
    resolve,
    settings_text,
)

logger = logging.getLogger("trainer")


def main(arguments: list[str]) -> None:
    """Parses the flags and trains."""
    flags = _parser().parse_args(arguments)
    settings = resolve(flags.config, _fields_of(flags))
    if flags.print_config:
        print(settings_text(settings))
        return
    undecided = {BY_HARDWARE} if settings[BY_HARDWARE].source == DEFAULT else set()
    check_run(make_config(settings), flags.overwrite, undecided)
    train(settings, flags.overwrite)


def train(settings: Settings, overwrite: bool) -> None:
    """Trains one run in this process."""
    load_tensorflow()  # takes seconds: not for --help, nor before the flags are checked
    from trainer.distribution import fast_precision
    from trainer.train import train_and_evaluate

    if settings[BY_HARDWARE].source == DEFAULT:
        settings |= {BY_HARDWARE: Setting(fast_precision(), "this machine")}
    logger.info("%s", settings_text(settings))
    train_and_evaluate(make_config(settings), overwrite)


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="python -m trainer",
        description="Fine-tunes a BERT on the records of a data set. The same command again goes "
        "on with a run that was stopped. Flags override every --config; --no_<flag> takes back a "
        "switch, or a flag that needs no value.",
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="NAME_OR_FILE",
        help=f"{', '.join(RUNS)}, or a YAML or JSON file of flags; once more: the later overrides",
    )
    parser.add_argument(
        "--print_config", action="store_true", help="print the config, as a YAML file, and stop"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="remove a run in --output_dir and start anew"
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
    return fields | (_without_preset(fields) if flags.no_pretrained else {})


def _without_preset(flags: dict[str, Any]) -> dict[str, Any]:
    if "preset" in flags:
        raise InputError(
            f"--no_pretrained and --preset {flags['preset']} exclude each other. Give one of them."
        )
    return {"preset": None}


if __name__ == "__main__":
    run(main)
