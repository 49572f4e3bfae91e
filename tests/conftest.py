"""What several packages' tests share: sample data and a vocabulary that its words are cut with."""

import collections
import json
import pathlib
import re
import signal
import unicodedata
from collections.abc import Callable, Iterator

import pytest

from tests.preprocessing.hard_texts import HARD_TEXTS

# A shell starts its background jobs with SIGINT ignored, and processes inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.serving.trained"]  # fixtures: small runs and their exports

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CONTEXT = "The lighthouse was built by Ada Mills in 1894."


@pytest.fixture(scope="session")
def sample_dir(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The generated samples: `aclImdb/` and four SQuAD files. Read only."""
    from preprocessing.sample.write import write_samples

    folder = tmp_path_factory.mktemp("samples") / "sample"
    write_samples(folder, seed=20240229)
    return folder


@pytest.fixture(scope="session")
def vocabulary_path(
    tmp_path_factory: pytest.TempPathFactory, sample_dir: pathlib.Path
) -> pathlib.Path:
    """A vocab.txt of about 4,000 tokens, for uncased and cased use alike.

    Every character of the samples and of the hard texts but the emoji, as a word and as a
    suffix; the 1,000 most frequent words; and the most frequent beginnings and ends of words.
    """
    texts = [*sample_texts(sample_dir), *HARD_TEXTS.values()]
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in _vocabulary(texts)), encoding="utf-8")
    return path


def sample_texts(sample_dir: pathlib.Path) -> Iterator[str]:
    """Every review, context and question of the samples."""
    for path in sorted(sample_dir.glob("aclImdb/*/*/*.txt")):
        yield path.read_bytes().decode()
    for path in sorted(sample_dir.glob("*.json")):
        for article in json.loads(path.read_text())["data"]:
            for paragraph in article["paragraphs"]:
                yield paragraph["context"]
                yield from (question["question"] for question in paragraph["qas"])


def _vocabulary(texts: list[str]) -> list[str]:
    words, starts, ends = (collections.Counter() for _ in range(3))
    for text in texts:
        for form in (text, unicodedata.normalize("NFD", text.lower())):
            words.update(re.findall(r"\w+|\S", re.sub(r"[\u0300-\u036f]", "", form)))
            words.update(form)
    for word, count in words.items():
        for length in range(2, min(len(word), 6)):
            starts[word[:length]] += count
            ends[f"##{word[-length:]}"] += count
    characters = sorted(c for c in words if len(c) == 1 and c.isprintable() and c <= "\uffff")
    tokens = [
        *SPECIAL_TOKENS,
        *(character for character in characters if not character.isspace()),
        *(f"##{character}" for character in characters if not character.isspace()),
        *_most_common(words, 1000),
        *_most_common(starts, 500),
        *_most_common(ends, 500),
    ]
    return list(dict.fromkeys(tokens))


def _most_common(counts: collections.Counter[str], number: int) -> list[str]:
    """In an order that does not hang on where equally frequent ones stood first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [text for text, _ in ranked[:number] if text.removeprefix("##").isalnum()]


@pytest.fixture
def small_squad(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    """Writes a SQuAD file: `small_squad(question(...), ..., context=..., name=...)`."""

    def write(
        *questions: dict, context: str = CONTEXT, name: str = "squad.json", version: str = "1.1"
    ) -> pathlib.Path:
        paragraph = {"context": context, "qas": list(questions)}
        data = [{"title": "", "paragraphs": [paragraph]}]
        path = tmp_path / name
        path.write_text(json.dumps({"version": version, "data": data}))
        return path

    return write


def question(
    question_id: str,
    text: str = "Who built it?",
    answer: str = "Ada Mills",
    start: int | None = None,
) -> dict:
    """A question as SQuAD writes it; `start` is where the answer first stands in CONTEXT."""
    start = CONTEXT.index(answer) if start is None else start
    answers = [{"text": answer, "answer_start": start}]
    return {"id": question_id, "question": text, "answers": answers}


@pytest.fixture
def small_imdb(tmp_path: pathlib.Path) -> Callable[[dict[str, bytes]], pathlib.Path]:
    """Writes an aclImdb folder: `small_imdb({"train/pos/0_9": b"Great.", ...})`."""

    def write(reviews: dict[str, bytes]) -> pathlib.Path:
        folder = tmp_path / "aclImdb"
        for name, content in reviews.items():
            path = folder / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return write
