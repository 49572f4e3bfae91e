"""A change of a config in steps: all of them, in the file and in a server that runs, or none."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from preprocessing.errors import InputError
from serving.registry import labels
from serving.registry.config_file import ModelServerConfig, OpenConfig, find

if TYPE_CHECKING:  # it imports TensorFlow
    from serving.registry.running_server import RunningServer


class Steps:
    """Of a config's change; see `steps`."""

    def __init__(self, config: OpenConfig, name: str, server: "RunningServer | None"):
        self._config, self._name, self._server = config, name, server

    def take(self, loading: Iterable[int] = ()) -> None:
        """Gives the config as it is now to the server, writes it, and waits for versions.

        The server comes first: what it refuses does not get into the file.

        Raises:
            InputError: the server refuses it or cannot load a version, or the file cannot be
                written.
        """
        if self._server:
            self._server.apply(self._config.proto)
        self._config.save()
        if self._server:
            for version in loading:
                self._server.wait_until_available(self._name, version)


@contextlib.contextmanager
def steps(config: OpenConfig, name: str, server: "RunningServer | None") -> Iterator[Steps]:
    """A block that changes a config; what it has done is taken back when it does not end well.

    Args:
        config: the open file.
        name: of the model in it.
        server: one that runs, and is led along.
    """
    original = ModelServerConfig()
    original.CopyFrom(config.proto)
    try:
        yield Steps(config, name, server)
    except BaseException:
        config.proto.CopyFrom(original)
        _give_back(config, name, server)
        raise


def _give_back(config: OpenConfig, name: str, server: "RunningServer | None") -> None:
    """Of two errors the first is the one to be told, so those of this are not."""
    with contextlib.suppress(InputError):
        config.save()
    if not server or not config.proto.model_config_list.config:
        return  # a config without models would have it let go of all
    try:
        server.apply(config.proto)
    except InputError:
        with contextlib.suppress(InputError):
            _lead_back(config.proto, name, server)


def _lead_back(config: ModelServerConfig, name: str, server: "RunningServer") -> None:
    """To labels on versions that the server has let go of meanwhile: it must load them first."""
    bare = ModelServerConfig()
    bare.CopyFrom(config)
    entry = find(bare, name)
    if entry is not None:
        entry.version_labels.clear()
        server.apply(bare)
        for version in labels.named_versions(entry):
            server.wait_until_available(name, version)
    server.apply(config)
