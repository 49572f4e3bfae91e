"""Loads, retries and unloads of versions: which are due, and the pools that do them."""

import concurrent.futures
import logging
import os
import threading
import time
from collections.abc import Callable

from serving.server import process_memory
from serving.server.loader import LoadedModel
from serving.server.model import Model
from serving.server.servable import Servable, State
from serving.server.status import StatusError, from_exception

logger = logging.getLogger(__name__)


class Loading:
    """Does what the versions of a model need, in the background.

    Args:
        load: turns a version's path into a model that is warm; it raises when it cannot.
        changed: guards the models; notified whenever a version changes its state.
        max_num_load_retries: further attempts after a load that failed.
        load_retry_interval_s: time between attempts.
        load_threads, unload_threads: how many at once; 0 is one after the other. The first loads
            run in parallel in any case.
    """

    def __init__(
        self,
        load: Callable[[str], LoadedModel],
        changed: threading.Condition,
        max_num_load_retries: int,
        load_retry_interval_s: float,
        load_threads: int,
        unload_threads: int,
    ):
        self._load, self._changed = load, changed
        self._max_retries, self._retry_interval_s = max_num_load_retries, load_retry_interval_s
        self._load_threads = load_threads
        self._loaders = _pool("load", max(os.cpu_count() or 1, load_threads))
        self._unloaders = _pool("unload", max(1, unload_threads))

    def initial_loads_done(self) -> None:
        """From now on only as many loads at once as there are load threads."""
        with self._changed:
            initial = self._loaders
            self._loaders = _pool("load", max(1, self._load_threads))
        initial.shutdown(wait=False)

    def stop(self) -> None:
        """Starts nothing more. Loads that are under way are not waited for."""
        self._loaders.shutdown(wait=False, cancel_futures=True)
        self._unloaders.shutdown(wait=False, cancel_futures=True)

    def schedule(self, model: Model) -> float:
        """Starts the loads and unloads that are due; returns when the next retry is.

        The caller holds the lock. A version that is not wanted is unloaded once a wanted one is
        AVAILABLE, or when none is wanted.
        """
        servables = model.newest_first()
        next_retry = float("inf")
        for one in servables:
            if one.should_load():
                if time.monotonic() < one.retry_at:
                    next_retry = min(next_retry, one.retry_at)
                else:
                    one.begin_load()
                    self._loaders.submit(self._load_version, one)
        wanted = [one for one in servables if one.wanted]
        replaced = any(one.state == State.AVAILABLE for one in wanted) or not wanted
        for one in servables:
            if not one.wanted and one.state == State.AVAILABLE and replaced:
                one.state = State.UNLOADING
            if one.state == State.UNLOADING and not one.borrowers and not one.busy:
                one.busy = True
                self._unloaders.submit(self._unload_version, one)
        return next_retry

    def _load_version(self, servable: Servable) -> None:
        with self._changed:
            if not servable.wanted:
                servable.ended()
                self._changed.notify_all()
                return
            servable.state = State.LOADING
        start = time.monotonic()
        try:
            loaded = self._load(servable.path)
        except Exception as error:  # noqa: BLE001 - any failure is a state of the version
            self._load_failed(servable, from_exception(error))
            return
        logger.info(
            "model %s version %d is available (loaded in %.1f s from %s)",
            servable.model, servable.version, time.monotonic() - start, servable.path,
        )  # fmt: skip
        with self._changed:
            servable.loaded(loaded)
            self._changed.notify_all()
        process_memory.give_back()  # what reading the files took

    def _load_failed(self, servable: Servable, error: StatusError) -> None:
        with self._changed:
            servable.failed(error)
            retries_left = self._max_retries + 1 - servable.attempts
            if retries_left > 0 and servable.wanted:
                servable.retry_at = time.monotonic() + self._retry_interval_s
            else:
                servable.give_up()
            self._changed.notify_all()
        logger.error(
            "model %s version %d failed to load from %s (%d retries left): %s",
            servable.model, servable.version, servable.path, max(retries_left, 0), error,
        )  # fmt: skip
        process_memory.give_back()

    def _unload_version(self, servable: Servable) -> None:
        try:
            servable.close()
        except Exception:
            logger.exception("model %s version %d: unload", servable.model, servable.version)
        with self._changed:
            servable.ended()
            self._changed.notify_all()
        process_memory.give_back()
        logger.info("model %s version %d is unloaded", servable.model, servable.version)


def _pool(name: str, threads: int) -> concurrent.futures.ThreadPoolExecutor:
    return concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix=name)
