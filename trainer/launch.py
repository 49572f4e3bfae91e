"""A run in this process, or in one of its own that gets the signals of this one."""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing.context import SpawnProcess
from types import FrameType

from preprocessing import command_line
from trainer.cluster import read_cluster
from trainer.settings import (
    BY_HARDWARE,
    Setting,
    Settings,
    make_config,
    settings_text,
    undecided,
)

logger = logging.getLogger(__name__)


def train(settings: Settings, overwrite: bool) -> None:
    """Trains in this process.

    Args:
        settings: of the run, checked.
        overwrite: remove a run that the folder holds, and start anew.
    """
    command_line.load_tensorflow()  # takes seconds: not before everything else is checked
    from trainer.distribution import fast_precision, is_native
    from trainer.train import train_and_evaluate

    if undecided(settings):
        settings = settings | {BY_HARDWARE: Setting(fast_precision(), "this machine")}
    precision = settings[BY_HARDWARE].value
    if settings["strategy"].value != "tpu" and not is_native(precision):
        logger.warning("%s is emulated on this machine, and slower than float32", precision)
    _log_settings(settings)
    train_and_evaluate(make_config(settings), overwrite)


def _log_settings(settings: Settings) -> None:
    cluster = read_cluster()
    if cluster is None or cluster.is_chief:
        logger.info("%s", settings_text(settings))


def train_apart(settings: Settings, overwrite: bool) -> tuple[int, bool]:
    """Trains in a process of its own, which ends when this one does.

    Args:
        settings: as in `train`.
        overwrite: as in `train`.

    Returns:
        Its exit status, that of a shell when a signal ended it; and whether this process got
        SIGINT or SIGTERM meanwhile, which the other one has got, too.
    """
    process = multiprocessing.get_context("spawn").Process(
        target=_train_as_child, args=(settings, overwrite)
    )
    process.start()
    with _passed_on(process) as signals:
        process.join()
    status = process.exitcode or 0
    return (status if status >= 0 else 128 - status), bool(signals)


@contextlib.contextmanager
def _passed_on(process: SpawnProcess) -> Iterator[list[int]]:
    received: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        received.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid or 0, number)

    previous = {
        number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _train_as_child(settings: Settings, overwrite: bool) -> None:
    os.setpgid(0, 0)  # Ctrl-C goes to the group: it would come twice, and twice means at once
    threading.Thread(target=_end_with_parent, daemon=True).start()
    command_line.run(lambda _: train(settings, overwrite))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)  # saves, and leaves the folder to the next command
