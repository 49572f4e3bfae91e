"""Strategy name -> tf.distribute.Strategy."""

import json
import os
import pathlib

import tensorflow as tf

from preprocessing.errors import InputError

BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def make_strategy(name: str | None = None) -> tf.distribute.Strategy:
    """The strategy of a run. Call it before any other TensorFlow op.

    Args:
        name: "one_device", "mirrored" (every GPU, or every logical CPU device), "multi_worker"
            (the workers of TF_CONFIG), or None: multi_worker when TF_CONFIG names more than one
            worker, mirrored when there is more than one GPU, one_device otherwise.

    Raises:
        InputError: TF_CONFIG is missing or cannot be right.
    """
    workers = _workers()
    if name is None:
        several_gpus = len(tf.config.list_physical_devices("GPU")) > 1
        name = "multi_worker" if workers > 1 else "mirrored" if several_gpus else "one_device"
    if name == "multi_worker":
        if workers == 0:
            raise InputError(
                "--strategy is 'multi_worker', but the environment variable TF_CONFIG names no "
                'worker. Set it to {"cluster": {"worker": ["host:port", ...]}, "task": {"type": '
                '"worker", "index": 0}} in every worker, or use --strategy one_device.'
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if name == "mirrored":
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.OneDeviceStrategy(devices[0].name)


def fast_precision() -> str:
    """The faster of "bfloat16" and "float32" on this machine.

    bfloat16 needs hardware (Ampere GPUs, AVX-512 BF16, AMX); elsewhere it is emulated, and many
    times slower than float32.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        native = all(each.get("compute_capability", (0, 0)) >= (8, 0) for each in details)
    else:
        cpu = pathlib.Path("/proc/cpuinfo")  # Linux only: float32 elsewhere
        flags = cpu.read_text().split() if cpu.exists() else []
        native = not BFLOAT16_FLAGS.isdisjoint(flags)
    return "bfloat16" if native else "float32"


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run directory: one process of a run does."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    if resolver.task_type == "chief":
        return True
    has_chief = "chief" in resolver.cluster_spec().as_dict()
    return not has_chief and resolver.task_type == "worker" and resolver.task_id == 0


def _workers() -> int:
    """The number of workers, a chief included, that TF_CONFIG names; 0 without TF_CONFIG."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        cluster = json.loads(text or "{}").get("cluster", {})
        return sum(len(cluster.get(job, ())) for job in ("chief", "worker"))
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"the environment variable TF_CONFIG is {text!r}, which is not a cluster in JSON "
            f"({error}). Unset it to train on one machine."
        ) from error


def check_agreement(strategy: tf.distribute.Strategy, number: int, fix: str) -> None:
    """Waits for all workers, and checks that each of them has the same number.

    Raises:
        InputError: they differ.
    """

    @tf.function
    def summed() -> tf.Tensor:
        values = strategy.run(lambda: tf.constant(number, tf.float64))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

    total, replicas = float(summed()), strategy.num_replicas_in_sync
    if total != number * replicas:
        raise InputError(
            f"worker {strategy.cluster_resolver.task_id} stands at step {number}, but the "
            f"{replicas} replicas of all workers at {total / replicas:.1f} in the mean. {fix}"
        )
