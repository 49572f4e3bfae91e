"""Twenty new versions under load: no request fails, and the memory comes back (section 5.3)."""

import concurrent.futures
import os
import pathlib
import threading
import time

import numpy as np
import psutil
import pytest
import tensorflow as tf

from tests.serving.served_models import signature, v1, write_tf1
from tests.serving.server.test_lifecycle import wait_for
from tests.serving.server_process import running_server

WEIGHT_BYTES = 64 * 2**20


def heavy(folder: pathlib.Path, value: float) -> pathlib.Path:
    """y = value, out of a constant of 64 MiB, as our exports hold their weights."""

    def build():
        x = v1.placeholder(tf.float32, None, name="x")
        weights = np.full(WEIGHT_BYTES // 4, value, np.float32)
        parts = [tf.constant(part) for part in np.split(weights, 16)]
        chosen = tf.add_n([part[0] for part in parts]) / len(parts)
        return {"serving_default": signature({"x": x}, {"y": tf.zeros_like(x) + chosen})}

    return write_tf1(folder, build)


@pytest.mark.slow
def test_5_3_twenty_versions_under_load(tmp_path):
    base, staged = tmp_path / "m", tmp_path / "staged"
    base.mkdir()
    staged.mkdir()
    heavy(base / "1", 1.0)
    flags = ("--model_name=m", f"--model_base_path={base}", "--grpc_max_threads=32")
    stop = threading.Event()
    with running_server(tmp_path / "log", *flags) as server:
        server.wait_until_ready()
        process = psutil.Process(server.process.pid)

        def ask() -> int:
            answered = 0
            while not stop.wait(0.01):
                answer = server.predict("m", x=0.0)
                assert answer.outputs["y"].float_val == [answer.model_spec.version.value]
                answered += 1
            return answered

        def publish(version: int) -> None:
            """Returns once the version serves and the one before has gone."""
            heavy(staged / str(version), float(version))
            os.rename(staged / str(version), base / str(version))
            end = [(version, "AVAILABLE"), (version - 1, "END")]
            wait_for(lambda: [one[:2] for one in server.status("m")][:2] == end, timeout_s=60)
            server.wait_for_log(f"model m version {version - 1} is unloaded")

        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            asking = [clients.submit(ask) for _ in range(4)]
            try:
                publish(2)
                time.sleep(5)  # by then it is what one version takes, under this load
                level = process.memory_info().rss
                for version in range(3, 22):
                    publish(version)
            finally:
                stop.set()
            assert all(one.result() > 0 for one in asking)  # raises what a request raised
        time.sleep(5)
        grown = process.memory_info().rss - level
        assert grown < WEIGHT_BYTES, f"{grown / 2**20:.0f} MiB more"  # one version of twenty
