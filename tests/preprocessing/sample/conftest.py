"""The samples as a user gets them, written once."""

import dataclasses
import json
import pathlib
from typing import Any

import pytest

from preprocessing.sample.write import SampleSummary, write_samples

QUESTION_FILES = (
    "squad-v1.1-train.json",
    "squad-v1.1-dev.json",
    "squad-v2.0-train.json",
    "squad-v2.0-dev.json",
)


@dataclasses.dataclass(frozen=True)
class Samples:
    folder: pathlib.Path
    summary: SampleSummary

    def reviews(self, split: str, label: str = "*") -> list[str]:
        paths = sorted(self.folder.glob(f"aclImdb/{split}/{label}/*.txt"))
        return [path.read_bytes().decode("utf-8") for path in paths]

    def articles(self, file: str) -> list[dict[str, Any]]:
        return json.loads((self.folder / file).read_bytes())["data"]

    def paragraphs(self, file: str) -> list[dict[str, Any]]:
        return [p for article in self.articles(file) for p in article["paragraphs"]]

    def questions(self, file: str) -> list[tuple[str, dict[str, Any]]]:
        """(context, entry of "qas") of every question."""
        return [(p["context"], entry) for p in self.paragraphs(file) for entry in p["qas"]]


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("samples") / "sample"
    return Samples(folder, write_samples(folder))
