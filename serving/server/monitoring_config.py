"""`--monitoring_config_file`: whether there is a page of metrics, and where."""

from serving import message_text
from serving.server import text_configs

DEFAULT_PATH = "/monitoring/prometheus/metrics"

MonitoringConfig = message_text.build_messages(
    "tensorflow.serving",
    """
    message PrometheusConfig {
      bool enable = 1;
      string path = 2;
    }
    message MonitoringConfig {
      PrometheusConfig prometheus_config = 1;
    }
    """,
)["MonitoringConfig"]


def read_path(path: str) -> str:
    """The path of the metrics page on the REST port; "" when there is none.

    Args:
        path: the flag's value; "" when it was not given.

    Raises:
        StartError: the file cannot be read, or is no MonitoringConfig.
    """
    if not path:
        return ""
    config = text_configs.read("monitoring_config_file", path, MonitoringConfig).prometheus_config
    return (config.path or DEFAULT_PATH) if config.enable else ""
