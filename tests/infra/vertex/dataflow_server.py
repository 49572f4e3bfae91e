"""Dataflow's REST API on loopback, which runs a job's staged pipeline on Beam's local runner."""

import threading

import flask
from werkzeug.serving import make_server


class DataflowServer:
    """Jobs; `jobs` are what a test looks at, by id.

    Beam takes no port in an endpoint, and speaks plain HTTP only to names with "sandbox" in them.
    So this server is the proxy by which that name is reached.
    """

    URL = "http://dataflow.sandbox"

    def __init__(self):
        self.jobs = {}
        self.refusal = None  # (code, message): of the next job
        self.failure = None  # message that the next job ends with
        self._server = make_server("127.0.0.1", 0, self._app(), threaded=True)
        self.proxy = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()

    def _app(self):
        app = flask.Flask("dataflow")
        jobs = "/v1b3/projects/<project>/locations/<region>/jobs"
        app.add_url_rule(jobs, view_func=self.create, methods=["POST"])
        app.add_url_rule(f"{jobs}/<job>", view_func=self.get, methods=["GET"])
        app.add_url_rule(f"{jobs}/<job>/messages", view_func=self.messages, methods=["GET"])
        return app

    def create(self, project, region):
        if self.refusal:
            code, message = self.refusal
            self.refusal = None
            return {"error": {"code": code, "message": message}}, code
        job = flask.request.get_json()
        job |= {"id": f"job-{len(self.jobs)}", "projectId": project, "location": region}
        job["currentState"] = "JOB_STATE_RUNNING"
        self.jobs[job["id"]] = job
        if not self.failure:
            threading.Thread(target=self._run, args=[job], daemon=True).start()
        return job

    def get(self, project, region, job):
        if self.failure:
            self.jobs[job]["currentState"] = "JOB_STATE_FAILED"
        return self.jobs[job]

    def messages(self, project, region, job):
        if not self.failure:
            return {}
        message = {
            "id": "1", "time": "2030-01-01T00:00:00Z", "messageText": self.failure,
            "messageImportance": "JOB_MESSAGE_ERROR",
        }  # fmt: skip
        return {"jobMessages": [message]}

    def _run(self, job):
        try:
            run_pipeline(read_object(staged_pipeline(job)))
            job["currentState"] = "JOB_STATE_DONE"
        except BaseException as error:
            job["currentState"], self.failure = "JOB_STATE_FAILED", str(error)
            raise


def staged_pipeline(job):
    """gs:// address of the pipeline that Dataflow is to run."""
    return job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]


def read_object(address):
    """What lies there in the emulator."""
    from google.cloud import storage

    client = storage.Client.create_anonymous_client()
    return storage.Blob.from_string(address, client=client).download_as_bytes()


def run_pipeline(content):
    """Runs a pipeline in this process, in place of the containers that it names."""
    from apache_beam.internal.gcp import auth
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability.api import beam_runner_api_pb2
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    auth._Credentials._credentials_init = True  # it has none, and looks no further
    pipeline = beam_runner_api_pb2.Pipeline.FromString(content)
    for environment in pipeline.components.environments.values():
        environment.urn = "beam:env:embedded_python:v1"
        environment.payload = b""
        del environment.dependencies[:]
    FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([])).wait_until_finish()
