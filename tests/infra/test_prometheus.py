"""Prometheus itself, with our config and rules, beside the server it watches."""

import contextlib
import pathlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import yaml

from tests.infra.metrics import MONITORING, panel_expressions
from tests.infra.served import Served
from tests.serving.server_process import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("prometheus"), reason="needs prometheus: `make infra-tools`"
    ),
]


def write_config(folder: pathlib.Path, target: str) -> pathlib.Path:
    """infra/monitoring/prometheus.yml but for the server's place, and seconds instead of 15."""
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
    rules = (MONITORING / "alerts.yml").read_text()
    (folder / "alerts.yml").write_text(rules.replace("for: 1m\n", "for: 2s\n"))
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextlib.contextmanager
def running_prometheus(folder: pathlib.Path, target: str) -> Iterator[httpx.Client]:
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={write_config(folder, target)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as client:
            yield client
    finally:
        process.kill()
        process.wait()


def until(condition: Callable[[], object], what: str, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def query(prometheus: httpx.Client, expression: str) -> list[dict]:
    """The samples that an expression has now; none while Prometheus starts."""
    try:
        answer = prometheus.get("/query", params={"query": expression})
    except httpx.ConnectError:
        return []
    return answer.json()["data"]["result"] if answer.status_code == 200 else []


def firing(prometheus: httpx.Client) -> set[str]:
    alerts = prometheus.get("/alerts").json()["data"]["alerts"]
    return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def test_every_panel_of_the_dashboard_has_data(served: Served, tmp_path):
    with running_prometheus(tmp_path, f"localhost:{served.rest_port}") as prometheus:
        until(lambda: query(prometheus, 'up{job="bertline"} == 1'), "the server is not scraped")

        def all_have_data() -> bool:
            """A rate needs two values of a series: so requests go on."""
            assert served.health_check("sentiment", "qa").returncode == 0
            return all(query(prometheus, each) for each in panel_expressions().values())

        until(all_have_data, "a panel has no data")
        (rows,) = query(prometheus, panel_expressions()["Rows in a batch: {{instance}}"])
        assert float(rows["value"][1]) == 1.0  # the health check sends one row at a time
        assert firing(prometheus) == set()


def test_alert_for_a_server_that_is_gone(tmp_path):
    with running_prometheus(tmp_path, f"localhost:{free_port()}") as prometheus:
        until(lambda: query(prometheus, 'up{job="bertline"} == 0'), "nothing was scraped")
        until(lambda: firing(prometheus) == {"BertlineServerDown"}, "the alert does not fire")
