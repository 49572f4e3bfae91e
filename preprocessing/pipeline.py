"""One data set from its source to published shards and `info.json`."""

import collections
import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator

import apache_beam as beam

from preprocessing import transforms
from preprocessing.beam_run import errors_of_workers, new_pipeline
from preprocessing.dataset_info import (
    INFO_FILE,
    VOCABULARY_FILE,
    DatasetInfo,
    SplitInfo,
    sha256_of_file,
)
from preprocessing.errors import InputError
from preprocessing.progress import watch
from preprocessing.records import Shard
from preprocessing.tokenizer import load_vocabulary

_LISTED_PACKAGES = ("apache-beam", "tensorflow", "tensorflow-text", "bertline")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """Everything that decides what the records are."""

    task: str  # "imdb" or "squad"
    sources: dict[str, str]  # file or folder -> split it is for, "" when it holds several
    vocabulary_path: str
    lowercase: bool
    num_shards: int  # per split
    parameters: dict[str, int | float | str | bool | None]  # flags, for info.json
    read: Callable[[str, str], Iterator[object]]  # (source, split) -> elements
    tokenize: beam.PTransform  # elements -> Record, Rejected


def build_dataset(
    spec: DatasetSpec, output_dir: pathlib.Path, beam_flags: list[str]
) -> DatasetInfo:
    """Runs the pipeline and publishes the data set, replacing an older one in `output_dir`.

    Shards are written to a temporary folder beside the final place and moved when all are done,
    `info.json` last: a job that fails leaves what was there before.

    Raises:
        InputError: a source or the vocabulary cannot be read, Beam does not take its flags,
            `output_dir` cannot be a folder, or no record came out.
    """
    load_vocabulary(spec.vocabulary_path)  # says what is wrong before a worker starts
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--output_dir {output_dir}: cannot make it ({error.strerror})."
        ) from error
    with _work_folder(output_dir) as work:
        shards, rejected = _run(spec, work, beam_flags)
        if not shards:
            raise InputError(
                f"{', '.join(spec.sources)}: no record came out; rejected: {rejected or 'none'}."
            )
        shutil.copyfile(spec.vocabulary_path, work / VOCABULARY_FILE)
        info = _dataset_info(spec, shards, rejected, work)
        info.save(work)
        _publish(work, output_dir)
    return info


@contextlib.contextmanager
def _work_folder(output_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    work = pathlib.Path(tempfile.mkdtemp(prefix=".unfinished-", dir=output_dir))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(
    spec: DatasetSpec, work: pathlib.Path, beam_flags: list[str]
) -> tuple[list[Shard], dict[str, int]]:
    """Runs the pipeline; its two small results come back through files, from any runner."""
    shards_path, rejected_path = work / ".shards.json", work / ".rejected.json"
    with (
        errors_of_workers(),
        watch(f"preprocess {spec.task}", transforms.local_progress),
        new_pipeline(beam_flags) as pipeline,
    ):
        outputs = (
            pipeline
            | "Sources" >> beam.Create(list(spec.sources.items()))
            | "Read" >> transforms.Read(spec.read)
            | "Tokenize" >> spec.tokenize
        )
        _ = (
            outputs.records
            | "WriteShards" >> transforms.WriteShards(work, spec.num_shards)
            | "SaveShards" >> transforms.SaveList(shards_path)
        )
        _ = (
            outputs[transforms.REJECTED]
            | "WriteRejected" >> transforms.WriteRejected(work)
            | "SaveRejected" >> transforms.SaveList(rejected_path)
        )
    shards = [Shard(**fields) for fields in _take_list(shards_path)]
    rejected: collections.Counter[str] = collections.Counter()
    for reason, count in _take_list(rejected_path):
        rejected[reason] += count
    return sorted(shards, key=lambda shard: shard.name), dict(sorted(rejected.items()))


def _take_list(path: pathlib.Path) -> list:
    content = json.loads(path.read_text())
    path.unlink()
    return content


def _dataset_info(
    spec: DatasetSpec, shards: list[Shard], rejected: dict[str, int], work: pathlib.Path
) -> DatasetInfo:
    digest = hashlib.sha256("".join(shard.name + shard.sha256 for shard in shards).encode())
    return DatasetInfo(
        task=spec.task,
        splits={
            split: _split_info([shard for shard in shards if shard.split == split])
            for split in sorted({shard.split for shard in shards})
        },
        rejected=rejected,
        parameters={**spec.parameters, "num_shards": spec.num_shards},
        vocabulary_sha256=sha256_of_file(work / VOCABULARY_FILE),
        lowercase=spec.lowercase,
        sources={source: sha256_of_source(source) for source in spec.sources},
        digest=digest.hexdigest(),
        versions={name: importlib.metadata.version(name) for name in _LISTED_PACKAGES},
        has_unanswerable=any(shard.unanswerable for shard in shards),
    )


def _split_info(shards: list[Shard]) -> SplitInfo:
    lengths = sum((collections.Counter(shard.lengths) for shard in shards), collections.Counter())
    return SplitInfo(
        records=sum(shard.records for shard in shards),
        examples=sum(shard.examples for shard in shards),
        tokens=sum(shard.tokens for shard in shards),
        shards=[shard.name for shard in shards],
        length_histogram={
            length: lengths[length] for length in sorted(lengths, key=lambda text: int(text))
        },
    )


def sha256_of_source(source: str) -> str:
    """SHA-256 of a file; of a folder, over the relative names and contents of its files."""
    path = pathlib.Path(source)
    if path.is_file():
        return sha256_of_file(path)
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()} {sha256_of_file(file)}\n".encode())
    return digest.hexdigest()


def _publish(work: pathlib.Path, output_dir: pathlib.Path) -> None:
    """Moves the finished files into place, `info.json` last, and takes an older set away."""
    (output_dir / INFO_FILE).unlink(missing_ok=True)
    for pattern in ("*.tfrecord", "rejected-*.jsonl"):
        for old in output_dir.glob(pattern):
            old.unlink()
    for file in sorted(work.iterdir(), key=lambda file: (file.name == INFO_FILE, file.name)):
        os.replace(file, output_dir / file.name)
