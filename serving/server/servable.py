"""One version of one model, and the states it goes through."""

import enum

from serving.server.loader import LoadedModel
from serving.server.status import StatusError


class State(enum.IntEnum):
    """The states GetModelStatus reports, numbered as on the wire."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


class Servable:
    """A version of a model, from the moment it was first wanted.

    The manager changes it, always under its lock.
    """

    def __init__(self, model: str, version: int, path: str):
        self.model = model
        self.version = version
        self.path = path
        self.state = State.START
        self.error: StatusError | None = None  # of the last attempt to load
        self.wanted = True
        self.busy = False  # in a pool's queue, or being loaded or unloaded
        self.borrowers = 0  # requests that use it now
        self.attempts = 0
        self.retry_at = 0.0  # time.monotonic()
        self.has_failed = False  # for good, unless its directory goes and comes back
        self._loaded: LoadedModel | None = None

    @property
    def loaded_model(self) -> LoadedModel:
        """The model, while it is loaded."""
        assert self._loaded is not None, self
        return self._loaded

    def want(self, path: str) -> None:
        """It is on disk again, and chosen."""
        self.wanted, self.path, self.has_failed = True, path, False
        self.attempts, self.retry_at = 0, 0.0

    def must_load_from(self, path: str) -> bool:
        """Whether its directory is another one now; a version that is loaded stays as it is."""
        return path != self.path and self.state not in (State.AVAILABLE, State.UNLOADING)

    def unwant(self) -> None:
        """It has gone from disk, or another was chosen. Ends a load that waits for its retry."""
        self.wanted = False
        if self.state in (State.START, State.LOADING) and not self.busy:
            self.state = State.END

    def should_load(self) -> bool:
        """Whether a load is missing (it may have to wait until `retry_at`)."""
        idle = self.state in (State.START, State.LOADING, State.END) and not self.busy
        return self.wanted and idle and not self.has_failed

    def begin_load(self) -> None:
        """It is put into the loaders' queue."""
        self.busy = True
        if self.state == State.END:
            self.state, self.error = State.START, None

    def loaded(self, model: LoadedModel) -> None:
        """A load ended well."""
        self._loaded, self.error, self.busy = model, None, False
        self.state = State.AVAILABLE

    def failed(self, error: StatusError) -> None:
        """A load ended badly; another attempt may follow."""
        self.error, self.busy = error, False
        self.attempts += 1

    def give_up(self) -> None:
        """No further attempt."""
        self.has_failed, self.state = True, State.END

    def close(self) -> None:
        """Frees the model's memory."""
        assert not self.borrowers, self
        self.loaded_model.close()

    def ended(self) -> None:
        """The model's memory is free."""
        self._loaded, self.busy, self.state = None, False, State.END
