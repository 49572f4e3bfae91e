"""The requests that a server sends itself before it says that a version is there.

The first request of a signature makes TensorFlow optimise its graph, and the first of a size makes
its kernels ready: seconds that no client should wait. TF Serving replays the records of
`assets.extra/tf_serving_warmup_requests`, at most 1,000.
"""

import dataclasses
import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence

WARM_UP_FILE = pathlib.Path("assets.extra", "tf_serving_warmup_requests")
WARM_UP_SECONDS = 2.0  # of all records together, on the machine of the exporter
_BATCH_SIZES = (1, 8, 32)
_SHORT = 8  # words
_QUESTION = "What is the name of the bridge?"
_WINDOWS = 3  # of a context that is longer than one


@dataclasses.dataclass(frozen=True)
class Request:
    """One request: texts, or serialized tf.Examples for the signature `classify`."""

    signature: str
    inputs: Mapping[str, Sequence[bytes]]

    @property
    def batch_size(self) -> int:
        """Texts in it."""
        return len(next(iter(self.inputs.values())))


def warm_up_requests(task: str, max_seq_length: int) -> list[Request]:
    """A request for each signature, batch size and length, the most needed first.

    Args:
        task: "imdb" or "squad".
        max_seq_length: tokens of the longest text, or of a window.
    """
    lengths = [_SHORT, max_seq_length // 2, max_seq_length]
    requests = [
        request
        for batch_size in _BATCH_SIZES
        for words in lengths
        for request in _of_size(task, batch_size, words)
    ]
    if task == "squad":
        requests += _of_size(task, 1, _WINDOWS * max_seq_length)
    return requests


def _of_size(task: str, batch_size: int, words: int) -> Iterator[Request]:
    text = " ".join(["the"] * words).encode()
    if task == "squad":
        inputs = {"question": [_QUESTION.encode()] * batch_size, "context": [text] * batch_size}
        yield Request("serving_default", inputs)
        yield Request("nbest", inputs)
    else:
        yield Request("serving_default", {"text": [text] * batch_size})
        yield Request("classify", {"inputs": [serialized_example(text)] * batch_size})


def serialized_example(text: bytes) -> bytes:
    """A tf.Example with the feature `text`, as the signature `classify` reads it."""
    import tensorflow as tf

    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text]))
    features = tf.train.Features(feature={"text": value})
    return tf.train.Example(features=features).SerializeToString()


def that_fit(requests: Sequence[Request], seconds: Sequence[float]) -> list[Request]:
    """The first requests that take no more than `WARM_UP_SECONDS` together.

    The first of each signature stays however long it takes.

    Args:
        requests: the most needed first.
        seconds: how long each took, as far as that was measured.
    """
    fitting = sum(total <= WARM_UP_SECONDS for total in itertools.accumulate(seconds))
    signatures = {request.signature for request in requests}
    return list(requests[: max(fitting, len(signatures))])


def write_warm_up(folder: pathlib.Path, model_name: str, requests: Sequence[Request]) -> None:
    """Writes the records into a version's folder.

    Args:
        folder: of the version.
        model_name: that it will be served under; servers replay the records whatever it is.
        requests: what to replay.
    """
    import tensorflow as tf

    path = folder / WARM_UP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            writer.write(_record(model_name, request))


def _record(model_name: str, request: Request) -> bytes:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    if request.signature == "classify":
        message = log.classify_log.request
        for example in request.inputs["inputs"]:
            message.input.example_list.examples.add().ParseFromString(example)
    else:
        message = log.predict_log.request
        for alias, texts in request.inputs.items():
            message.inputs[alias].CopyFrom(tf.make_tensor_proto(list(texts)))
    message.model_spec.name = model_name
    message.model_spec.signature_name = request.signature
    return log.SerializeToString()
