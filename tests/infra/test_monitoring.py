"""infra/monitoring: what dashboard and alerts ask for is on the server's page."""

import itertools
import json
import re
import shutil
import subprocess

import pytest
import yaml

from tests.infra.metrics import (
    DASHBOARD,
    MONITORING,
    RULES,
    page_series,
    panel_expressions,
    selected_labels,
    series,
)
from tests.infra.served import DOCKER, INFRA, METRICS_PATH, Served

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="needs promtool: `make infra-tools`"
)
EXPRESSIONS = {**panel_expressions(), **{rule["alert"]: rule["expr"] for rule in RULES}}


def promtool(*arguments: object) -> str:
    done = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def known(served: Served) -> dict[str, set[str]]:
    """Series -> labels, on the page of a server that has answered each model."""
    for model in ("sentiment", "qa"):
        assert served.health_check(model).returncode == 0
    return page_series(served.metrics())


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_series_and_labels_are_those_of_the_server(known, expression):
    assert series(expression)
    assert series(expression) <= known.keys()
    for name, labels in selected_labels(expression).items():
        assert labels <= known[name], name


@needs_promtool
def test_every_expression_of_the_dashboard_is_promql(tmp_path):
    rules = [
        {"record": f"panel{number}", "expr": expression}
        for number, expression in enumerate(panel_expressions().values())
    ]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", path)


@needs_promtool
def test_config_is_one_of_prometheus():
    promtool("check", "config", MONITORING / "prometheus.yml")


@needs_promtool
def test_config_for_clusters_is_one_but_for_its_discovery(tmp_path):
    """Debian builds Prometheus without Kubernetes' discovery."""
    config = yaml.safe_load((MONITORING / "prometheus-kubernetes.yml").read_text())
    del config["scrape_configs"][0]["kubernetes_sd_configs"]
    shutil.copy(MONITORING / "alerts.yml", tmp_path)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    promtool("check", "config", tmp_path / "prometheus.yml")


@needs_promtool
def test_alerts_fire_when_they_should():
    promtool("test", "rules", MONITORING / "alerts_test.yml")


def test_every_alert_is_tested_to_fire_and_to_stay_silent():
    tests = yaml.safe_load((MONITORING / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in RULES}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


def test_every_alert_says_what_to_do():
    for rule in RULES:
        assert rule["annotations"].keys() == {"summary", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_prometheus_asks_the_service_of_the_compose_file():
    (job,) = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    assert job["metrics_path"] == METRICS_PATH
    (target,) = job["static_configs"][0]["targets"]
    service, port = target.split(":")
    ports = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"][service]["ports"]
    assert any(mapping.endswith(f":{port}") for mapping in ports)
    assert {rule["expr"] for rule in RULES if "up{" in rule["expr"]} == {
        f'up{{job="{job["job_name"]}"}} == 0'
    }


def test_prometheus_in_a_cluster_finds_the_pods_of_the_deployment():
    (job,) = yaml.safe_load((MONITORING / "prometheus-kubernetes.yml").read_text())[
        "scrape_configs"
    ]
    assert job["job_name"] == "bertline"  # the alerts' job
    track = (INFRA / "kubernetes" / "track" / "deployment.yaml").read_text()
    overlay = yaml.safe_load((INFRA / "kubernetes/overlays/cpu/kustomization.yaml").read_text())
    assert job["kubernetes_sd_configs"][0]["namespaces"]["names"] == [overlay["namespace"]]
    pod = yaml.safe_load(track)["spec"]["template"]
    meta = {
        **{f"pod_annotation_{key}": value for key, value in pod["metadata"]["annotations"].items()},
        **{f"pod_label_{key}": value for key, value in pod["metadata"]["labels"].items()},
        "pod_container_port_name": "rest",
        "pod_name": "a pod",
    }
    known = {f"__meta_kubernetes_{re.sub(r'[^a-z_]', '_', name)}": meta[name] for name in meta}
    assert {port["name"] for port in pod["spec"]["containers"][0]["ports"]} >= {"rest"}
    for rule in job["relabel_configs"]:
        (label,) = rule["source_labels"]
        assert re.fullmatch(rule.get("regex", ".*"), known[label]), label


def test_dashboard_asks_the_provisioned_source():
    folder = MONITORING / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    uids = [*find(DASHBOARD, "uid")]
    assert uids.pop(0) == DASHBOARD["uid"]
    assert set(uids) == {source["uid"]}


def find(value, key):
    """Every value of that key, in any depth."""
    if isinstance(value, dict):
        yield from ([value[key]] if key in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from find(each, key)


def test_panels_have_their_own_place_and_number():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for first, second in itertools.combinations([panel["gridPos"] for panel in panels], 2):
        apart = any(
            low[axis] + low[size] <= high[axis]
            for low, high in ((first, second), (second, first))
            for axis, size in (("x", "w"), ("y", "h"))
        )
        assert apart, (first, second)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_dashboard_is_where_grafana_looks():
    folder = MONITORING / "grafana" / "provisioning" / "dashboards"
    (provider,) = yaml.safe_load((folder / "bertline.yaml").read_text())["providers"]
    grafana = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]["grafana"]
    path = provider["options"]["path"]
    assert f"../monitoring/grafana/dashboards:{path}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{path}/bertline.json"
    assert json.loads((MONITORING / "grafana" / "dashboards" / "bertline.json").read_text())
