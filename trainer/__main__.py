"""python -m trainer --task imdb|squad --data_dir ... --output_dir ..."""

import argparse
import dataclasses
from typing import Any

from preprocessing.command_line import ArgumentParser, add_verbose_flag, load_tensorflow, run
from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.flags import add_flags


def main(arguments: list[str]) -> None:
    """Parses the flags and trains."""
    flags = vars(_parser().parse_args(arguments))
    overwrite = flags.pop("overwrite")
    del flags["verbose"]
    if flags.pop("no_pretrained"):
        flags |= _without_preset(flags)
    config = TrainConfig(**_complete(flags))
    load_tensorflow()  # takes seconds: not for --help, nor before the flags are checked
    from trainer.distribution import fast_precision
    from trainer.train import train_and_evaluate

    if "precision" not in flags:
        config = dataclasses.replace(config, precision=fast_precision())
    train_and_evaluate(config, overwrite)


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="python -m trainer",
        description="Fine-tunes a BERT on the records of a data set. The same command again goes "
        "on with a run that was stopped. --no_<flag> takes back a switch, or a flag that "
        "needs no value.",
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


def _without_preset(flags: dict[str, Any]) -> dict[str, Any]:
    if "preset" in flags:
        raise InputError(
            f"--no_pretrained and --preset {flags['preset']} exclude each other. Give one of them."
        )
    return {"preset": None}


def _complete(flags: dict[str, Any]) -> dict[str, Any]:
    missing = [
        f"--{field.name}"
        for field in dataclasses.fields(TrainConfig)
        if field.default is dataclasses.MISSING and field.name not in flags
    ]
    if missing:
        raise InputError(
            f"{', '.join(missing)} not given. `python -m trainer --help` lists the flags."
        )
    return flags


if __name__ == "__main__":
    run(main)
