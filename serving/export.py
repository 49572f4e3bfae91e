"""A finished run to a published model version: `python -m serving.export`."""

import concurrent.futures
import importlib.metadata
import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from preprocessing import command_line
from preprocessing.dataset_info import sha256_of_file
from preprocessing.errors import InputError
from serving.check_export import to_json
from serving.model_dir import publish, unpublished_version
from trainer.best import line_of_weights

if TYPE_CHECKING:
    from serving.signatures import QuestionAnswering, Sentiment, TextClassifier

logger = logging.getLogger(__name__)

# What an export must answer like the trainer's model before it is published.
CHECK_TEXTS = (
    "One of the best films I have seen in years.",
    "Dull, noisy and far too long; I walked out.",
    "Un café, s'il vous plaît — 中国电影 🎬 très bon!",
    "",
    "The plot goes round and round. " * 80,
)
CHECK_QUESTIONS = (
    ("Who built the bridge?", "The old bridge was built in 1894 by Ada Mills. It is 90 m long."),
    ("How long is it?", "Café Zürich is 90 m long — 中国 🎬."),
    ("Where is nothing?", " "),
    ("When did it end?", "It went on and on, as long roads do. " * 60 + "It ended in 1950."),
)
TOLERANCE = 1e-4  # between the frozen float32 graph and Keras' own
_LISTED_PACKAGES = ("bertline", "tensorflow", "tensorflow-text", "keras", "keras-nlp")


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(
        prog="python -m serving.export",
        description="Writes a run as the next version of a model, after it has answered in a "
        "process of its own as it does in the trainer.",
    )
    parser.add_argument("--run_dir", required=True, type=pathlib.Path, help="of the trainer")
    parser.add_argument("--model_dir", required=True, type=pathlib.Path, help="models/sentiment")
    parser.add_argument(
        "--null_score_diff_threshold",
        type=float,
        help="SQuAD v2.0: no answer when the null score is higher than the best span's by more "
        "than this (default 0 for runs on data with unanswerable questions)",
    )
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    command_line.load_tensorflow()
    start = time.monotonic()
    version = export_run(flags.run_dir, flags.model_dir, flags.null_score_diff_threshold)
    logger.info("%s: checked and published, %.1f s", version, time.monotonic() - start)


def export_run(
    run_dir: pathlib.Path, model_dir: pathlib.Path, null_score_diff_threshold: float | None = None
) -> pathlib.Path:
    """Publishes a run as the next version of a model.

    Returns:
        The version's folder.

    Raises:
        InputError: the run is not finished, its vocabulary is another than it was trained with,
            or the export does not answer as the trainer's model does.
    """
    from serving.frozen import served_module
    from trainer.run_dir import load_run

    run = load_run(run_dir)
    check_vocabulary(run.vocabulary_path, run.config["vocabulary_sha256"])
    threshold = _threshold(run.config, null_score_diff_threshold)
    with unpublished_version(model_dir) as folder:
        logger.info("writing the graph of %s", run_dir)
        save(served_module(run, threshold), folder)
        logger.info("checking it in a process of its own")
        task = run.config["task"]
        check(served_module(run, threshold, through_keras=True), task, folder)
        write_warmup(folder, model_dir.name, task)
        write_provenance(folder, run_dir, run.config, threshold)
        return publish(folder, model_dir)


def check_vocabulary(path: pathlib.Path, sha256: str) -> None:
    """Raises InputError unless a run's vocab.txt is the one its data was tokenised with."""
    found = sha256_of_file(path)
    if found != sha256:
        raise InputError(
            f"{path}: SHA-256 is {found}, but the run was trained with the vocabulary {sha256}. "
            "Put the data set's vocab.txt back, or train again."
        )


def _threshold(config: Mapping, asked: float | None) -> float | None:
    if config["task"] == "imdb" or not config["has_unanswerable"]:
        if asked is not None:
            raise InputError(
                f"--null_score_diff_threshold is {asked}, but the run was trained on "
                f"{config['task']} data without unanswerable questions, so its null score means "
                "nothing. Leave the flag out."
            )
        return None
    return 0.0 if asked is None else asked


def save(module: "Sentiment | TextClassifier | QuestionAnswering", folder: pathlib.Path) -> None:
    """Writes the SavedModel with its signatures and its vocabulary (`assets/vocab.txt`)."""
    import tensorflow as tf

    from serving.classify_method import set_classify_method

    tf.saved_model.save(module, str(folder), signatures=module.signatures())
    set_classify_method(folder)


def check_requests(task: str) -> dict[str, dict[str, list[str]]]:
    """What an export is asked before it is published: signature -> alias -> texts."""
    if task == "imdb":
        return {"serving_default": {"text": list(CHECK_TEXTS)}}
    questions, contexts = (list(column) for column in zip(*CHECK_QUESTIONS, strict=True))
    inputs = {"question": questions, "context": contexts}
    return {"serving_default": inputs, "nbest": inputs}


def check(
    expected: "Sentiment | TextClassifier | QuestionAnswering", task: str, folder: pathlib.Path
) -> None:
    """Compares an export's answers, in another process, with the trainer's model.

    Args:
        expected: the module that calls the trainer's model.
        task: "imdb" or "squad".
        folder: the SavedModel.

    Raises:
        InputError: it cannot be loaded there, or answers otherwise; nothing is published then.
    """
    requests = check_requests(task)
    # Beside Keras' own answers, but one process at a time: each holds the graph several times.
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        found = {
            way: pool.submit(_answers_elsewhere, folder, way, requests)
            for way in ("session", "function")
        }
        wanted = {
            signature: expected.signatures()[signature](**inputs)
            for signature, inputs in requests.items()
        }
    for way, answers in found.items():
        for signature, outputs in wanted.items():
            for alias, array in outputs.items():
                place = f"{signature}, loaded as {way}, output {alias}"
                _compare(place, to_json(array.numpy()), answers.result()[signature][alias])


def _answers_elsewhere(folder: pathlib.Path, way: str, requests: Mapping) -> dict[str, dict]:
    with tempfile.TemporaryDirectory() as temporary:
        output = pathlib.Path(temporary) / "answers.json"
        command = [sys.executable, "-m", "serving.check_export", str(folder), "--load_in", way]
        process = subprocess.run(
            [*command, "--output", str(output)],
            input=json.dumps(requests),
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            logger.error("%s", process.stderr.strip())
            reason = (process.stderr.strip().splitlines() or ["no message"])[-1]
            raise InputError(
                f"{folder}: the export does not work in a process of its own, so it is not "
                f"published: {reason}"
            )
        return json.loads(output.read_text())


def _compare(place: str, expected: list, found: list) -> None:
    """Texts and places must be equal, other numbers within TOLERANCE."""
    import numpy as np

    wanted, got = np.array(expected), np.array(found)
    same = (
        np.allclose(wanted, got, rtol=0, atol=TOLERANCE)
        if wanted.dtype.kind == "f"
        else np.array_equal(wanted, got)
    )
    if not same:
        raise InputError(
            f"{place}: the export gives {got.tolist()}, the trainer's model {wanted.tolist()}: "
            "it is not published. Please report this with the run's config.json."
        )


def write_warmup(folder: pathlib.Path, model_name: str, task: str) -> None:
    """Writes requests that a server sends itself before it says that the version is there."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in check_requests(task).items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model_name
            request.model_spec.signature_name = signature
            for alias, texts in inputs.items():
                request.inputs[alias].CopyFrom(tf.make_tensor_proto(texts))
            log = prediction_log_pb2.PredictLog(request=request)
            record = prediction_log_pb2.PredictionLog(predict_log=log)
            writer.write(record.SerializeToString())


def write_provenance(
    folder: pathlib.Path, run_dir: pathlib.Path, config: Mapping, threshold: float | None
) -> None:
    """Writes where the version comes from, `assets.extra/provenance.json`: with the figures of the
    epoch whose weights it holds."""
    lines = [json.loads(line) for line in (run_dir / "history.jsonl").read_text().splitlines()]
    provenance = {
        "run_dir": str(run_dir),
        "run": dict(config),
        "epoch": line_of_weights(lines, config),
        "null_score_diff_threshold": threshold,
        "versions": {name: importlib.metadata.version(name) for name in _LISTED_PACKAGES},
    }
    path = folder / "assets.extra" / "provenance.json"
    path.write_text(json.dumps(provenance, indent=2) + "\n")


if __name__ == "__main__":
    command_line.run(main)
