"""One data set from its sources to published shards and `info.json`."""

import collections
import dataclasses
import hashlib
import importlib.metadata
import pickle
import threading
from collections.abc import Callable, Iterable

import apache_beam as beam
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor

from preprocessing import beam_runners, files, progress_files, statistics, storage, transforms
from preprocessing.beam_run import BeamJob
from preprocessing.blocks import Sized
from preprocessing.conversion import Converter, TokenizerSpec
from preprocessing.dataset_info import DatasetInfo, SplitInfo
from preprocessing.errors import InputError
from preprocessing.files import sha256_of
from preprocessing.progress import watch
from preprocessing.publish import publish, work_folder
from preprocessing.transforms import Output, Source
from preprocessing.vocabulary import load_vocabulary

_LISTED_PACKAGES = ("apache-beam", "tensorflow", "tensorflow-text", "bertline")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """Everything that decides what the records are."""

    task: str  # "imdb" or "squad"
    sources: list[Source]
    vocabulary_path: str
    lowercase: bool
    num_shards: int  # per split
    max_rejected_fraction: float  # of the source records
    parameters: dict[str, int | float | str | bool | None]  # flags, for info.json
    labels: list[str]  # of the task imdb: names of 0, 1, …
    read: Callable[[str, str], Iterable[Sized]]  # (path, split) -> elements
    converter: Converter


def build_dataset(spec: DatasetSpec, output_dir: str, job: BeamJob) -> DatasetInfo:
    """Runs the pipeline and publishes the data set, replacing an older one in `output_dir`.

    A job that fails or is killed leaves what was there before.

    Raises:
        InputError: a source or the vocabulary cannot be read, `output_dir` cannot be written to or
            another job is writing to it, no record came out, or more were rejected than `spec`
            allows.
    """
    vocabulary = load_vocabulary(spec.vocabulary_path)
    with work_folder(output_dir) as work:
        checksums = Checksums([source.path for source in spec.sources])
        checksums.start()
        outputs = _run(spec, TokenizerSpec(tuple(vocabulary), spec.lowercase), work, job)
        info = _dataset_info(spec, outputs, checksums.result())
        _check(spec, info, outputs)
        _copy(spec.vocabulary_path, storage.join(work, info.vocabulary_file))
        publish(info, work, output_dir)
    return info


def describe(spec: DatasetSpec, output_dir: str, job: BeamJob) -> list[str]:
    """What a job would do, without doing it: the flags are checked, by the runner too.

    Raises:
        InputError: the vocabulary cannot be read, or Beam refuses its flags.
    """
    vocabulary = load_vocabulary(spec.vocabulary_path)
    pipeline = job.new_pipeline()
    tokenizer = TokenizerSpec(tuple(vocabulary), spec.lowercase)
    build_pipeline(spec, tokenizer, output_dir, pipeline, job.processes)
    steps = _Steps()
    pipeline.visit(steps)
    return [
        *(f"source: {source.path} ({source.split or 'its own splits'})" for source in spec.sources),
        f"vocabulary: {spec.vocabulary_path}, {len(vocabulary)} tokens",
        *(f"parameter: {name} {value}" for name, value in spec.parameters.items()),
        f"runner: {job.name}",
        *(f"step: {label}" for label in steps.labels),
        f"output: {output_dir}, {spec.num_shards} shards a split",
    ]


class _Steps(PipelineVisitor):
    """The steps that hold the others."""

    def __init__(self) -> None:
        self.labels: list[str] = []

    def enter_composite_transform(self, transform_node: AppliedPTransform) -> None:
        if transform_node.full_label.count("/") == 0 and transform_node.full_label:
            self.labels.append(transform_node.full_label)


def build_pipeline(
    spec: DatasetSpec,
    tokenizer: TokenizerSpec,
    work: str,
    pipeline: beam.Pipeline,
    processes: int = 0,
) -> None:
    """Adds the steps to a pipeline; the last one writes `outputs` to the work folder.

    Worker processes on this machine share the sources among themselves.
    """
    shared = processes > 1 and storage.is_local(work)
    sources: list[tuple[Source, ...]] = [(source,) for source in spec.sources]
    sources += [()] * (-len(sources) % beam_runners.parts(pipeline.options))
    _ = (
        pipeline
        | "Sources" >> beam.Create([tuple(spec.sources)] * processes if shared else sources)
        | "WriteBlocks" >> transforms.WriteBlocks(spec.read, tokenizer, work, shared)
        | "Tokenize" >> transforms.Tokenize(spec.converter, tokenizer, spec.num_shards, work)
        | "WriteFiles" >> transforms.WriteFiles(work, spec.num_shards)
        | "SaveOutputs" >> transforms.SaveOutputs(storage.join(work, "outputs"))
    )


def _run(spec: DatasetSpec, tokenizer: TokenizerSpec, work: str, job: BeamJob) -> list[Output]:
    def progress() -> tuple[int, int | None]:
        found = progress_files.total(work, "read")
        done = progress_files.total(work, "tokenized")
        read = progress_files.total(work, "sources")
        return (done, found) if read == len(spec.sources) else (found, None)

    with watch(f"preprocess {spec.task}", progress), job.pipeline() as pipeline:
        build_pipeline(spec, tokenizer, work, pipeline, job.processes)
    if "outputs" not in storage.list_names(work):
        return []  # the sources were empty
    with files.open_file(storage.join(work, "outputs")) as file:
        return pickle.load(file)


class Checksums(threading.Thread):
    """Reads the sources for their SHA-256 meanwhile; a job that fails does not wait for it."""

    def __init__(self, paths: list[str]):
        super().__init__(daemon=True)
        self._paths = paths
        self._found: dict[str, str] = {}
        self._error: InputError | None = None

    def run(self) -> None:
        try:
            self._found = {path: sha256_of(path) for path in self._paths}
        except InputError as error:
            self._error = error

    def result(self) -> dict[str, str]:
        """Source -> SHA-256.

        Raises:
            InputError: one cannot be read.
        """
        self.join()
        if self._error:
            raise self._error
        return self._found


def _copy(source: str, target: str) -> None:
    with files.open_file(source) as original, storage.create(target) as copy:
        copy.write(original.read())


def _dataset_info(
    spec: DatasetSpec, outputs: list[Output], checksums: dict[str, str]
) -> DatasetInfo:
    outputs = sorted(outputs, key=lambda output: output.group)
    kinds = collections.defaultdict(list)
    for output in outputs:
        kinds[output.group[0]].append(output)
    counts = statistics.Counts()
    for output in kinds[transforms.COUNTS]:
        counts.merge(output.counts)
    shards = kinds[transforms.RECORDS]
    digest = hashlib.sha256("".join(f"{s.group[1:]}{s.sha256}" for s in shards).encode())
    vocabulary_sha256 = sha256_of(spec.vocabulary_path)
    return DatasetInfo(
        task=spec.task,
        splits={
            split: _split_info(counts.splits[split], [s for s in shards if s.group[1] == split])
            for split in sorted(counts.splits)
        },
        rejected=dict(sorted(counts.rejected.items())),
        parameters={**spec.parameters, "num_shards": spec.num_shards},
        vocabulary_file=f"vocab-{vocabulary_sha256[:8]}.txt",
        vocabulary_sha256=vocabulary_sha256,
        lowercase=spec.lowercase,
        sources=checksums,
        digest=digest.hexdigest(),
        versions={name: importlib.metadata.version(name) for name in _LISTED_PACKAGES},
        has_unanswerable=any("unanswerable" in split.labels for split in counts.splits.values()),
        read=counts.read,
        rejected_files=[_name(output) for output in kinds[transforms.REJECTED]],
        labels=spec.labels,
        duplicates=_duplicates(kinds[transforms.FINGERPRINTS]),
    )


def _split_info(counts: statistics.SplitCounts, shards: list[Output]) -> SplitInfo:
    return SplitInfo(
        records=counts.records,
        examples=counts.examples,
        tokens=counts.tokens,
        shards=[_name(shard) for shard in shards],
        length_histogram={str(length): counts.lengths[length] for length in sorted(counts.lengths)},
        labels=dict(sorted(counts.labels.items())),
    )


def _name(output: Output) -> str:
    return output.path.rpartition("/")[2]


def _duplicates(outputs: list[Output]) -> dict[str, object]:
    by_kind: dict[str, statistics.Duplicates] = {}
    for output in outputs:
        by_kind.setdefault(output.group[1], statistics.Duplicates()).merge(output.duplicates)
    return {kind: dataclasses.asdict(found) for kind, found in by_kind.items()}


def _check(spec: DatasetSpec, info: DatasetInfo, outputs: list[Output]) -> None:
    paths = ", ".join(source.path for source in spec.sources)
    rejected = ", ".join(f"{count} {reason}" for reason, count in info.rejected.items())
    share = sum(info.rejected.values()) / info.read if info.read else 0.0
    if not info.splits:
        raise InputError(f"{paths}: no record came out; rejected: {rejected or 'none'}.")
    if share > spec.max_rejected_fraction:
        raise InputError(
            f"{paths}: {share:.1%} of {info.read} are rejected ({rejected}; e.g. "
            f"{_first_rejected(outputs)}), expected at most --max_rejected_fraction "
            f"{spec.max_rejected_fraction}. Nothing was published."
        )
    written = sum(output.entries for output in outputs if output.group[0] == transforms.RECORDS)
    assert written == sum(split.records for split in info.splits.values())  # nothing was lost
    examples = sum(split.examples for split in info.splits.values())
    assert info.read == examples + sum(info.rejected.values())


def _first_rejected(outputs: list[Output]) -> str:
    path = min(output.path for output in outputs if output.group[0] == transforms.REJECTED)
    with files.open_file(path) as file:
        return file.readline().decode().strip()
