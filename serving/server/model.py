"""One model: its config, its labels, and every version of it that this process has known."""

from collections.abc import Mapping

from serving.server.config import ModelConfig
from serving.server.servable import Servable, State
from serving.server.status import Code, StatusError


class Model:
    """A model from the moment it was first configured; it outlives its place in the config.

    The manager changes it, always under its lock.
    """

    def __init__(self, name: str):
        self.name = name
        self.config: ModelConfig | None = None  # None: not in the config now
        self.servables: dict[int, Servable] = {}

    @property
    def labels(self) -> Mapping[str, int]:
        """Label -> version, as requests may use them now."""
        return self.config.labels if self.config else {}

    def newest_first(self) -> list[Servable]:
        """All versions."""
        return [self.servables[number] for number in sorted(self.servables, reverse=True)]

    def available(self) -> list[Servable]:
        """The versions that answer requests, newest first."""
        return [one for one in self.newest_first() if one.state == State.AVAILABLE]

    def newest_if_failed(self) -> Servable | None:
        """The newest wanted version, if it has failed for good."""
        wanted = [one for one in self.newest_first() if one.wanted]
        return wanted[0] if wanted and wanted[0].has_failed else None

    def check_labels(self, config: ModelConfig, allow_unavailable: bool) -> None:
        """Whether this model may get the labels of a config.

        Args:
            config: what is to come.
            allow_unavailable: new labels may point at any version; one in use still cannot move
                to a version that is not AVAILABLE.

        Raises:
            StatusError: a label points at a version that is not AVAILABLE.
        """
        available = {one.version for one in self.available()}
        for label, version in config.labels.items():
            moves = self.labels.get(label, version) != version
            if version not in available and (moves or not allow_unavailable):
                raise StatusError(
                    Code.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {self.name}, "
                    "which is not currently available for inference",
                )

    def want(self, present: Mapping[int, str]) -> None:
        """Takes note of the versions on disk, version -> path."""
        assert self.config is not None, self.name
        wanted = self.config.policy.choose(present)
        for number in wanted:
            path = present[number]
            servable = self.servables.setdefault(number, Servable(self.name, number, path))
            if not servable.wanted or servable.must_load_from(path):
                servable.want(path)
        for number in self.servables.keys() - wanted:
            self.servables[number].unwant()

    def leave(self) -> None:
        """The config has it no more: no label, no version is wanted."""
        self.config = None
        for servable in self.servables.values():
            servable.unwant()
