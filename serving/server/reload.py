"""New configs for a server that runs: by HandleReloadConfigRequest, or from the file again."""

import logging
import threading
from collections.abc import Callable

from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2

from serving.server import config, metrics
from serving.server.manager import ModelManager
from serving.server.status import Code, StatusError

logger = logging.getLogger(__name__)


def reload_config(
    manager: ModelManager,
    request: model_management_pb2.ReloadConfigRequest,
    still_wanted: Callable[[], bool] = lambda: True,
) -> model_management_pb2.ReloadConfigResponse:
    """HandleReloadConfigRequest: returns once every new model has an AVAILABLE version.

    Args:
        manager: gets the config.
        request: the whole config, and the names of counters whose increase is asked for.
        still_wanted: whether the caller is still there; the config stays when it is not.

    Raises:
        StatusError: the config is refused (API page, section 3.2), or a new model cannot load.
    """
    before = [metrics.counter_value(name) for name in request.metric_names]
    new = manager.apply(config.from_proto(request.config, known=manager.names()))
    manager.wait_until_available(new, still_wanted)
    response = model_management_pb2.ReloadConfigResponse()
    response.status.error_code = Code.OK
    for name, value in zip(request.metric_names, before, strict=True):
        increase = metrics.counter_value(name) - value
        response.metric.add(name=name, int64_value_increase=increase)
    return response


class ConfigFile:
    """A config file that is read again and again, and applied each time, changed or not.

    A file that cannot be read or is refused is logged, and what was there before stays.
    """

    def __init__(self, path: str, manager: ModelManager, wait_s: float):
        self._path, self._manager, self._wait_s = path, manager, wait_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="config-file", daemon=True)

    def start(self) -> None:
        """The first reading is one wait away."""
        self._thread.start()

    def stop(self) -> None:
        """No further reading."""
        self._stop.set()

    def _poll(self) -> None:
        while not self._stop.wait(self._wait_s):
            try:
                self._apply()
            except Exception:  # the next reading may go better
                logger.exception("--model_config_file=%s", self._path)

    def _apply(self) -> None:
        try:
            self._manager.apply(config.read_file(self._path, known=self._manager.names()))
        except OSError as error:
            self._refused(str(error.strerror))
        except (text_format.ParseError, UnicodeDecodeError) as error:
            self._refused(
                f"Error parsing text-format tensorflow.serving.ModelServerConfig: {error}"
            )
        except StatusError as error:
            self._refused(str(error))

    def _refused(self, reason: str) -> None:
        logger.error("--model_config_file=%s: %s; the config stays as it was", self._path, reason)
