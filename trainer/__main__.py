"""python -m trainer --task imdb|squad --data_dir ... --output_dir ..."""

import argparse
import dataclasses

from preprocessing.command_line import ArgumentParser, add_verbose_flag, load_tensorflow, run
from trainer.config import PRECISIONS, STRATEGIES, TASKS, TrainConfig

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(TrainConfig)}


def main(arguments: list[str]) -> None:
    """Parses the flags and trains."""
    flags = vars(_parser().parse_args(arguments))
    overwrite = flags.pop("overwrite")
    del flags["verbose"]
    if flags.pop("no_pretrained"):
        flags["preset"] = None
    precision = flags.pop("precision")
    config = TrainConfig(**flags, precision=precision or "float32")
    load_tensorflow()  # takes seconds: not for --help, nor before the flags are checked
    from trainer.distribution import fast_precision
    from trainer.train import train_and_evaluate

    if precision is None:
        config = dataclasses.replace(config, precision=fast_precision())
    train_and_evaluate(config, overwrite)


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="python -m trainer",
        description="Fine-tunes a BERT on the records of a data set. The same command again goes "
        "on with a run that was stopped.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_run_flags(parser)
    _add_model_flags(parser)
    _add_optimizer_flags(parser)
    _add_machine_flags(parser)
    add_verbose_flag(parser)
    return parser


def _add_run_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("run")
    group.add_argument("--task", choices=TASKS, required=True, help="what to learn")
    group.add_argument("--data_dir", required=True, help="a data set of `python -m preprocessing`")
    group.add_argument("--output_dir", required=True, help="the run directory")
    group.add_argument(
        "--overwrite", action="store_true", help="remove a run in --output_dir and start anew"
    )
    _add(group, "checkpoint_every_steps", int, "besides the end of each epoch")


def _add_model_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    preset = group.add_mutually_exclusive_group()
    _add(
        preset,
        "preset",
        str,
        "minilm (the fetched weights), a BERT of the keras-hub, hf://user/name, or a folder",
    )
    preset.add_argument(
        "--no_pretrained", action="store_true", help="train a small BERT from random weights"
    )
    _add(group, "preset_dir", str, "where the fetched weights are")
    group.add_argument("--freeze_encoder", action="store_true", help="train only the head")
    _add(group, "dropout", float, "of the encoder and the head")


def _add_optimizer_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("optimizer")
    _add(group, "epochs", int, "times to go through the data")
    _add(group, "global_batch_size", int, "examples per step, over all replicas")
    _add(group, "learning_rate", float, "the peak, at the end of warm-up")
    _add(group, "warmup_fraction", float, "share of all steps")
    _add(group, "weight_decay", float, "not on biases and LayerNorm")
    _add(group, "seed", int, "of new weights, dropout and the order of the data")


def _add_machine_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("machine")
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the arithmetic; by default bfloat16 where the hardware multiplies it",
    )
    group.add_argument(
        "--jit_compile",
        action="store_true",
        help="compile the steps with XLA: for GPUs, on a CPU it is slower",
    )
    _add(
        group,
        "strategy",
        str,
        "by default multi_worker when TF_CONFIG names several workers, mirrored with several "
        "GPUs, one_device otherwise",
        choices=STRATEGIES,
    )


def _add(
    group: argparse._ActionsContainer,
    name: str,
    kind: type,
    text: str,
    choices: tuple[str, ...] | None = None,
) -> None:
    group.add_argument(f"--{name}", type=kind, default=_DEFAULTS[name], help=text, choices=choices)


if __name__ == "__main__":
    run(main)
