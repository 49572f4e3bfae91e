"""Real runs of a small random BERT on a handful of texts, and their exports: fixtures."""

import json
import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import filelock
import pytest

PRAISE = ("a lovely film", "great fun, warm and witty", "superb cast! I smiled", "so good")
COMPLAINT = ("a dull film", "no fun, cold and flat", "awful cast! I slept", "so bad")
CONTEXT = "The old bridge was built in 1894 by Ada Mills. It is 90 m long. "
QUESTIONS = (
    ("when", "When was the bridge built?", "1894"),
    ("who", "Who built the bridge?", "Ada Mills"),
    ("long", "How long is it?", "90 m"),
)


def write_reviews(folder: pathlib.Path) -> pathlib.Path:
    """A few reviews in aclImdb's layout, the same texts for training and test."""
    for split in ("train", "test"):
        for label, rating, texts in (("pos", 9, PRAISE), ("neg", 2, COMPLAINT)):
            target = folder / "aclImdb" / split / label
            target.mkdir(parents=True)
            for number, text in enumerate(texts):
                (target / f"{number}_{rating}.txt").write_text(text)
    return folder


def write_questions(path: pathlib.Path, unanswerable: bool) -> pathlib.Path:
    """A SQuAD file: one short paragraph, and one of several windows with emoji before."""
    paragraphs = []
    for number, context in enumerate((CONTEXT, "Café 🎬 中国. " + CONTEXT * 3)):
        qas = [
            {
                "id": f"{key}-{number}",
                "question": question,
                "answers": [{"text": text, "answer_start": context.index(text)}],
            }
            for key, question, text in QUESTIONS
        ]
        if unanswerable:
            why = {"id": f"why-{number}", "question": "Why was it built?"}
            qas.append({**why, "answers": [], "is_impossible": True})
        paragraphs.append({"context": context, "qas": qas})
    document = {"version": "test", "data": [{"title": "Bridge", "paragraphs": paragraphs}]}
    path.write_text(json.dumps(document))
    return path


def train(task: str, source: str, folder: pathlib.Path, vocabulary: pathlib.Path) -> pathlib.Path:
    """Preprocesses and trains for an epoch through the real command lines' functions."""
    from preprocessing import __main__ as preprocessing_command
    from trainer import __main__ as trainer_command

    lengths = (
        ["--max_seq_length=16"]
        if task == "imdb"
        else ["--max_seq_length=40", "--doc_stride=12", "--max_query_length=8"]
    )
    preprocessing_command.main(
        [
            *(task, f"--input={source}", f"--output_dir={folder / 'data'}"),
            *(f"--vocab_file={vocabulary}", "--validation_fraction=0", *lengths),
        ]
    )
    trainer_command.main(
        [
            *(f"--task={task}", f"--data_dir={folder / 'data'}", f"--output_dir={folder / 'run'}"),
            *("--no_pretrained", "--epochs=1", "--global_batch_size=4", "--learning_rate=1e-3"),
        ]
    )
    return folder / "run"


@pytest.fixture(scope="session")
def once(tmp_path_factory) -> Callable[[str, Callable[[pathlib.Path], Any]], pathlib.Path]:
    """`once(name, fill)`: a folder that `fill` has filled, in one of pytest-xdist's processes."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # what the processes share

    def filled(name: str, fill: Callable[[pathlib.Path], Any]) -> pathlib.Path:
        folder, done = root / f"once-{name}", root / f"once-{name}.done"
        with filelock.FileLock(root / f"once-{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of one that failed
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return filled


@pytest.fixture(scope="session")
def reviews(tmp_path_factory) -> pathlib.Path:
    return write_reviews(tmp_path_factory.mktemp("reviews"))


@pytest.fixture(scope="session")
def imdb_run(once, reviews, vocabulary_path) -> pathlib.Path:
    return once("imdb", lambda at: train("imdb", str(reviews), at, vocabulary_path)) / "run"


@pytest.fixture(scope="session")
def questions(tmp_path_factory) -> pathlib.Path:
    return write_questions(tmp_path_factory.mktemp("questions") / "v2.json", unanswerable=True)


@pytest.fixture(scope="session")
def squad_run(once, questions, vocabulary_path) -> pathlib.Path:
    """Trained on questions with and without answer, as SQuAD v2.0."""
    return once("squad", lambda at: train("squad", str(questions), at, vocabulary_path)) / "run"


@pytest.fixture(scope="session")
def models(once, imdb_run, squad_run) -> pathlib.Path:
    """A folder with version 1 of `sentiment` and of `qa`, both exported for real; read only."""
    from serving.export import export_run

    def export(folder: pathlib.Path) -> None:
        export_run(imdb_run, folder / "sentiment")
        export_run(squad_run, folder / "qa")

    return once("models", export)
