"""Scores an export on raw text: `python -m serving.evaluate --model_dir … --input …`."""

import argparse
import json
import logging
import math
import pathlib
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence

from preprocessing import command_line
from preprocessing.errors import InputError
from preprocessing.progress import progress
from serving import provenance
from serving.model_dir import newest_version

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    flags = _parser().parse_args(arguments)
    for name in ("batch_size", "limit"):
        value = getattr(flags, name)
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}, expected at least 1.")
    version = newest_version(flags.model_dir)
    command_line.load_tensorflow()
    start = time.monotonic()
    if _is_sentiment(version):
        _check_two_labels(version)
        metrics = evaluate_sentiment(
            version, flags.input, flags.split, flags.output_dir, flags.limit, flags.batch_size
        )
    else:
        metrics = evaluate_answers(
            version, flags.input, flags.output_dir, flags.limit, flags.batch_size
        )
    logger.info("%s in %.1f s", version, time.monotonic() - start)
    for name, value in metrics.items():
        logger.info("%-16s %s", name, value)
    logger.info("written to %s", flags.output_dir)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m serving.evaluate",
        description="Asks an exported model everything in a raw data set and scores the answers.",
    )
    parser.add_argument(
        "--model_dir", required=True, type=pathlib.Path, help="its newest version, or one version"
    )
    parser.add_argument("--input", required=True, help="aclImdb (folder, tar.gz) or SQuAD JSON")
    parser.add_argument(
        "--output_dir", required=True, type=pathlib.Path, help="for metrics and predictions"
    )
    parser.add_argument(
        "--split", choices=("train", "test"), default="test", help="of aclImdb; not for SQuAD"
    )
    parser.add_argument("--limit", type=int, help="only the first so many reviews or questions")
    parser.add_argument("--batch_size", type=int, default=32, help="texts in one request")
    command_line.add_verbose_flag(parser)
    return parser


def evaluate_version(
    version: pathlib.Path,
    source: str,
    output_dir: pathlib.Path | None = None,
    *,
    split: str = "test",
    limit: int | None = None,
    batch_size: int = 32,
) -> dict[str, float | int]:
    """The metrics of an export over a labelled source; `output_dir` takes the answers, too."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = output_dir or pathlib.Path(temporary)
        if _is_sentiment(version):
            _check_two_labels(version)
            return evaluate_sentiment(version, source, split, folder, limit, batch_size)
        return dict(evaluate_answers(version, source, folder, limit, batch_size))


def _is_sentiment(version: pathlib.Path) -> bool:
    return provenance.read(version)["run"]["task"] == "imdb"


def _check_two_labels(version: pathlib.Path) -> None:
    labels = provenance.read(version)["run"].get("labels", ())
    if len(labels) > 2:
        raise InputError(
            f"--model_dir {version}: a model of {len(labels)} labels, expected one of two: the "
            "reviews of aclImdb are positive or negative. The run's history.jsonl has accuracy and "
            "macro-F1 of the validation split."
        )


def evaluate_sentiment(
    version: pathlib.Path,
    source: str,
    split: str,
    output_dir: pathlib.Path,
    limit: int | None = None,
    batch_size: int = 32,
) -> dict[str, float | int]:
    """Accuracy and cross-entropy of an export over one split of aclImdb.

    Writes `metrics.json` and `predictions.json` (review id -> probability) to `output_dir`.

    Raises:
        InputError: the source is not aclImdb, or has nothing of the split.
    """
    from preprocessing.reviews import reason_to_reject
    from preprocessing.sources.imdb import read_reviews
    from serving.saved_model import load_in_session

    found = [review for review in read_reviews(source) if review.split == split]
    good = [review for review in found if not reason_to_reject(review.content)]
    reviews = sorted(good, key=lambda review: review.id)[:limit]
    if not reviews:
        raise InputError(f"{source}: no review of the split {split}.")
    run = load_in_session(version)
    probabilities = {}
    for batch in batches([review.size for review in reviews], batch_size, "evaluate reviews"):
        outputs = run("serving_default", {"text": [reviews[i].content for i in batch]})
        for i, probability in zip(batch, outputs["probability"], strict=True):
            probabilities[reviews[i].id] = float(probability)
    labels = {review.id: review.label for review in reviews}
    metrics = sentiment_metrics(labels, probabilities)
    metrics["rejected"] = len(found) - len(good)
    _write(output_dir, {"metrics": metrics, "predictions": dict(sorted(probabilities.items()))})
    return metrics


def sentiment_metrics(
    labels: Mapping[str, int], probabilities: Mapping[str, float]
) -> dict[str, float | int]:
    """Share of right answers (positive from 0.5 on), and mean binary cross-entropy in nats."""
    right = sum((probabilities[key] >= 0.5) == bool(label) for key, label in labels.items())
    loss = 0.0
    for key, label in labels.items():
        probability = probabilities[key] if label else 1.0 - probabilities[key]
        loss -= math.log(max(probability, 1e-7))  # a float32 sigmoid can be exactly 0
    count = len(labels)
    return {"examples": count, "accuracy": right / count, "loss": loss / count}


def evaluate_answers(
    version: pathlib.Path,
    source: str,
    output_dir: pathlib.Path,
    limit: int | None = None,
    batch_size: int = 32,
) -> dict[str, float]:
    """Exact match and F1 of an export on a SQuAD file, as the official scripts compute them.

    Writes `metrics.json`, `predictions.json` (the served answers), `nbest_predictions.json` and,
    for SQuAD v2.0, `null_odds.json` to `output_dir`.

    Raises:
        InputError: the source is not a SQuAD file, or has no question.
    """
    from preprocessing.sources.squad_json import first_questions, load_squad
    from serving.saved_model import load_in_session
    from trainer.squad_metrics import evaluate_v1, evaluate_v2

    document = first_questions(load_squad(source), limit)
    asked = list(_asked(document))
    run = load_in_session(version)
    predictions, n_best, null_odds = {}, {}, {}
    for batch in batches([len(context) for _, _, context in asked], batch_size, "evaluate answers"):
        inputs = {
            "question": [asked[i][1] for i in batch],
            "context": [asked[i][2] for i in batch],
        }
        served, table = run("serving_default", inputs), run("nbest", inputs)
        for row, i in enumerate(batch):
            key = asked[i][0]
            predictions[key] = served["answer"][row].decode("utf-8")
            null_odds[key] = float(served["null_odds"][row])
            n_best[key] = list(_n_best_entries({name: out[row] for name, out in table.items()}))
    order = [key for key, _, _ in asked]
    files = {
        "predictions": {key: predictions[key] for key in order},
        "nbest_predictions": {key: n_best[key] for key in order},
    }
    threshold = provenance.read(version)["null_score_diff_threshold"]
    if is_v2(document):
        spans = {key: _best_span(n_best[key]) for key in order}
        served_threshold = math.inf if threshold is None else threshold
        metrics = evaluate_v2(document, spans, null_odds, served_threshold)
        files["null_odds"] = {key: null_odds[key] for key in order}
    else:
        metrics = evaluate_v1(document, predictions)
        metrics["total"] = len(asked)
    _write(output_dir, {"metrics": metrics, **files})
    return metrics


def _asked(document: Mapping) -> Iterator[tuple[str, str, str]]:
    """(id, question, context) in the order of the file."""
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            for entry in paragraph["qas"]:
                yield entry["id"], entry["question"], paragraph["context"]


def is_v2(document: Mapping) -> bool:
    """Whether a SQuAD file has unanswerable questions."""
    return any(
        entry.get("is_impossible") is True
        for article in document["data"]
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    )


def _n_best_entries(row: Mapping) -> Iterator[dict[str, str | int | float]]:
    """The filled places of one question's table."""
    columns = zip(row["answer"], row["start"], row["end"], row["probability"], strict=True)
    for answer, start, end, probability in columns:
        if probability > 0:
            yield {
                "text": answer.decode("utf-8"),
                "start": int(start),
                "end": int(end),
                "probability": float(probability),
            }


def _best_span(entries: Sequence[Mapping]) -> str:
    return next((entry["text"] for entry in entries if entry["start"] >= 0), "")


def batches(lengths: Sequence[int], batch_size: int, description: str) -> Iterator[list[int]]:
    """Indices in batches of like length, so that little is padded; shows the progress.

    The batches come in a shuffled order: taken by length, the time left would be far off.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    cuts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    random.Random(0).shuffle(cuts)
    done = 0
    with progress(description, len(lengths)) as update:
        for batch in cuts:
            yield batch
            done += len(batch)
            update(done)


def _write(output_dir: pathlib.Path, files: Mapping[str, Mapping]) -> None:
    output_dir.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (output_dir / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    command_line.run(main)
