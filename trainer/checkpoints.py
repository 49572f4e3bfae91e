"""Checkpoints: everything that decides how a run goes on."""

import concurrent.futures
import dataclasses
import json
import logging
import pathlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from preprocessing.errors import InputError
from trainer import checkpoint_files
from trainer.checkpoint_files import BrokenCheckpointError
from trainer.run_files import CHECKPOINT_DIR
from trainer.tensorflow_keras import keras

logger = logging.getLogger(__name__)


@dataclasses.dataclass(kw_only=True)
class Place:
    """How far a run is: saved with the weights.

    Attributes:
        epoch: finished epochs.
        step: steps done in the epoch that is under way.
        total_steps: steps done since the start of the run.
        seconds: spent in the epoch that is under way.
        sums: what was counted in that epoch, by name.
        lines: of the history, one for each finished epoch.
    """

    epoch: int = 0
    step: int = 0
    total_steps: int = 0
    seconds: float = 0.0
    sums: dict[str, float] = dataclasses.field(default_factory=dict)
    lines: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def advance(self, sums: Mapping[str, float]) -> None:
        """Counts one step."""
        self.step += 1
        self.total_steps += 1
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def finish_epoch(self, line: dict[str, Any]) -> None:
        """Goes on to the start of the next epoch."""
        self.lines.append(line)
        self.epoch, self.step, self.seconds, self.sums = self.epoch + 1, 0, 0.0, {}


class Checkpoints:
    """The checkpoints of a run directory. Use it as a context manager: its end waits for writes.

    The variables are copied where `save` is called; a thread writes the copy, one at a time.

    Args:
        run_dir: of the run.
        variables: all that a step changes, by a name of the group, in an order that is the same in
            every process of the run.
        kept: the last so many stay.
        writes: whether this process writes; the others read what it has written.
    """

    def __init__(
        self,
        run_dir: pathlib.Path,
        variables: Mapping[str, Sequence[keras.Variable]],
        kept: int = 2,
        writes: bool = True,
    ):
        self._folder, self._writes, self._number = run_dir / CHECKPOINT_DIR, writes, kept
        self._variables = {
            f"{group}/{index:03}/{variable.name}": variable
            for group, members in variables.items()
            for index, variable in enumerate(members)
        }
        self._kept: list[pathlib.Path] = []  # the last ones that are whole, oldest first
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "checkpoints")
        self._writing: concurrent.futures.Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown()
        if kind is None:
            self.finish()
        elif self._writing and self._writing.exception():
            logger.error("%s", self._writing.exception())

    def restore(self) -> Place | None:
        """Goes back to the newest checkpoint that is whole; None when there is none at all.

        Raises:
            InputError: all are broken, or one is of another model or optimizer.
        """
        if self._writes:
            checkpoint_files.remove_stale(self._folder)
        broken = []
        for path in checkpoint_files.newest_first(self._folder):
            try:
                arrays, metadata = checkpoint_files.read(path)
            except BrokenCheckpointError as error:
                logger.warning("%s: broken, %s. Trying the checkpoint before it.", path, error)
                broken.append(path.name)
                continue
            self._assign(path, arrays)
            self._kept = [path]
            return Place(**json.loads(metadata["place"]))
        if broken:
            raise InputError(
                f"{self._folder}: every checkpoint is broken ({', '.join(broken)}). Give "
                "--overwrite to train anew."
            )
        return None

    def save(self, place: Place) -> None:
        """Copies all variables and the place, and has them written. Does not wait for the disk.

        Raises:
            InputError: the write before this one has failed.
        """
        if self._writes:
            self.finish()
            arrays = {
                name: np.asarray(variable.value.numpy())
                for name, variable in self._variables.items()
            }
            metadata = {"place": json.dumps(dataclasses.asdict(place))}
            self._writing = self._thread.submit(self._write, place.total_steps, arrays, metadata)

    def save_best(self) -> None:
        """Keeps the checkpoint that was saved last apart from those that are removed in turn.

        Raises:
            InputError: its write has failed.
        """
        if self._writes:
            self.finish()
            checkpoint_files.keep_apart(self._kept[-1])

    def restore_best(self) -> None:
        """Goes back to the variables of the best checkpoint. Only in the process that writes.

        Raises:
            InputError: there is none that is whole.
        """
        self.finish()
        for path in checkpoint_files.newest_first(self._folder, checkpoint_files.BEST):
            try:
                arrays, _ = checkpoint_files.read(path)
            except BrokenCheckpointError as error:
                raise InputError(
                    f"{path}: broken, {error}. Give --overwrite to train anew."
                ) from error
            self._assign(path, arrays)
            return
        raise InputError(
            f"{self._folder}: no {checkpoint_files.BEST}-… checkpoint. Give --overwrite to train "
            "anew."
        )

    def check(self) -> None:
        """Raises the error of a write that has failed, if there is one. Does not wait."""
        if self._writing and self._writing.done():
            self.finish()

    def finish(self) -> None:
        """Waits for the write that is under way, and raises its error if it fails."""
        writing, self._writing = self._writing, None
        if writing:
            writing.result()

    def _write(self, step: int, arrays: checkpoint_files.Arrays, metadata: dict[str, str]) -> None:
        path = checkpoint_files.write(self._folder, step, arrays, metadata)
        others = [kept for kept in self._kept if kept != path]
        self._kept = [*others, path][-self._number :]
        for old in checkpoint_files.newest_first(self._folder):
            if old not in self._kept:
                old.unlink(missing_ok=True)

    def _assign(self, path: pathlib.Path, arrays: checkpoint_files.Arrays) -> None:
        self._check_same_variables(path, arrays)
        for name, variable in self._variables.items():
            variable.assign(arrays[name])

    def _check_same_variables(self, path: pathlib.Path, arrays: checkpoint_files.Arrays) -> None:
        expected = {name: _kind(variable) for name, variable in self._variables.items()}
        found = {name: _kind(array) for name, array in arrays.items()}
        for name in sorted(expected.keys() | found.keys()):
            if found.get(name) != expected.get(name):
                raise InputError(
                    f"{path}: a checkpoint of another model or optimizer: {name} is "
                    f"{found.get(name, 'not there')}, expected "
                    f"{expected.get(name, 'no such variable')}. Give --overwrite to train anew."
                )


def _kind(values: Any) -> str:
    return f"{np.dtype(values.dtype).name}{list(values.shape)}"
