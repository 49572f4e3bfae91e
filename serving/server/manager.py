"""The model manager: which versions are loaded, and which one answers a request.

One thread looks at the disk and decides; loads and unloads run in pools. A version that is no
longer wanted serves on until a wanted one is AVAILABLE, so a request without a version never
fails during a switch, and a corrupt newest version leaves the old one serving.
"""

import concurrent.futures
import contextlib
import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

from serving.server.config import ModelConfig
from serving.server.loader import LoadedModel
from serving.server.servable import Servable, State
from serving.server.status import Code, StatusError, from_exception, invalid_argument
from serving.server.versions import list_versions

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ManagerOptions:
    """How the manager goes about it; the fields are flags of the server."""

    file_system_poll_wait_seconds: int = 1  # 0: look once
    max_num_load_retries: int = 5
    load_retry_interval_s: float = 60.0
    num_load_threads: int = 0  # 0: one load after the other, except at the start
    num_unload_threads: int = 0
    allow_version_labels_for_unavailable_models: bool = False


class _Model:
    """One configured model and every version of it that this process has known."""

    def __init__(self, config: ModelConfig):
        self.config = config
        self.servables: dict[int, Servable] = {}

    def newest_first(self) -> list[Servable]:
        return [self.servables[number] for number in sorted(self.servables, reverse=True)]

    def available(self) -> list[Servable]:
        return [one for one in self.newest_first() if one.state == State.AVAILABLE]

    def want(self, present: dict[int, str]) -> None:
        """Takes note of the versions on disk. A failed one is forgiven once it has gone."""
        wanted = self.config.policy.choose(present)
        for number in wanted:
            servable = self.servables.setdefault(
                number, Servable(self.config.name, number, present[number])
            )
            if not servable.wanted:
                servable.want(present[number])
        for number in self.servables.keys() - wanted:
            self.servables[number].unwant()


class ModelManager:
    """Keeps the configured models loaded, and lends their versions to requests."""

    def __init__(
        self,
        models: Sequence[ModelConfig],
        load: Callable[[str], LoadedModel],
        options: ManagerOptions | None = None,
    ):
        """`load` turns a version's path into a model that is warm; it raises when it cannot."""
        self._options = options or ManagerOptions()
        self._load = load
        self._models = {config.name: _Model(config) for config in models}
        self._changed = threading.Condition()  # guards all of the state below
        self._stopping = False
        self._next_poll = 0.0
        # The first loads run in parallel in any case.
        self._loaders = _pool("load", max(os.cpu_count() or 1, self._options.num_load_threads))
        self._unloaders = _pool("unload", max(1, self._options.num_unload_threads))
        self._thread = threading.Thread(target=self._work, name="model-manager", daemon=True)

    def start(self) -> None:
        """Starts to look for versions and to load them, in the background.

        Raises:
            StatusError: a label is configured, though nothing is AVAILABLE yet.
        """
        self._check_labels()
        self._thread.start()

    def stop(self) -> None:
        """Ends the background work. Loads that are under way are not waited for."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._loaders.shutdown(wait=False, cancel_futures=True)
        self._unloaders.shutdown(wait=False, cancel_futures=True)

    def ready(self) -> bool:
        """Whether every model has an AVAILABLE version.

        Raises:
            StatusError: a model's newest version has failed for good before any was AVAILABLE.
        """
        with self._changed:
            waiting = [model for model in self._models.values() if not model.available()]
            failed = [one for model in waiting if (one := _newest_if_failed(model))]
            if failed:
                raise StatusError(Code.UNKNOWN, _did_not_become_available(failed))
            return not waiting

    def initial_loads_done(self) -> None:
        """From now on as many loads at once as `num_load_threads` says."""
        with self._changed:
            initial, threads = self._loaders, max(1, self._options.num_load_threads)
            self._loaders = _pool("load", threads)
        initial.shutdown(wait=False)

    @contextlib.contextmanager
    def borrow(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> Iterator[Servable]:
        """Lends the version that serves a request; it is not unloaded while it is lent.

        Raises:
            StatusError: there is no such version, or none that is AVAILABLE.
        """
        with self._changed:
            servable = self._find(name, version, label)
            servable.borrowers += 1
        try:
            yield servable
        finally:
            with self._changed:
                servable.borrowers -= 1
                if not servable.borrowers and servable.state == State.UNLOADING:
                    self._changed.notify_all()

    def names(self) -> list[str]:
        """The configured models."""
        with self._changed:
            return list(self._models)

    def statuses(self, name: str) -> list[tuple[int, State, StatusError | None]]:
        """Every version this process has known of a model, highest first."""
        with self._changed:
            model = self._models.get(name)
            servables = model.newest_first() if model else []
            return [(one.version, one.state, one.error) for one in servables]

    def _find(self, name: str, version: int | None, label: str | None) -> Servable:
        model = self._models.get(name)
        if label is not None:
            if model is None or label not in model.config.labels:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
            version = model.config.labels[label]
        available = model.available() if model else []
        for servable in available:
            if version is None or servable.version == version:
                return servable
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise StatusError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")

    def _check_labels(self) -> None:
        if self._options.allow_version_labels_for_unavailable_models:
            return
        for model in self._models.values():
            for version in model.config.labels.values():
                raise StatusError(
                    Code.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {model.config.name}, "
                    "which is not currently available for inference",
                )

    def _work(self) -> None:
        while not self._stopping:
            if time.monotonic() >= self._next_poll:
                try:
                    self._poll()
                except Exception:  # the next poll may find the disk in better shape
                    logger.exception("cannot look for versions")
                wait = self._options.file_system_poll_wait_seconds or float("inf")
                self._next_poll = time.monotonic() + wait
            with self._changed:
                if self._stopping:
                    return
                retries = [self._schedule(model) for model in self._models.values()]
                due = min([self._next_poll, *retries]) - time.monotonic()
                self._changed.wait(min(max(due, 0.0), threading.TIMEOUT_MAX))

    def _poll(self) -> None:
        """Looks at the disk. One missing base path stops the poll of all models."""
        present = {}
        for name, model in self._models.items():
            path = model.config.base_path
            try:
                present[name] = list_versions(path)
            except tf.errors.OpError as error:
                logger.error(
                    "model %s: cannot list base path %s (%s); waiting for it, and no model is "
                    "updated until it is there", name, path, error.message,
                )  # fmt: skip
                return
            if not present[name]:
                logger.warning(
                    "model %s: no version in %s yet; waiting for a folder whose name is a "
                    "number, such as %s/1", name, path, path,
                )  # fmt: skip
        with self._changed:
            for name, versions in present.items():
                self._models[name].want(versions)

    def _schedule(self, model: _Model) -> float:
        """Starts the loads and unloads that are due; returns when the next retry is."""
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

    def _load_failed(self, servable: Servable, error: StatusError) -> None:
        with self._changed:
            servable.failed(error)
            retries_left = self._options.max_num_load_retries + 1 - servable.attempts
            if retries_left > 0 and servable.wanted:
                servable.retry_at = time.monotonic() + self._options.load_retry_interval_s
            else:
                servable.give_up()
            self._changed.notify_all()
        logger.error(
            "model %s version %d failed to load from %s (%d retries left): %s",
            servable.model, servable.version, servable.path, max(retries_left, 0), error,
        )  # fmt: skip

    def _unload_version(self, servable: Servable) -> None:
        try:
            servable.close()
        except Exception:
            logger.exception("model %s version %d: unload", servable.model, servable.version)
        logger.info("model %s version %d is unloaded", servable.model, servable.version)
        with self._changed:
            servable.ended()
            self._changed.notify_all()


def _pool(name: str, threads: int) -> concurrent.futures.ThreadPoolExecutor:
    return concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix=name)


def _newest_if_failed(model: _Model) -> Servable | None:
    wanted = [one for one in model.newest_first() if one.wanted]
    return wanted[0] if wanted and wanted[0].has_failed else None


def _did_not_become_available(failed: list[Servable]) -> str:
    reasons = "".join(
        f"{{{{name: {one.model} version: {one.version}}} due to error: {one.error}}}, "
        for one in failed
    )
    return f"{len(failed)} servable(s) did not become available: {{{reasons}}}"
