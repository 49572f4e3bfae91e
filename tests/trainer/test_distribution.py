"""trainer/distribution.py: one device, two logical devices, and two processes train alike."""

import json
import pathlib
import socket
import sys

import numpy as np
import pytest
import tensorflow as tf

from preprocessing.errors import InputError
from tests.trainer.test_resume import finish, losses, weights
from tests.trainer.tiny import start, trainer_command
from trainer.distribution import fast_precision, is_chief, is_native, make_strategy

TWO_DEVICES = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from preprocessing.command_line import run
from trainer.__main__ import main
run(main)
"""


def free_ports(count):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.mark.parametrize("name", [None, "one_device"])
def test_one_device_is_the_default(name):
    strategy = make_strategy(name)
    assert isinstance(strategy, tf.distribute.OneDeviceStrategy)
    assert is_chief(strategy)


@pytest.mark.parametrize("text", ["", '{"cluster": {}}'])
def test_multi_worker_without_workers(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="the environment variable TF_CONFIG names no worker"):
        make_strategy("multi_worker")


def test_a_broken_tf_config(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(InputError, match="which is not a cluster in JSON"):
        make_strategy()


@pytest.mark.parametrize(
    "tpu", [None, f"grpc://localhost:{free_ports(1)[0]}"], ids=["none", "nobody-listens"]
)
def test_no_tpu_is_one_line(tpu):
    with pytest.raises(InputError, match=r"--strategy is 'tpu', but .* cannot be used") as caught:
        make_strategy("tpu", tpu)
    assert "\n" not in str(caught.value)


def test_bfloat16_is_the_fast_precision_where_the_cpu_has_it():
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    native = "avx512_bf16" in flags or "amx_bf16" in flags
    assert fast_precision() == ("bfloat16" if native else "float32")
    assert [is_native(each) for each in ("float32", "bfloat16", "float16")] == [
        *(True, native),
        "avx512_fp16" in flags or "amx_fp16" in flags,
    ]


def run_one_device(config):
    return [finish(start(trainer_command(config)))]


def run_mirrored(config):
    flags = trainer_command(config)[3:]  # without python -m trainer
    return [finish(start([sys.executable, "-c", TWO_DEVICES, *flags, "--strategy", "mirrored"]))]


def run_multi_worker(config):
    workers = [f"localhost:{port}" for port in free_ports(2)]
    processes = [
        start(
            trainer_command(config),
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            ),
        )
        for index in range(2)
    ]
    return [finish(process) for process in processes]


@pytest.mark.slow
@pytest.mark.parametrize("run", [run_mirrored, run_multi_worker])
def test_two_replicas_train_as_one(tiny_config, squad_data, tmp_path, run):
    fields = {"task": "squad", "data_dir": str(squad_data), "dropout": 0.0}
    alone = tiny_config(output_dir=str(tmp_path / "alone"), **fields)
    together = tiny_config(output_dir=str(tmp_path / "together"), **fields)
    assert [status for status, _ in run_one_device(alone)] == [0]
    ended = run(together)
    assert {status for status, _ in ended} == {0}, ended
    assert "8 on each of 2 replicas" in ended[0][1]
    np.testing.assert_allclose(losses(together.output_dir), losses(alone.output_dir), rtol=1e-5)
    expected = weights(alone.output_dir)
    for name, values in weights(together.output_dir).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("run", [run_mirrored, run_multi_worker])
def test_two_replicas_with_dropout_and_a_frozen_encoder(tiny_config, imdb_data, run):
    config = tiny_config(task="imdb", data_dir=str(imdb_data), dropout=0.1, freeze_encoder=True)
    ended = run(config)
    assert {status for status, _ in ended} == {0}, ended
    assert len(losses(config.output_dir)) == 2
