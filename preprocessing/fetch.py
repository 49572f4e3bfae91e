"""Command line: `python -m preprocessing.fetch imdb|squad|squad2|sample|weights`."""

import argparse
import logging
import pathlib

from preprocessing import command_line
from preprocessing.download import download
from preprocessing.sample.write import write_samples
from preprocessing.weights import fetch_weights

logger = logging.getLogger(__name__)

_SQUAD = "https://rajpurkar.github.io/SQuAD-explorer/dataset"
# Data set -> URL -> SHA-256 of the official file.
DATASETS = {
    "imdb": {
        "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz": (
            "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
        ),
    },
    "squad": {
        f"{_SQUAD}/train-v1.1.json": (
            "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955"
        ),
        f"{_SQUAD}/dev-v1.1.json": (
            "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9"
        ),
    },
    "squad2": {
        f"{_SQUAD}/train-v2.0.json": (
            "68dcfbb971bd3e96d5b46c7177b16c1a4e7d4bdef19fb204502738552dede002"
        ),
        f"{_SQUAD}/dev-v2.0.json": (
            "80a5225e94905956a6446d296ca1093975c4d3b3260f1d6c8f68bc2ab77182d8"
        ),
    },
}


def main(arguments: list[str]) -> None:
    flags = _parser().parse_args(arguments)
    if flags.what == "sample":
        output_dir = flags.output_dir or pathlib.Path("data/raw/sample")
        logger.info("%s", write_samples(output_dir, flags.seed))
    elif flags.what == "weights":
        folder = fetch_weights(flags.output_dir or pathlib.Path("data/presets"))
        logger.info("%s: checksums are right", folder)
    else:
        folder = flags.output_dir or pathlib.Path("data/raw")
        for url, sha256 in DATASETS[flags.what].items():
            path = folder / url.rpartition("/")[2]
            download(url, path, sha256)
            logger.info("%s: checksum is right", path)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m preprocessing.fetch",
        description="Brings official data sets and weights, or writes generated samples.",
    )
    what = parser.add_subparsers(dest="what", required=True)
    for name, text in {
        **dict.fromkeys(DATASETS, "the official files (default folder: data/raw)"),
        "sample": "generated reviews and questions (default: data/raw/sample)",
        "weights": "pretrained MiniLM (default: data/presets)",
    }.items():
        source = what.add_parser(name, help=text)
        source.add_argument("--output_dir", type=pathlib.Path, help=text)
        command_line.add_verbose_flag(source)
        if name == "sample":
            source.add_argument(
                "--seed", type=int, default=20240229, help="another seed, other data"
            )
    return parser


if __name__ == "__main__":
    command_line.run(main)
