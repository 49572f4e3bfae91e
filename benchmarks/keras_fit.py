"""The other peer of `benchmarks.training_speed`: Keras's own `fit`, padded to a fixed length.

python -m benchmarks.keras_fit imdb --data_dir data/imdb --preset data/presets/minilm \
    --max_seq_length 512 --output keras.json

keras-hub's BERT with the trainer's head, `compile` with AdamW, and tf.data that pads each record
to the same length, on a data set of `python -m preprocessing`: as most notebooks have it.
"""

import argparse
import itertools
import pathlib
import time
from typing import Any

from benchmarks.training_sides import MAX_SEQ_LENGTH, write_json
from preprocessing import command_line
from preprocessing.dataset_info import SplitInfo, load_info
from preprocessing.errors import InputError

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
JIT_COMPILE = {"auto": "auto", "on": True, "off": False}


def main(arguments: list[str]) -> None:
    flags = _parser().parse_args(arguments)
    info = load_info(flags.data_dir)
    if info.task != flags.task:
        raise InputError(f"--data_dir {flags.data_dir}: {info.task} records, not {flags.task}.")
    command_line.load_tensorflow()
    split = info.splits["train"]
    if split.records < flags.batch_size:
        raise InputError(
            f"--batch_size is {flags.batch_size}, but --data_dir {flags.data_dir} has only "
            f"{split.records} records of training, expected a full batch."
        )
    steps = flags.steps_per_epoch or split.records // flags.batch_size
    seconds = _fit(_model(flags, steps), _batches(flags, split), steps, flags.epochs)
    history = [_figures(flags, split, steps, of_epoch) for of_epoch in seconds]
    write_json(flags.output, {"history": history})


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(prog="python -m benchmarks.keras_fit", description=__doc__)
    parser.add_argument("task", choices=list(MAX_SEQ_LENGTH))
    parser.add_argument("--data_dir", required=True, type=pathlib.Path, help="with info.json")
    parser.add_argument("--preset", required=True, help="a folder in Hugging Face's layout")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="JSON file to write")
    parser.add_argument("--max_seq_length", required=True, type=int, help="to pad to")
    parser.add_argument("--precision", choices=list(POLICIES), default="bfloat16")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--steps_per_epoch", type=int, help="by default as many as there are")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--learning_rate", type=float, default=5e-5)
    parser.add_argument("--jit_compile", choices=list(JIT_COMPILE), default="auto", help="of Keras")
    command_line.add_verbose_flag(parser)
    return parser


def _model(flags: argparse.Namespace, steps: int) -> Any:
    """The compiled model."""
    from trainer.config import TrainConfig
    from trainer.models import task_model
    from trainer.optimizer import EPSILON, WarmupLinearDecay
    from trainer.tensorflow_keras import keras

    model = task_model(flags.task, _backbone(flags.preset, flags.precision), dropout=0.1)
    total = steps * flags.epochs
    optimizer = keras.optimizers.AdamW(
        WarmupLinearDecay(flags.learning_rate, total, round(0.1 * total)),
        weight_decay=0.01,
        epsilon=EPSILON,
        global_clipnorm=TrainConfig.clipping_norm,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    losses = {
        "imdb": {"logit": keras.losses.BinaryCrossentropy(from_logits=True)},
        "squad": {
            name: keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            for name in ("start_logits", "end_logits")
        },
    }
    model.compile(optimizer, losses[flags.task], jit_compile=JIT_COMPILE[flags.jit_compile])
    return model


def _backbone(preset: str, precision: str) -> Any:
    from keras_hub.models import BertBackbone  # after the trainer has set Keras's backend

    return BertBackbone.from_preset(preset, dropout=0.1, dtype=POLICIES[precision])


def _batches(flags: argparse.Namespace, split: SplitInfo) -> Any:
    """Full batches without end: (inputs, labels under the names of the outputs)."""
    import tensorflow as tf

    from benchmarks import plain_input
    from trainer.models import INPUTS

    names = {
        "imdb": {"logit": "label"},
        "squad": {"start_logits": "start_token", "end_logits": "end_token"},
    }[flags.task]
    shards = [str(flags.data_dir / name) for name in split.shards]
    batches = plain_input.padded(flags.task, shards, flags.batch_size, flags.max_seq_length)
    full = batches.filter(lambda batch: tf.shape(batch["token_ids"])[0] == flags.batch_size)
    return full.repeat().map(
        lambda batch: (
            {name: batch[name] for name in INPUTS},
            {output: batch[field] for output, field in names.items()},
        )
    )


def _fit(model: Any, batches: Any, steps: int, epochs: int) -> list[float]:
    """The seconds of each epoch."""
    from trainer.tensorflow_keras import keras

    times = [time.monotonic()]
    timer = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: times.append(time.monotonic())
    )
    model.fit(batches, steps_per_epoch=steps, epochs=epochs, callbacks=[timer], verbose=0)
    return [end - start for start, end in itertools.pairwise(times)]


def _figures(
    flags: argparse.Namespace, split: SplitInfo, steps: int, seconds: float
) -> dict[str, float]:
    """Of one epoch; the tokens are those of as many average records."""
    examples = steps * flags.batch_size
    tokens = examples * split.tokens / split.records
    return {
        "steps": steps,
        "examples": examples,
        "seconds": seconds,
        "examples_per_second": examples / seconds,
        "tokens_per_second": tokens / seconds,
        "padding": 1.0 - tokens / (examples * flags.max_seq_length),
    }


if __name__ == "__main__":
    command_line.run(main)
