"""Strategy name -> tf.distribute.Strategy."""

import logging
import pathlib
import socket
import urllib.parse

import tensorflow as tf

from preprocessing.errors import InputError
from trainer.cluster import Cluster, check_named, read_cluster

logger = logging.getLogger(__name__)

LOCAL_TPU = "local"  # TPUClusterResolver's name for the TPU of a TPU VM
CONNECT_TIMEOUT_S = 10.0
CPU_FLAGS = {
    "bfloat16": frozenset({"avx512_bf16", "amx_bf16"}),
    "float16": frozenset({"avx512_fp16", "amx_fp16"}),
}


def make_strategy(name: str | None = None, tpu: str | None = None) -> tf.distribute.Strategy:
    """The strategy of a run. Call it before any other TensorFlow op.

    Args:
        name: "one_device", "mirrored" (every GPU, or every logical CPU device), "multi_worker"
            (the workers of TF_CONFIG), "tpu", or None: multi_worker when TF_CONFIG names more
            than one worker, mirrored when there is more than one GPU, one_device otherwise.
        tpu: the name or the address of the TPU, None for that of this machine.

    Raises:
        InputError: TF_CONFIG is missing or cannot be right, or there is no TPU.
    """
    cluster = read_cluster()
    if name is None:
        several_gpus = len(tf.config.list_physical_devices("GPU")) > 1
        several_workers = cluster is not None and cluster.processes > 1
        name = "multi_worker" if several_workers else "mirrored" if several_gpus else "one_device"
    if name == "multi_worker":
        return _multi_worker(check_named(cluster))
    if name == "tpu":
        return _tpu_strategy(tpu)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if name == "mirrored":
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.OneDeviceStrategy(devices[0].name)


def _multi_worker(cluster: Cluster) -> tf.distribute.Strategy:
    jobs = {job: list(addresses) for job, addresses in cluster.jobs.items()}
    return tf.distribute.MultiWorkerMirroredStrategy(
        cluster_resolver=tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(jobs),
            task_type=cluster.job,
            task_id=cluster.index,
            rpc_layer="grpc",
        )
    )


def _tpu_strategy(tpu: str | None) -> tf.distribute.Strategy:
    try:
        if tpu and "://" in tpu:
            _knock(tpu)
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(tpu or LOCAL_TPU)
    except (ValueError, OSError, ImportError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"--strategy is 'tpu', but {tpu or 'the TPU of this machine'} cannot be used "
            f"({reason}). Run it on a TPU VM, give the TPU's name or grpc:// address with --tpu, "
            "or use another --strategy."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def _knock(address: str) -> None:
    """Fails within seconds where nothing listens; TensorFlow tries for many minutes."""
    parts = urllib.parse.urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=CONNECT_TIMEOUT_S):
        pass


def is_tpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether every shape must be known when a step is traced."""
    return isinstance(strategy, tf.distribute.TPUStrategy)


def fast_precision() -> str:
    """The faster of "bfloat16" and "float32" on this machine.

    bfloat16 needs hardware (Ampere GPUs, AVX-512 BF16, AMX); elsewhere it is emulated, and many
    times slower than float32.
    """
    return "bfloat16" if is_native("bfloat16") else "float32"


def is_native(precision: str) -> bool:
    """Whether the GPUs, or the CPU, multiply numbers of a precision; what is emulated is slow."""
    gpus = tf.config.list_physical_devices("GPU")
    if precision == "float32":
        return True
    if gpus and precision == "bfloat16":
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return all(each.get("compute_capability", (0, 0)) >= (8, 0) for each in details)
    return bool(gpus) or not CPU_FLAGS[precision].isdisjoint(_cpu_flags())


def _cpu_flags() -> list[str]:
    cpu = pathlib.Path("/proc/cpuinfo")  # Linux only
    return cpu.read_text().split() if cpu.exists() else []


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run directory: one process of a run does."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    cluster = read_cluster()
    return cluster is None or cluster.is_chief


def check_agreement(strategy: tf.distribute.Strategy, number: int, what: str, fix: str) -> None:
    """Waits for all workers, and checks that each of them has the same number.

    Args:
        strategy: the run's.
        number: below 2**32.
        what: it stands for.
        fix: for the message.

    Raises:
        InputError: they differ.
    """

    @tf.function
    def summed() -> tf.Tensor:
        values = strategy.run(lambda: tf.constant(number, tf.float64))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

    total, replicas = float(summed()), strategy.num_replicas_in_sync
    if total != number * replicas:
        worker = f"{strategy.cluster_resolver.task_type} {strategy.cluster_resolver.task_id}"
        raise InputError(f"{worker}: {what} is not the same in all workers. {fix}")
