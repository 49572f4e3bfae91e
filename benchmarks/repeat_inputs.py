"""Makes a data set that is so many times as large: the same texts again, under new ids.

python -m benchmarks.repeat_inputs imdb --input aclImdb_v1.tar.gz --times 10 --output imdb-10.tar.gz
python -m benchmarks.repeat_inputs squad --input train-v1.1.json --times 10 --output train-10.json
"""

import gzip
import json
import os
import pathlib
import re
import tarfile
from collections.abc import Iterator

from preprocessing import command_line
from preprocessing.errors import InputError

REVIEWS_OF_A_CLASS = 12500  # of aclImdb; the ids of a class and split are 0 … 12499
_REVIEW_PATH = re.compile(r"(?:^|/)aclImdb/((?:train|test)/(?:pos|neg))/(\d+)_(\d+)\.txt$")


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.repeat_inputs", description=__doc__
    )
    parser.add_argument("task", choices=["imdb", "squad"])
    parser.add_argument("--input", required=True, help="aclImdb_v1.tar.gz, or a SQuAD JSON file")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--output", required=True, type=pathlib.Path, help="the file to write")
    flags = parser.parse_args(arguments)
    if flags.times < 1:
        raise InputError(f"--times is {flags.times}, expected at least 1.")
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = flags.output.with_name(f".{flags.output.name}.unfinished")
    repeat = repeat_reviews if flags.task == "imdb" else repeat_questions
    try:
        repeat(flags.input, flags.times, unfinished)
        os.replace(unfinished, flags.output)
    finally:
        unfinished.unlink(missing_ok=True)


def repeat_reviews(source: str, times: int, output: pathlib.Path) -> None:
    """Writes a tar.gz with all labelled reviews, then all of them again, and so on.

    Review n of a class and split becomes n + 12500, n + 25000, … in the copies. Nothing else of
    the archive is kept. The same input gives the same bytes.

    Raises:
        InputError: the source is no such archive.
    """
    with (
        open(output, "wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as target,
    ):
        for copy in range(times):
            for member, archive in _review_members(source):
                content = archive.extractfile(member)
                member.name = _repeated_name(source, member.name, copy)
                member.pax_headers = {}
                target.addfile(member, content)


def _review_members(source: str) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    found = False
    try:
        with tarfile.open(source, "r|*") as archive:
            for member in archive:
                if member.isfile() and _REVIEW_PATH.search(member.name):
                    found = True
                    yield member, archive
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(
            f"{source}: cannot be read ({error}), expected aclImdb_v1.tar.gz."
        ) from error
    if not found:
        raise InputError(f"{source}: no labelled review in it, expected aclImdb_v1.tar.gz.")


def _repeated_name(source: str, name: str, copy: int) -> str:
    match = _REVIEW_PATH.search(name)
    assert match is not None
    folder, number, rating = match.groups()
    if int(number) >= REVIEWS_OF_A_CLASS:
        raise InputError(
            f"{source}: {name} has the id {number}, expected one below {REVIEWS_OF_A_CLASS}: the "
            "copies take the numbers above. Repeat the original archive."
        )
    return f"aclImdb/{folder}/{int(number) + copy * REVIEWS_OF_A_CLASS}_{rating}.txt"


def repeat_questions(source: str, times: int, output: pathlib.Path) -> None:
    """Writes a SQuAD file with all articles, then all of them again, and so on.

    The ids of the copies end in "-1", "-2", …; the first are as they were.

    Raises:
        InputError: the source is not a SQuAD file.
    """
    try:
        document = json.loads(pathlib.Path(source).read_bytes())
        articles = document.pop("data")
        with open(output, "w", encoding="utf-8") as file:
            file.write(json.dumps(document)[:-1] + (", " if document else "") + '"data": [')
            for copy in range(times):
                for number, article in enumerate(articles):
                    separator = ", " if copy or number else ""
                    file.write(separator + json.dumps(_with_new_ids(article, copy)))
            file.write("]}\n")
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{source}: not a SQuAD file ({reason}).") from error


def _with_new_ids(article: dict, copy: int) -> dict:
    if not copy:
        return article
    paragraphs = [
        {
            **paragraph,
            "qas": [{**entry, "id": f"{entry['id']}-{copy}"} for entry in paragraph["qas"]],
        }
        for paragraph in article["paragraphs"]
    ]
    return {**article, "paragraphs": paragraphs}


if __name__ == "__main__":
    command_line.run(main)
