"""Whether a server answers as the export does in-process, on real texts, over both transports.

python -m benchmarks.served --models models --reviews aclImdb_v1.tar.gz --questions dev-2000.json
"""

import pathlib
import sys
from collections.abc import Sequence

from demo.processes import interrupt_on_termination
from demo.serving import running_server, write_models_config
from demo.stages import STATE_DIR
from preprocessing import command_line
from serving.client import Client
from serving.model_dir import newest_version

TOLERANCE = 1e-5
BATCH_SIZE = 8


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(prog="python -m benchmarks.served", description=__doc__)
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("models"))
    parser.add_argument("--reviews", required=True, help="aclImdb, of which the test split is used")
    parser.add_argument("--questions", required=True, help="SQuAD JSON")
    parser.add_argument("--count", type=int, default=200, help="texts of each kind")
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    interrupt_on_termination()
    command_line.load_tensorflow()
    config = STATE_DIR / "models.config"
    write_models_config(flags.models, config)
    requests = {
        "sentiment": _review_requests(flags.reviews, flags.count),
        "qa": _question_requests(flags.questions, flags.count),
    }
    equal = True
    with running_server(config, STATE_DIR / "server.log") as endpoints:
        for model, batches in requests.items():
            version = newest_version(flags.models / model)
            for endpoint in endpoints:
                equal &= _compare(version, model, endpoint, batches)
    sys.exit(0 if equal else 1)


def _review_requests(source: str, count: int) -> list[dict[str, list[str]]]:
    from preprocessing.sources.imdb import read_reviews

    reviews = sorted(
        (review for review in read_reviews(source) if review.split == "test"),
        key=lambda review: review.id,
    )
    step = max(1, len(reviews) // count)
    texts = [review.content.decode("utf-8") for review in reviews[::step][:count]]
    return [{"text": texts[i : i + BATCH_SIZE]} for i in range(0, len(texts), BATCH_SIZE)]


def _question_requests(source: str, count: int) -> list[dict[str, list[str]]]:
    from preprocessing.sources.squad_json import first_questions, load_squad

    pairs = [
        (entry["question"], paragraph["context"])
        for article in first_questions(load_squad(source), count)["data"]
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    ]
    return [
        {"question": [q for q, _ in batch], "context": [c for _, c in batch]}
        for batch in (pairs[i : i + BATCH_SIZE] for i in range(0, len(pairs), BATCH_SIZE))
    ]


def _compare(
    version: pathlib.Path, model: str, endpoint: str, batches: Sequence[dict[str, list[str]]]
) -> bool:
    """Prints the largest difference and the number of other answers; True when all is equal."""
    from serving.saved_model import load_in_session

    run = load_in_session(version)
    count, others, largest = 0, 0, 0.0
    with Client(endpoint) as client:
        for inputs in batches:
            expected = run("serving_default", inputs)
            found = client.predict(model, inputs)
            for alias, array in expected.items():
                pairs = list(zip(array.tolist(), found[alias], strict=True))
                if array.dtype.kind == "f":
                    largest = max(largest, *(abs(a - b) for a, b in pairs))
                else:
                    others += sum(_text(a) != b for a, b in pairs)
            count += len(next(iter(inputs.values())))
    print(
        f"{model} {endpoint}: {count} texts, {others} other answers, numbers within {largest:.1e}"
    )
    return others == 0 and largest <= TOLERANCE


def _text(value: bytes | int) -> str | int:
    return value.decode("utf-8") if isinstance(value, bytes) else value


if __name__ == "__main__":
    command_line.run(main)
