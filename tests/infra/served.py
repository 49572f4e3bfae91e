"""A server started as the images start one: by infra/docker/serve.sh, here the embedded server."""

import os
import pathlib
import subprocess
import sys
import time

import httpx

from tests.serving.server_process import REPOSITORY, free_port

INFRA = REPOSITORY / "infra"
DOCKER = INFRA / "docker"
METRICS_PATH = "/monitoring/prometheus/metrics"


class Served:
    """`serve.sh` on a folder of models, its ports and its log.

    The folder of configs is the repository's, which the images hold as /etc/bertline.
    """

    def __init__(
        self, models_dir: pathlib.Path, scratch_dir: pathlib.Path, *flags: str, **more: str
    ):
        self.port, self.rest_port = free_port(), free_port()
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "SERVER": f"{sys.executable} -m serving.server",
            "MODELS_DIR": str(models_dir),
            "SCRATCH_DIR": str(scratch_dir),
            "CONFIG_DIR": str(INFRA / "tf_serving"),
            "GRPC_PORT": str(self.port),
            "REST_PORT": str(self.rest_port),
            **more,
        }
        self._log = scratch_dir / "server.log"
        with self._log.open("wb") as file:
            self.process = subprocess.Popen(
                [DOCKER / "serve.sh", *flags],
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.http = httpx.Client(base_url=f"http://localhost:{self.rest_port}", timeout=60)

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text()

    def wait_until_ready(self, timeout_s: float = 120) -> "Served":
        """Waits for the REST port."""
        deadline = time.monotonic() + timeout_s
        while "REST: listening" not in self.log:
            assert self.process.poll() is None, f"the server ended:\n{self.log}"
            assert time.monotonic() < deadline, f"the server is not ready:\n{self.log}"
            time.sleep(0.05)
        return self

    def health_check(self, *models: str, **more: str) -> subprocess.CompletedProcess:
        """Runs health-check.sh beside it."""
        return subprocess.run(
            [DOCKER / "health-check.sh", *models],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def metrics(self) -> str:
        """The page that Prometheus reads."""
        return self.http.get(METRICS_PATH).raise_for_status().text

    def close(self) -> None:
        """Ends it whatever it does."""
        self.http.close()
        self.process.kill()
        self.process.wait()
