"""TF Serving's ModelService as far as configs and labels go, over real gRPC.

It follows sections 3.2, 5.3 and 5.4 of TF Serving's documented behaviour: the labels of a config
are checked first, and one of them on a version that is not AVAILABLE refuses the config as a
whole; then versions are loaded, in the background for a model that is known.
"""

import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Iterator

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)

STATE = get_model_status_pb2.ModelVersionStatus.State


class StrictServer(model_service_pb2_grpc.ModelServiceServicer):
    """Loads a version in `LOAD_S`; those in `broken` fail. `configs` are the accepted ones."""

    LOAD_S = 0.3

    def __init__(self, available: dict[str, set[int]], broken: set[int]):
        self.states = {
            (name, version): STATE.AVAILABLE for name, some in available.items() for version in some
        }
        self.broken, self.configs, self.refused = broken, [], 0
        self.endpoint = ""
        self.refuse_next = 0  # so many configs, but only after `accept_next` more
        self.accept_next = 0

    def labels(self) -> dict[str, int]:
        """Of the one model of the config in force."""
        (model,) = self.configs[-1].model_config_list.config
        return dict(model.version_labels)

    def available(self) -> set[int]:
        return {version for (_, version), state in self.states.items() if state == STATE.AVAILABLE}

    def HandleReloadConfigRequest(self, request, context):  # noqa: N802 - the service's own names
        if self.accept_next:
            self.accept_next -= 1
        elif self.refuse_next:
            self.refuse_next -= 1
            context.abort(grpc.StatusCode.INTERNAL, "out of memory")
        for model in request.config.model_config_list.config:
            for version in model.version_labels.values():
                if self.states.get((model.name, version)) != STATE.AVAILABLE:
                    self.refused += 1
                    context.abort(
                        grpc.StatusCode.FAILED_PRECONDITION,
                        f"Request to assign label to version {version} of model {model.name}, "
                        "which is not currently available for inference",
                    )
        self.configs.append(request.config)
        for model in request.config.model_config_list.config:
            wanted = set(model.model_version_policy.specific.versions)
            for version in wanted:
                threading.Thread(target=self._load, args=(model.name, version)).start()
            for name, version in list(self.states):
                if name == model.name and version not in wanted:
                    self.states[name, version] = STATE.END
        return model_management_pb2.ReloadConfigResponse()

    def _load(self, name: str, version: int) -> None:
        if self.states.get((name, version)) == STATE.AVAILABLE:
            return
        self.states[name, version] = STATE.LOADING
        time.sleep(self.LOAD_S)
        self.states[name, version] = STATE.END if version in self.broken else STATE.AVAILABLE

    def GetModelStatus(self, request, context):  # noqa: N802
        response = get_model_status_pb2.GetModelStatusResponse()
        for (name, version), state in sorted(self.states.items(), reverse=True):
            if name == request.model_spec.name:
                entry = response.model_version_status.add(version=version, state=state)
                if version in self.broken and state == STATE.END:
                    entry.status.error_code, entry.status.error_message = 5, "no\nvariables"
        if not response.model_version_status:
            context.abort(grpc.StatusCode.NOT_FOUND, "Could not find any versions of model")
        return response


@contextlib.contextmanager
def strict_server(
    available: dict[str, set[int]], broken: frozenset[int] = frozenset()
) -> Iterator[StrictServer]:
    """A server on a free port that has some versions loaded."""
    service = StrictServer(available, set(broken))
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, server)
    service.endpoint = f"grpc://localhost:{server.add_insecure_port('localhost:0')}"
    server.start()
    try:
        yield service
    finally:
        server.stop(None)
