"""Vertex AI's services over real gRPC on loopback, with their state in memory.

Written after the reference of the API: ids are checked, names are answered with the project's
number, operations end some polls after they began, a split must add up to 100, and so on.
"""

import concurrent.futures
import datetime
import itertools
import re

import grpc
from google.api import httpbody_pb2  # noqa: F401  (registers a type that answers may hold)
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2

from tests.infra.vertex.cut_proxy import CutProxy
from tests.infra.vertex.faults import Faults

NUMBER = "projects/4711"  # the project's; answers have it where requests have the id
_ENDPOINT_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_MODEL_ID = re.compile(r"[a-z_][a-z0-9_-]{0,62}")


class RefusedError(Exception):
    """An answer with an error."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def _key(name):
    """A name without project and version."""
    return name.split("/", 2)[2].partition("@")[0]


class VertexServer:
    """The services; `versions`, `endpoints`, `jobs` and `calls` are what a test looks at."""

    def __init__(self):
        self.faults = Faults()
        self.calls = []
        self.polls = 2  # after which an operation has ended
        self.versions = {}  # key of the model -> [Model]
        self.endpoints, self.jobs = {}, {}  # key -> message
        self.answer = lambda endpoint, deployed_id, instances: []  # of Predict
        self._operations = {}
        self._ids = itertools.count(1000)
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers(tuple(self._handlers()))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self.proxy = CutProxy(port)
        self.address = f"http://127.0.0.1:{self.proxy.port}"

    def close(self):
        self._server.stop(None)
        self.proxy.close()

    def _handlers(self):
        services = {
            "ModelService": {
                "UploadModel": v1.UploadModelRequest,
                "ListModels": v1.ListModelsRequest,
                "ListModelVersions": v1.ListModelVersionsRequest,
                "DeleteModel": v1.DeleteModelRequest,
            },
            "EndpointService": {
                "CreateEndpoint": v1.CreateEndpointRequest,
                "GetEndpoint": v1.GetEndpointRequest,
                "ListEndpoints": v1.ListEndpointsRequest,
                "UpdateEndpoint": v1.UpdateEndpointRequest,
                "DeployModel": v1.DeployModelRequest,
                "UndeployModel": v1.UndeployModelRequest,
                "DeleteEndpoint": v1.DeleteEndpointRequest,
            },
            "PredictionService": {"Predict": v1.PredictRequest},
            "JobService": {
                "CreateCustomJob": v1.CreateCustomJobRequest,
                "GetCustomJob": v1.GetCustomJobRequest,
                "ListCustomJobs": v1.ListCustomJobsRequest,
            },
        }
        for service, methods in services.items():
            yield grpc.method_handlers_generic_handler(
                f"google.cloud.aiplatform.v1.{service}",
                {
                    name: self._method(name, request.deserialize)
                    for name, request in methods.items()
                },
            )
        yield grpc.method_handlers_generic_handler(
            "google.longrunning.Operations",
            {
                name: self._method(name, request.FromString)
                for name, request in {
                    "GetOperation": operations_pb2.GetOperationRequest,
                    "ListOperations": operations_pb2.ListOperationsRequest,
                }.items()
            },
        )

    def _method(self, name, deserialize):
        def call(request, context):
            self.calls.append(name)
            fault = self.faults.next(name)
            if fault and fault.kind == "before":
                context.abort(grpc.StatusCode[fault.code], fault.message)
            try:
                answer = getattr(self, name)(request)
            except RefusedError as error:
                context.abort(grpc.StatusCode[error.code], error.message)
            if fault and fault.kind == "operation":
                self._operations[answer.name]["error"] = fault
            elif fault and fault.kind == "after":
                context.abort(grpc.StatusCode[fault.code], fault.message)
            elif fault and fault.kind == "drop":
                self.proxy.cut()
            elif fault and fault.kind == "hold":
                fault.hold()
            return answer

        return grpc.unary_unary_rpc_method_handler(call, deserialize, _serialized)

    # Operations

    def _start(self, resource, metadata, finish):
        name = f"{NUMBER}/{resource}/operations/{next(self._ids)}"
        packed = any_pb2.Any()
        packed.Pack(type(metadata).pb(metadata))
        self._operations[name] = {
            "polls": self.polls,
            "finish": finish,
            "metadata": packed,
            "error": None,
            "answer": None,
        }
        return operations_pb2.Operation(name=name, metadata=packed)

    def _state(self, name):
        state = self._operations[name]
        done = state["polls"] <= 0
        found = operations_pb2.Operation(name=name, done=done, metadata=state["metadata"])
        if done and state["error"]:
            found.error.code = grpc.StatusCode[state["error"].code].value[0]
            found.error.message = state["error"].message
        elif done:
            found.response.Pack(state["answer"])
        return found

    def GetOperation(self, request):  # noqa: N802  (the names of the API)
        state = self._operations[request.name]
        state["polls"] -= 1
        if state["polls"] == 0 and not state["error"]:
            answer = state["finish"]()
            state["answer"] = type(answer).pb(answer) if answer else empty_pb2.Empty()
        return self._state(request.name)

    def ListOperations(self, request):  # noqa: N802
        start = f"{NUMBER}/{_key(request.name)}/operations/"
        found = [self._state(name) for name in self._operations if name.startswith(start)]
        return operations_pb2.ListOperationsResponse(operations=found)

    # Models

    def UploadModel(self, request):  # noqa: N802
        if request.parent_model:
            key = _key(request.parent_model)
            if key not in self.versions:
                raise RefusedError("NOT_FOUND", f"The Model {request.parent_model} does not exist.")
        else:
            if not _MODEL_ID.fullmatch(request.model_id):
                raise RefusedError("INVALID_ARGUMENT", f"bad model_id {request.model_id!r}")
            key = f"{_location(request.parent)}/models/{request.model_id}"
            if key in self.versions:
                raise RefusedError("ALREADY_EXISTS", f"The Model {key} exists.")

        def finish():
            versions = self.versions.setdefault(key, [])
            model = v1.Model(request.model)
            model.name = f"{NUMBER}/{key}"
            model.version_id = str(len(versions) + 1)
            versions.append(model)
            return v1.UploadModelResponse(model=model.name, model_version_id=model.version_id)

        return self._start(key, v1.UploadModelOperationMetadata(), finish)

    def ListModels(self, request):  # noqa: N802
        assert request.filter == "labels.managed_by=bertline"
        return v1.ListModelsResponse(models=[some[-1] for some in self.versions.values()])

    def ListModelVersions(self, request):  # noqa: N802
        key = _key(request.name)
        if key not in self.versions:
            raise RefusedError("NOT_FOUND", f"The Model does not exist: {request.name}")
        return v1.ListModelVersionsResponse(models=self.versions[key])

    def DeleteModel(self, request):  # noqa: N802
        key = _key(request.name)
        for endpoint in self.endpoints.values():
            if any(_key(one.model) == key for one in endpoint.deployed_models):
                raise RefusedError("FAILED_PRECONDITION", "The Model is deployed.")
        return self._start(
            key, v1.DeleteOperationMetadata(), lambda: self._forget(self.versions, key)
        )

    # Endpoints

    def CreateEndpoint(self, request):  # noqa: N802
        if not _ENDPOINT_ID.fullmatch(request.endpoint_id):
            raise RefusedError("INVALID_ARGUMENT", f"bad endpoint_id {request.endpoint_id!r}")
        key = f"{_location(request.parent)}/endpoints/{request.endpoint_id}"
        if key in self.endpoints:
            raise RefusedError("ALREADY_EXISTS", f"The Endpoint {key} exists.")

        def finish():
            self.endpoints[key] = v1.Endpoint(request.endpoint, name=f"{NUMBER}/{key}")
            return self.endpoints[key]

        return self._start(key, v1.CreateEndpointOperationMetadata(), finish)

    def GetEndpoint(self, request):  # noqa: N802
        return self._endpoint(request.name)

    def ListEndpoints(self, request):  # noqa: N802
        return v1.ListEndpointsResponse(endpoints=list(self.endpoints.values()))

    def UpdateEndpoint(self, request):  # noqa: N802
        assert list(request.update_mask.paths) == ["traffic_split"]
        endpoint = self._endpoint(request.endpoint.name)
        self._set_split(endpoint, dict(request.endpoint.traffic_split))
        return endpoint

    def DeployModel(self, request):  # noqa: N802
        endpoint = self._endpoint(request.endpoint)
        model, _, version = request.deployed_model.model.partition("@")
        if not any(one.version_id == version for one in self.versions.get(_key(model), [])):
            raise RefusedError(
                "NOT_FOUND", f"The Model {request.deployed_model.model} does not exist."
            )

        def finish():
            deployed = v1.DeployedModel(request.deployed_model)
            deployed.id = str(next(self._ids))
            deployed.model = f"{NUMBER}/{_key(model)}"
            deployed.model_version_id = version
            deployed.create_time = datetime.datetime.fromtimestamp(int(deployed.id), datetime.UTC)
            endpoint.deployed_models.append(deployed)
            split = dict(request.traffic_split)
            if "0" in split:
                split[deployed.id] = split.pop("0")
            self._set_split(endpoint, split)
            return v1.DeployModelResponse(deployed_model=deployed)

        return self._start(_key(request.endpoint), v1.DeployModelOperationMetadata(), finish)

    def UndeployModel(self, request):  # noqa: N802
        endpoint = self._endpoint(request.endpoint)
        left = [one for one in endpoint.deployed_models if one.id != request.deployed_model_id]
        if len(left) == len(endpoint.deployed_models):
            raise RefusedError("NOT_FOUND", f"no deployed model {request.deployed_model_id}")
        if request.traffic_split.get(request.deployed_model_id):
            raise RefusedError("FAILED_PRECONDITION", "it has traffic")

        def finish():
            endpoint.deployed_models = left
            self._set_split(endpoint, dict(request.traffic_split) if left else {})
            return v1.UndeployModelResponse()

        return self._start(_key(request.endpoint), v1.UndeployModelOperationMetadata(), finish)

    def DeleteEndpoint(self, request):  # noqa: N802
        if self._endpoint(request.name).deployed_models:
            raise RefusedError(
                "FAILED_PRECONDITION", "The Endpoint has deployed or being-deployed models"
            )
        key = _key(request.name)
        return self._start(
            key, v1.DeleteOperationMetadata(), lambda: self._forget(self.endpoints, key)
        )

    def _endpoint(self, name):
        if _key(name) not in self.endpoints:
            raise RefusedError("NOT_FOUND", f"The Endpoint does not exist: {name}")
        return self.endpoints[_key(name)]

    def _set_split(self, endpoint, split):
        ids = {one.id for one in endpoint.deployed_models}
        if not split.keys() <= ids or sum(split.values()) != (100 if ids else 0):
            raise RefusedError("INVALID_ARGUMENT", f"bad traffic_split {split} of {sorted(ids)}")
        endpoint.traffic_split = split

    def _forget(self, where, key):
        del where[key]

    # Predictions and jobs

    def Predict(self, request):  # noqa: N802
        endpoint = self._endpoint(request.endpoint)
        if not endpoint.traffic_split:
            raise RefusedError("FAILED_PRECONDITION", "the endpoint has no deployed model")
        deployed_id = max(endpoint.traffic_split, key=endpoint.traffic_split.get)
        deployed = next(one for one in endpoint.deployed_models if one.id == deployed_id)
        instances = v1.PredictRequest.pb(request).instances
        response = v1.PredictResponse(
            deployed_model_id=deployed_id, model_version_id=deployed.model_version_id
        )
        answers = self.answer(endpoint, deployed, instances)
        v1.PredictResponse.pb(response).predictions.extend(answers)
        return response

    def CreateCustomJob(self, request):  # noqa: N802
        key = f"{_location(request.parent)}/customJobs/{next(self._ids)}"
        job = v1.CustomJob(request.custom_job, name=f"{NUMBER}/{key}")
        job.state = v1.JobState.JOB_STATE_PENDING
        job.create_time = datetime.datetime.fromtimestamp(next(self._ids), datetime.UTC)
        self.jobs[key] = job
        return job

    def GetCustomJob(self, request):  # noqa: N802
        if _key(request.name) not in self.jobs:
            raise RefusedError("NOT_FOUND", f"The CustomJob does not exist: {request.name}")
        job = self.jobs[_key(request.name)]
        fault = self.faults.next("job")
        steps = {
            v1.JobState.JOB_STATE_PENDING: v1.JobState.JOB_STATE_RUNNING,
            v1.JobState.JOB_STATE_RUNNING: v1.JobState.JOB_STATE_SUCCEEDED,
        }
        job.state = v1.JobState[fault.code] if fault else steps.get(job.state, job.state)
        if fault:
            job.error.message = fault.message
        return job

    def ListCustomJobs(self, request):  # noqa: N802
        _, _, value = request.filter.partition("labels.bertline_run=")
        found = [job for job in self.jobs.values() if job.labels.get("bertline_run") == value]
        return v1.ListCustomJobsResponse(custom_jobs=found)


def _location(parent):
    return parent.split("/", 2)[2]


def _serialized(message):
    if hasattr(message, "SerializeToString"):
        return message.SerializeToString()
    return type(message).serialize(message)
