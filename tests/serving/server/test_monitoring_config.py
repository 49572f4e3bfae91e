"""--monitoring_config_file: section 4.8 of the API page."""

import pytest

from serving.server.monitoring_config import read_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('prometheus_config { enable: true path: "/mine" }', "/mine"),
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ('prometheus_config: { enable: true, path: "/mine" }', "/mine"),
        ('prometheus_config { enable: false path: "/mine" }', ""),
        ("prometheus_config { }", ""),
        ("", ""),
    ],
    ids=["path", "default-path", "colons-and-commas", "disabled", "not-enabled", "empty"],
)
def test_4_8_where_the_page_is(tmp_path, text, path):
    (tmp_path / "monitoring.config").write_text(text)
    assert read_path(str(tmp_path / "monitoring.config")) == path


def test_4_8_without_the_flag_there_is_none():
    assert read_path("") == ""
