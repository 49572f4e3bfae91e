"""What several workers of a run need of each other: one decision, and word when one has ended."""

import contextlib
from collections.abc import Callable, Iterator

import tensorflow as tf

from preprocessing.errors import InputError

# How TensorFlow's collective operations fail when another process of the cluster does not answer.
_PEER_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


def worker_count(strategy: tf.distribute.Strategy) -> int:
    """The number of processes that train together."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return 1
    cluster = strategy.cluster_resolver.cluster_spec().as_dict()
    return max(1, sum(len(cluster.get(job, ())) for job in ("chief", "worker")))


def any_worker(strategy: tf.distribute.Strategy) -> Callable[[bool], bool]:
    """A function that tells each worker whether it is true in one of them.

    All workers call it at the same step. One that trains alone asks no one.
    """
    if worker_count(strategy) == 1:
        return bool

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
    def total(value: tf.Tensor) -> tf.Tensor:
        values = strategy.run(tf.identity, args=(value,))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

    return lambda value: float(total(tf.constant(float(value)))) > 0.0


@contextlib.contextmanager
def peer_errors(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Tells what to do when another worker has ended.

    Raises:
        InputError: for an error of TensorFlow that says that a worker does not answer.
    """
    try:
        yield
    except _PEER_ERRORS as error:
        if worker_count(strategy) == 1:
            raise
        worker = strategy.cluster_resolver.task_id
        raise InputError(
            f"{strategy.cluster_resolver.task_type} {worker}: another worker has ended or does not "
            f"answer ({_reason(error)}). Start all workers again, each with its same command: they "
            "go on from the last checkpoint."
        ) from error


def _reason(error: tf.errors.OpError) -> str:
    lines = [line.strip() for line in error.message.splitlines()]
    telling = [line for line in lines if line.startswith("Collective ops is aborted by")]
    reason = (telling or [line for line in lines if line] or [type(error).__name__])[0]
    return reason.rstrip(":")[:200]
