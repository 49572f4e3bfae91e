"""The expressions of the dashboard and of the alerts, and the metrics that they name."""

import json
import re

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.infra.served import INFRA

MONITORING = INFRA / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana" / "dashboards" / "bertline.json").read_text())
RULES = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]


def panel_expressions() -> dict[str, str]:
    """ "panel title: legend" -> PromQL, with Grafana's variables as it fills them in."""
    return {
        f"{panel['title']}: {target['legendFormat']}": target["expr"]
        .replace("$__rate_interval", "1m")
        .replace("$model", ".*")
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    }


def series(expression: str) -> set[str]:
    """The names of the time series in an expression."""
    return {*re.findall(r":tensorflow[:\w]*", expression), *re.findall(r"\bup\b", expression)}


def selected_labels(expression: str) -> dict[str, set[str]]:
    """Series -> labels that a selector in braces names."""
    found: dict[str, set[str]] = {}
    for name, selector in re.findall(r"(:tensorflow[:\w]*)\{([^}]*)\}", expression):
        found.setdefault(name, set()).update(re.findall(r"(\w+)\s*[=!]", selector))
    return found


def page_series(page: str) -> dict[str, set[str]]:
    """Every series on a server's page, and its labels."""
    named: dict[str, set[str]] = {"up": {"job", "instance"}}  # Prometheus' own
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            # The parser names a counter as OpenMetrics does.
            name = sample.name.removesuffix("_total" if family.type == "counter" else "")
            named.setdefault(name, set()).update(sample.labels)
    return named
