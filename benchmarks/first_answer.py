"""How long the first answer of an export takes once it is loaded, with warm-up and without.

python -m benchmarks.first_answer models/qa models/sentiment

The version is loaded into a Session, as TF Serving does it, each time in a process of its own.
"""

import concurrent.futures
import dataclasses
import itertools
import json
import multiprocessing
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence

from preprocessing import command_line
from serving.model_dir import newest_version
from serving.warmup_requests import WARM_UP_FILE

TEXT = "The old bridge was built in 1894 by Ada Mills, and it is 90 m long."
INPUTS = {"text": TEXT, "question": "Who built the bridge?", "context": TEXT}


@dataclasses.dataclass(frozen=True)
class FirstAnswer:
    """Seconds of each step, in the order in which a server takes them."""

    load_s: float
    warm_up_s: float  # 0 without
    first_answer_s: float


def first_answer(version: pathlib.Path, warm_up: bool) -> FirstAnswer:
    """Loads a version in this process, replays its warm-up requests, and asks it one short text.

    Args:
        version: its folder.
        warm_up: False to leave the warm-up out.
    """
    from serving.saved_graph import read_meta_graph
    from serving.saved_model import load_in_session

    times = [time.monotonic()]
    run = load_in_session(version)
    times.append(time.monotonic())
    if warm_up:
        for signature, inputs in warm_up_requests(version):
            run(signature, inputs)
    times.append(time.monotonic())
    aliases = read_meta_graph(version).signature_def["serving_default"].inputs
    run("serving_default", {alias: [INPUTS[alias]] for alias in aliases})
    times.append(time.monotonic())
    return FirstAnswer(*(end - start for start, end in itertools.pairwise(times)))


def warm_up_requests(version: pathlib.Path) -> Iterator[tuple[str, Mapping[str, Sequence]]]:
    """The requests that a version came with: signature, and alias -> values."""
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    for record in tf.compat.v1.io.tf_record_iterator(str(version / WARM_UP_FILE)):
        log = prediction_log_pb2.PredictionLog.FromString(record)
        if log.WhichOneof("log_type") == "classify_log":
            examples = log.classify_log.request.input.example_list.examples
            yield "classify", {"inputs": [each.SerializeToString() for each in examples]}
        else:
            request = log.predict_log.request
            inputs = {alias: tf.make_ndarray(value) for alias, value in request.inputs.items()}
            yield request.model_spec.signature_name, inputs


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.first_answer", description=__doc__
    )
    parser.add_argument(
        "models", nargs="+", type=pathlib.Path, metavar="MODEL_DIR", help="or a version's folder"
    )
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    for model_dir in flags.models:
        for warm_up in (True, False):
            found = _in_a_process(newest_version(model_dir), warm_up)
            line = {"model": str(model_dir), "warm_up": warm_up} | dataclasses.asdict(found)
            print(json.dumps(line), flush=True)


def _in_a_process(version: pathlib.Path, warm_up: bool) -> FirstAnswer:
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(command_line.load_tensorflow).result()
        return pool.submit(first_answer, version, warm_up).result()


if __name__ == "__main__":
    command_line.run(main)
