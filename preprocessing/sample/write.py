"""Writes the sample data: reviews as aclImdb, questions as SQuAD v1.1 and v2.0."""

import dataclasses
import json
import os
import pathlib
import random
import shutil
import tempfile
from typing import Any

from preprocessing.errors import InputError
from preprocessing.sample.grammar import Deck
from preprocessing.sample.hard_cases import hard_articles
from preprocessing.sample.hard_questions import HARD_QUESTIONS
from preprocessing.sample.long_contexts import almanac, keepers_log
from preprocessing.sample.names import DEV_NAMES, TRAIN_NAMES, Names
from preprocessing.sample.questions import (
    TOPICS,
    article_of_passage,
    draw_subject,
    write_passage,
)
from preprocessing.sample.reviews import SampleReview, write_reviews

# Ordinary pairs of reviews, labels of the hard cases, pairs beyond 512 tokens.
_REVIEWS = {"train": (214, "both", 2), "test": (47, "one", 1)}


@dataclasses.dataclass(frozen=True)
class QuestionSet:
    """What one SQuAD file holds."""

    version: str
    names: Names
    passages: int
    answerable: int  # questions of each passage
    impossible: int
    several_answers: bool
    hard_step: int  # every how many-th of the hard cases
    almanacs: int
    logs: int


_QUESTION_SETS = {
    "squad-v1.1-train": QuestionSet("1.1", TRAIN_NAMES, 170, 4, 0, False, 1, 2, 1),
    "squad-v1.1-dev": QuestionSet("1.1", DEV_NAMES, 19, 4, 0, True, 1, 1, 1),
    "squad-v2.0-train": QuestionSet("v2.0", TRAIN_NAMES, 92, 2, 1, False, 3, 0, 0),
    "squad-v2.0-dev": QuestionSet("v2.0", DEV_NAMES, 20, 2, 1, True, 3, 0, 0),
}


@dataclasses.dataclass(frozen=True)
class SampleSummary:
    """What was written, and where."""

    output_dir: pathlib.Path
    reviews: dict[str, int]  # "train", "test" -> number of files
    questions: dict[str, int]  # file name -> number of questions

    def __str__(self) -> str:
        counts = [f"{number} {split} reviews" for split, number in self.reviews.items()]
        counts += [f"{number} questions in {name}" for name, number in self.questions.items()]
        return f"{self.output_dir}: {', '.join(counts)}"


def write_samples(output_dir: pathlib.Path, seed: int = 20240229) -> SampleSummary:
    """Writes `aclImdb/` and four SQuAD files; the same seed gives the same bytes everywhere.

    Everything is written beside `output_dir` and moved there when it is whole. A folder of
    samples that is there already is replaced.

    Raises:
        InputError: `output_dir` is a file, or a folder that holds something else, or cannot be
            written.
    """
    output_dir = pathlib.Path(output_dir)
    _check_replaceable(output_dir)
    try:
        output_dir.parent.mkdir(parents=True, exist_ok=True)
        whole = pathlib.Path(tempfile.mkdtemp(prefix=f".{output_dir.name}-", dir=output_dir.parent))
        try:
            summary = _write_all(whole / "new", output_dir, seed)
            if output_dir.exists():
                output_dir.rename(whole / "old")
            (whole / "new").rename(output_dir)
        finally:
            shutil.rmtree(whole, ignore_errors=True)
    except OSError as error:
        raise InputError(
            f"{output_dir}: cannot write samples there ({error.strerror}). "
            "Give another --output_dir."
        ) from error
    return summary


def _check_replaceable(output_dir: pathlib.Path) -> None:
    """Only folders of samples are replaced: a mistyped path must not cost anybody's data."""
    if output_dir.is_dir():
        known = {"aclImdb", *(f"{name}.json" for name in _QUESTION_SETS)}
        others = sorted(set(os.listdir(output_dir)) - known)
        if others:
            raise InputError(
                f"{output_dir}: holds {others[0]!r}, expected an empty folder, a folder of samples "
                "or none. Give another --output_dir."
            )
    elif output_dir.exists():
        raise InputError(f"{output_dir}: is a file, expected a folder. Give another --output_dir.")


def _write_all(folder: pathlib.Path, output_dir: pathlib.Path, seed: int) -> SampleSummary:
    reviews, questions = {}, {}
    taken: set[str] = set()
    for split, (pairs, hard_labels, long) in _REVIEWS.items():
        rng = random.Random(f"{seed}/reviews/{split}")
        written = write_reviews(rng, pairs, hard_labels, long, taken)
        _write_reviews(folder / "aclImdb" / split, rng, written)
        reviews[split] = len(written)
    used_titles: set[str] = set()
    for name, question_set in _QUESTION_SETS.items():
        rng = random.Random(f"{seed}/{name}")
        articles = make_articles(rng, question_set, used_titles)
        document = {"version": question_set.version, "data": articles}
        text = json.dumps(document, indent=1) + "\n"  # ASCII, as the official files
        (folder / f"{name}.json").write_bytes(text.encode("ascii"))
        questions[f"{name}.json"] = sum(len(a["paragraphs"][0]["qas"]) for a in articles)
    return SampleSummary(output_dir, reviews, questions)


def _write_reviews(folder: pathlib.Path, rng: random.Random, reviews: list[SampleReview]) -> None:
    """`<label>/<id>_<rating>.txt`; the ids are given out in a random order."""
    for label in ("pos", "neg"):
        own = [review for review in reviews if review.label == label]
        rng.shuffle(own)
        (folder / label).mkdir(parents=True)
        for number, review in enumerate(own):
            path = folder / label / f"{number}_{review.rating}.txt"
            path.write_bytes(review.text.encode("utf-8"))


def make_articles(
    rng: random.Random, question_set: QuestionSet, used_titles: set[str]
) -> list[dict[str, Any]]:
    """The articles of one file, shuffled. Titles are taken once only, and noted as used."""
    names = question_set.names
    articles: list[dict[str, Any]] = []
    topics = Deck(rng, TOPICS)
    while len(articles) < question_set.passages:
        passage = write_passage(rng, draw_subject(rng, topics.deal(), names))
        if passage.subject.title not in used_titles:
            used_titles.add(passage.subject.title)
            articles.append(
                article_of_passage(
                    rng,
                    passage,
                    question_set.answerable,
                    question_set.impossible,
                    question_set.several_answers,
                )
            )
    hard = HARD_QUESTIONS[:: question_set.hard_step]
    articles += hard_articles(rng, names, hard, v2=question_set.impossible > 0)
    split = "dev" if question_set.several_answers else "training"
    for number in range(1, question_set.almanacs + 1):
        articles.append(almanac(rng, names, f"Almanac {number} of the {split} set", 5))
    for number in range(1, question_set.logs + 1):
        articles.append(keepers_log(rng, f"Log {number} of the {split} set"))
    rng.shuffle(articles)
    return articles
