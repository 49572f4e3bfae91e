"""The model manager: which versions are loaded, and which one answers a request.

One thread looks at the disk and decides; loads and unloads run in pools. A version that is no
longer wanted serves on until a wanted one is AVAILABLE, so a request without a version never
fails during a switch, and a corrupt newest version leaves the old one serving.
"""

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence

from serving.server.config import ModelConfig
from serving.server.loader import LoadedModel
from serving.server.loading import Loading
from serving.server.model import Model
from serving.server.servable import Servable, State
from serving.server.status import Code, StatusError, invalid_argument
from serving.server.versions import find_versions

logger = logging.getLogger(__name__)

_STILL_WANTED_S = 0.1  # how often a caller that waits for models is asked whether it still does


@dataclasses.dataclass(frozen=True, kw_only=True)
class ManagerOptions:
    """How the manager goes about it; the fields are flags of the server."""

    file_system_poll_wait_seconds: int = 1  # 0: look once, and once for every new config
    max_num_load_retries: int = 5
    load_retry_interval_s: float = 60.0
    num_load_threads: int = 0  # 0: one load after the other, except at the start
    num_unload_threads: int = 0
    allow_version_labels_for_unavailable_models: bool = False


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
        self._first_config = models
        self._models: dict[str, Model] = {}  # every one this process has known
        self._changed = threading.Condition()  # guards all of the state below, and the models
        self._stopping = False
        self._next_poll = 0.0
        self._loading = Loading(
            load,
            self._changed,
            self._options.max_num_load_retries,
            self._options.load_retry_interval_s,
            self._options.num_load_threads,
            self._options.num_unload_threads,
        )
        self._thread = threading.Thread(target=self._work, name="model-manager", daemon=True)

    def start(self) -> None:
        """Starts to look for versions and to load them, in the background.

        Raises:
            StatusError: a label is configured, though nothing is AVAILABLE yet.
        """
        self.apply(self._first_config)
        self._thread.start()

    def stop(self) -> None:
        """Ends the background work. Loads that are under way are not waited for."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._loading.stop()

    def names(self) -> list[str]:
        """The configured models."""
        with self._changed:
            return [name for name, model in self._models.items() if model.config]

    def apply(self, configs: Sequence[ModelConfig]) -> list[str]:
        """Replaces the whole configuration; what it asks for is done in the background.

        Returns:
            The names of the models that were not configured before.

        Raises:
            StatusError: a label may not be assigned; then nothing changes.
        """
        allow = self._options.allow_version_labels_for_unavailable_models
        with self._changed:
            for config in configs:
                known = self._models.get(config.name) or Model(config.name)
                known.check_labels(config, allow)
            gone = set(self.names()) - {config.name for config in configs}
            for name in gone:
                self._models[name].leave()
                logger.info("model %s: no longer configured", name)
            new = []
            for config in configs:
                model = self._models.setdefault(config.name, Model(config.name))
                if model.config is None:
                    new.append(config.name)
                if model.config != config:
                    logger.info("model %s: %s", config.name, config)
                model.config = config
            self._next_poll = 0.0
            self._changed.notify_all()
        return new

    def ready(self) -> bool:
        """Whether every configured model has an AVAILABLE version.

        Raises:
            StatusError: a model's newest version has failed for good before any was AVAILABLE.
        """
        with self._changed:
            return self._all_available(self.names(), "servable")

    def wait_until_available(
        self, names: Collection[str], still_wanted: Callable[[], bool]
    ) -> None:
        """Waits until each of these models has an AVAILABLE version.

        Args:
            names: models that have been configured.
            still_wanted: asked now and then; the wait ends when it says no.

        Raises:
            StatusError: one of them cannot be loaded, has left the config meanwhile, or the wait
                has ended otherwise.
        """
        with self._changed:
            while not self._all_available(names, "model"):
                if self._stopping:
                    raise StatusError(Code.UNAVAILABLE, "The server is shutting down")
                if not still_wanted():
                    raise StatusError(Code.CANCELLED, "The caller has gone")
                self._changed.wait(_STILL_WANTED_S)

    def initial_loads_done(self) -> None:
        """From now on as many loads at once as `num_load_threads` says."""
        self._loading.initial_loads_done()

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

    def statuses(self, name: str) -> list[tuple[int, State, StatusError | None]]:
        """Every version this process has known of a model, highest first."""
        with self._changed:
            model = self._models.get(name)
            servables = model.newest_first() if model else []
            return [(one.version, one.state, one.error) for one in servables]

    def _find(self, name: str, version: int | None, label: str | None) -> Servable:
        model = self._models.get(name)
        if label is not None:
            if model is None or label not in model.labels:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
            version = model.labels[label]
        for servable in model.available() if model else ():
            if version is None or servable.version == version:
                return servable
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise StatusError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")

    def _all_available(self, names: Collection[str], what: str) -> bool:
        waiting = [self._models[name] for name in names if not self._models[name].available()]
        reasons = [reason for model in waiting if (reason := _why_never(model))]
        if reasons:
            raise StatusError(
                Code.UNKNOWN,
                f"{len(reasons)} {what}(s) did not become available: {{{''.join(reasons)}}}",
            )
        return not waiting

    def _work(self) -> None:
        while not self._stopping:
            if time.monotonic() >= self._next_poll:
                wait = self._options.file_system_poll_wait_seconds or float("inf")
                self._next_poll = time.monotonic() + wait  # first: a new config sets it to 0
                try:
                    self._poll()
                except Exception:  # the next poll may find the disk in better shape
                    logger.exception("cannot look for versions")
            with self._changed:
                if self._stopping:
                    return
                retries = [self._loading.schedule(model) for model in self._models.values()]
                due = min([self._next_poll, *retries]) - time.monotonic()
                self._changed.wait(min(max(due, 0.0), threading.TIMEOUT_MAX))

    def _poll(self) -> None:
        with self._changed:
            configs = [model.config for model in self._models.values() if model.config]
        found = find_versions(configs)
        with self._changed:
            for config, present in found:
                model = self._models[config.name]
                if model.config == config:  # else it was looked for in the wrong place
                    model.want(present)


def _why_never(model: Model) -> str:
    """Why a model without an AVAILABLE version will not have one; "" if it may."""
    if model.config is None:
        return f"{{{{name: {model.name}}} due to error: it has left the config}}, "
    failed = model.newest_if_failed()
    if failed is None:
        return ""
    return f"{{{{name: {model.name} version: {failed.version}}} due to error: {failed.error}}}, "
