"""Cuts the parts of IMDB and SQuAD that the README's results are measured on.

python -m benchmarks.subset imdb --input aclImdb_v1.tar.gz --every 5 --output data/raw/imdb-5000
python -m benchmarks.subset squad --input train-v1.1.json --draw 8000 --output train-8000.json
python -m benchmarks.subset squad --input dev-v1.1.json --first 2000 --output dev-2000.json
"""

import argparse
import json
import pathlib
import random

from preprocessing import command_line
from preprocessing.errors import InputError


def main(arguments: list[str]) -> None:
    flags = _parser().parse_args(arguments)
    _check(flags)
    command_line.load_tensorflow()
    if flags.task == "imdb":
        write_every_nth_review(flags.input, flags.every, flags.output)
    else:
        from preprocessing.sources.squad_json import first_questions, load_squad

        document = load_squad(flags.input)
        if flags.draw is not None:
            subset = select_questions(document, _draw(document, flags.draw, flags.seed))
        else:
            subset = first_questions(document, flags.first)
        flags.output.parent.mkdir(parents=True, exist_ok=True)
        flags.output.write_text(json.dumps(subset))


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(prog="python -m benchmarks.subset", description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    imdb = tasks.add_parser("imdb", help="every n-th training review of each class")
    imdb.add_argument("--every", type=int, required=True)
    squad = tasks.add_parser("squad", help="some questions, in the file's order")
    number = squad.add_mutually_exclusive_group(required=True)
    number.add_argument("--draw", type=int, help="so many, drawn with --seed")
    number.add_argument("--first", type=int, help="the first so many")
    squad.add_argument("--seed", type=int, default=0)
    for task in (imdb, squad):
        task.add_argument("--input", required=True)
        task.add_argument("--output", required=True, type=pathlib.Path)
    return parser


def _check(flags: argparse.Namespace) -> None:
    for name in ("every", "draw", "first"):
        value = getattr(flags, name, None)
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}, expected at least 1.")


def write_every_nth_review(source: str, every: int, output: pathlib.Path) -> None:
    """Writes a folder in aclImdb's layout: of each class, in the order of the file names."""
    from preprocessing.sources.imdb import read_reviews

    train = [review for review in read_reviews(source) if review.split == "train"]
    for label in (0, 1):
        of_class = sorted(
            (review for review in train if review.label == label), key=lambda review: review.id
        )
        for review in of_class[::every]:
            path = output / "aclImdb" / f"{review.id}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(review.content)


def _draw(document: dict, count: int, seed: int) -> set[str]:
    ids = [
        question["id"]
        for article in document["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    if count > len(ids):
        raise InputError(f"--draw is {count}, but the file has {len(ids)} questions.")
    return set(random.Random(seed).sample(ids, count))


def select_questions(document: dict, ids: set[str]) -> dict:
    """A SQuAD document with the questions of these ids; no empty paragraphs."""
    data = []
    for article in document["data"]:
        paragraphs = []
        for paragraph in article["paragraphs"]:
            questions = [entry for entry in paragraph["qas"] if entry["id"] in ids]
            if questions:
                paragraphs.append({"context": paragraph["context"], "qas": questions})
        if paragraphs:
            data.append({"title": article.get("title", ""), "paragraphs": paragraphs})
    return {"version": document.get("version", "1.1"), "data": data}


if __name__ == "__main__":
    command_line.run(main)
