"""Which versions are batched, and how, by the flags."""

from serving.server import batching_parameters
from serving.server.batch_scheduler import BatchScheduler
from serving.server.batching import BatchedModel
from serving.server.batching_parameters import BatchingParameters
from serving.server.flags import ParsedFlags
from serving.server.loader import LoadedModel
from serving.server.preflight import StartError
from serving.server.status import StatusError


class Batching:
    """Puts batching around loaded models; one pool of threads runs the batches of all.

    Args:
        parameters: of every version; with `per_model` only their threads count.
        per_model: each version has parameters of its own, or no batching.
    """

    def __init__(self, parameters: BatchingParameters, per_model: bool):
        self._parameters, self._per_model = parameters, per_model
        self._scheduler = BatchScheduler(parameters.num_batch_threads, parameters.thread_pool_name)

    def wrap(self, model: LoadedModel, version_path: str) -> LoadedModel:
        """The model with batching, or as it is.

        Raises:
            StatusError: the version's own parameters cannot be used; the model is closed then.
        """
        parameters: BatchingParameters | None = self._parameters
        if self._per_model:
            try:
                parameters = batching_parameters.read_version(version_path)
            except BaseException:
                model.close()
                raise
        return BatchedModel(model, parameters, self._scheduler) if parameters else model


def from_flags(flags: ParsedFlags) -> Batching | None:
    """What `--enable_batching` and its companions ask for; None when it is off.

    Raises:
        StartError: the file of parameters cannot be used.
    """
    if not flags["enable_batching"]:
        return None
    path = flags["batching_parameters_file"]
    try:
        parameters = batching_parameters.read_file(path)
    except StatusError as error:
        raise StartError(f"error: --batching_parameters_file={path}: {error.message}") from error
    return Batching(parameters, flags["enable_per_model_batching_parameters"])
