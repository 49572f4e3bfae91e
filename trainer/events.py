"""TensorBoard events of a run: of training and validation apart, so that the two overlay."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from trainer.measures import SPLITS, split_measures
from trainer.run_files import TENSORBOARD_DIR

MOST_POINTS = 1000  # of a tag, over the run: as many as TensorBoard shows
# Fields of an epoch's line that are no value over the epochs.
_PLACES = ("epoch", "step")


class Events:
    """Writes the scalars of a run.

    Args:
        run_dir: its folder "tensorboard" gets a run "train" and a run "validation".
        total_steps: of the whole run; decides how many steps get a point.
        step: of the checkpoint that the run goes on from; later points are removed.
        epoch_step: of the last epoch in history.jsonl; later points of epochs are removed.
    """

    def __init__(self, run_dir: pathlib.Path, total_steps: int, step: int, epoch_step: int):
        self._folder = run_dir / TENSORBOARD_DIR
        self._every = -(-total_steps // MOST_POINTS)
        for path in self._folder.rglob("events.out.tfevents.*"):
            _trim(path, step, epoch_step)
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def is_point(self, step: int) -> bool:
        """Whether the values of a step of the run, from 1, are written."""
        return step % self._every == 0

    def add_step(self, step: int, values: Mapping[str, float]) -> None:
        """Writes values of a step of training."""
        self._write("train", step, {f"step/{name}": value for name, value in values.items()})

    def add_epoch(self, line: Mapping[str, Any]) -> None:
        """Writes an epoch's line of history.jsonl at its step."""
        measures = {split: split_measures(line, split) for split in SPLITS}
        of_splits = {f"{split}_{name}" for split in SPLITS for name in measures[split]}
        measures["train"] |= {k: v for k, v in line.items() if k not in {*_PLACES, *of_splits}}
        for split, values in measures.items():
            named = {f"epoch/{name}": value for name, value in values.items()}
            self._write(split, line["step"], named)
        self.flush()

    def flush(self) -> None:
        """Brings all events to the files, before a checkpoint that counts on them."""
        with _disk_errors(self._folder):
            for writer in self._writers.values():
                writer.flush()

    def _write(self, run: str, step: int, values: Mapping[str, float]) -> None:
        with _disk_errors(self._folder):
            if values and run not in self._writers:
                self._writers[run] = tf.summary.create_file_writer(str(self._folder / run))
            for name, value in values.items():
                with self._writers[run].as_default(step=step):
                    tf.summary.scalar(name, value)


@contextlib.contextmanager
def _disk_errors(folder: pathlib.Path) -> Iterator[None]:
    """Raises an OSError for a full disk, where TensorFlow says that some resource is exhausted."""
    try:
        yield
    except tf.errors.OpError as error:
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            if os.strerror(number) in error.message:
                raise OSError(number, os.strerror(number), str(folder)) from error
        raise


def _trim(path: pathlib.Path, step: int, epoch_step: int) -> None:
    """Removes the events after a step, and the file if it has no other."""
    kept = [event for event in _events(path) if _is_kept(event, step, epoch_step)]
    if not any(event.HasField("summary") for event in kept):
        path.unlink()
        return
    temporary = path.with_name(f".{path.name.replace('tfevents', 'tmp')}")
    with _disk_errors(path), tf.io.TFRecordWriter(str(temporary)) as writer:
        for event in kept:
            writer.write(event.SerializeToString())
    os.replace(temporary, path)


def _events(path: pathlib.Path) -> Iterator[tf.compat.v1.Event]:
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            yield tf.compat.v1.Event.FromString(record.numpy())
    except tf.errors.DataLossError:  # the end of a file whose writer was killed
        return


def _is_kept(event: tf.compat.v1.Event, step: int, epoch_step: int) -> bool:
    of_epoch = any(value.tag.startswith("epoch/") for value in event.summary.value)
    return event.step <= (epoch_step if of_epoch else step)
