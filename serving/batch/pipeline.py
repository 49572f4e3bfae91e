"""Predictions of a version from the sources to published shards and `info.json`."""

import collections
import dataclasses
import functools
import hashlib
import importlib.metadata
import itertools
import json
import pickle
from collections.abc import Callable, Iterable, Mapping

import apache_beam as beam

from preprocessing import beam_runners, files, progress_files, storage, transforms
from preprocessing.beam_run import BeamJob
from preprocessing.blocks import Sized
from preprocessing.errors import InputError
from preprocessing.pipeline import Checksums
from preprocessing.progress import watch
from preprocessing.publish import publish, work_folder
from preprocessing.transforms import Output, Source
from preprocessing.workers import fork_server
from serving.batch import steps
from serving.batch.handler import VersionHandler
from serving.batch.info import PredictionsInfo, check_folder
from serving.batch.version import ServedVersion

# Characters of text: some 400 reviews. Enough to sort by length, few enough for several workers.
BLOCK_SIZE = 1 << 19
_SHOWN = 5  # rejected rows, where there are too many
_LISTED_PACKAGES = ("apache-beam", "tensorflow", "tensorflow-text", "bertline")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictionSpec:
    """Everything that decides what the lines are."""

    version: ServedVersion
    paths: list[str]  # of the sources
    read: Callable[[str, str], Iterable[Sized]]  # (path, "") -> rows, rejected ones among them
    n_best: int  # 0: only the served answer
    batch_size: int  # rows in one call of the model
    num_shards: int
    max_rejected_fraction: float  # of the source records


def predict(spec: PredictionSpec, output_dir: str, job: BeamJob) -> PredictionsInfo:
    """Runs the pipeline and publishes the predictions, replacing older ones in `output_dir`.

    A job that fails or is killed leaves what was there before.

    Raises:
        InputError: a source or the model cannot be read, `output_dir` holds something else or
            another job is writing to it, there is no row, or more were rejected than `spec` allows.
    """
    check_folder(output_dir)
    with work_folder(output_dir) as work:
        checksums = Checksums(spec.paths)
        checksums.start()
        outputs, counts = _run(spec, work, job)
        outputs += _empty_shards(spec, outputs, work)
        info = _info(spec, outputs, counts, checksums.result())
        _check(spec, info, work)
        publish(info, work, output_dir)
    return info


def describe(spec: PredictionSpec, output_dir: str, job: BeamJob) -> list[str]:
    """What a job would do, without doing it: the flags are checked, by the runner too.

    Raises:
        InputError: Beam refuses its flags, or `output_dir` holds something else.
    """
    check_folder(output_dir)
    build_pipeline(spec, output_dir, job.new_pipeline(), job.processes)
    return [
        *(f"source: {path}" for path in spec.paths),
        f"model: {spec.version.path}, task {spec.version.task}",
        f"runner: {job.name}",
        f"output: {output_dir}, {spec.num_shards} shards",
    ]


def build_pipeline(
    spec: PredictionSpec, work: str, pipeline: beam.Pipeline, processes: int = 0
) -> None:
    """Adds the steps to a pipeline; the last one writes `outputs` to the work folder.

    Worker processes on this machine share the sources, and its cores, among themselves.
    """
    shared = processes > 1 and storage.is_local(work)
    sources = [Source(path, "") for path in spec.paths]
    given: list[tuple[Source, ...]] = [(source,) for source in sources]
    given += [()] * (-len(given) % beam_runners.parts(pipeline.options))
    signatures = ("serving_default", "nbest") if spec.n_best else ("serving_default",)
    handler = VersionHandler(
        spec.version.path,
        spec.version.task,
        signatures,
        spec.batch_size,
        max(1, fork_server.cpu_count() // processes) if processes > 1 else 0,
        functools.partial(progress_files.add, work, "predicted"),
    )
    _ = (
        pipeline
        | "Sources" >> beam.Create([tuple(sources)] * processes if shared else given)
        | "WriteBlocks" >> transforms.WriteBlocks(spec.read, None, work, shared, BLOCK_SIZE)
        | "Predict" >> steps.Predict(handler, spec.n_best, spec.num_shards, work)
        | "WriteFiles" >> steps.WriteFiles(work, spec.num_shards)
        | "SaveOutputs" >> transforms.SaveOutputs(storage.join(work, "outputs"))
    )


def _run(
    spec: PredictionSpec, work: str, job: BeamJob
) -> tuple[list[Output], collections.Counter[str]]:
    def progress() -> tuple[int, int | None]:
        found = progress_files.total(work, "read")
        done = progress_files.total(work, "predicted")
        read = progress_files.total(work, "sources")
        return (done, found) if read == len(spec.paths) else (done or found, None)

    with watch("predict", progress), job.pipeline() as pipeline:
        build_pipeline(spec, work, pipeline, job.processes)
    counts: collections.Counter[str] = collections.Counter()
    if "outputs" not in storage.list_names(work):
        return [], counts  # the sources were empty
    with files.open_file(storage.join(work, "outputs")) as file:
        pairs = pickle.load(file)
    for _, some in pairs:
        counts.update(some or {})
    return [output for output, some in pairs if some is None], counts


def _empty_shards(spec: PredictionSpec, outputs: list[Output], work: str) -> list[Output]:
    """Those that got no row: of files "of 4" there are four, so that none seems to be lost."""
    filled = {output.group for output in outputs}
    return [
        steps.write_shard(number, (), work, spec.num_shards)
        for number in range(spec.num_shards)
        if (steps.PREDICTIONS, "", number) not in filled
    ]


def _info(
    spec: PredictionSpec,
    outputs: list[Output],
    counts: collections.Counter[str],
    sources: dict[str, str],
) -> PredictionsInfo:
    outputs = sorted(outputs, key=lambda output: output.group)
    shards = [output for output in outputs if output.group[0] == steps.PREDICTIONS]
    digest = hashlib.sha256("".join(f"{s.group[1:]}{s.sha256}" for s in shards).encode())
    return PredictionsInfo(
        task=spec.version.task,
        model=spec.version.describe(),
        parameters={
            "nbest": spec.n_best, "batch_size": spec.batch_size, "num_shards": spec.num_shards,
        },
        read=sum(counts.values()),
        predicted=sum(shard.entries for shard in shards),
        rejected={reason: counts[reason] for reason in sorted(counts) if reason},
        sources=sources,
        shards=[files.name_of(shard.path) for shard in shards],
        rejected_files=[
            files.name_of(output.path) for output in outputs if output.group[0] == steps.REJECTED
        ],
        digest=digest.hexdigest(),
        versions={name: importlib.metadata.version(name) for name in _LISTED_PACKAGES},
    )  # fmt: skip


def _check(spec: PredictionSpec, info: PredictionsInfo, work: str) -> None:
    paths = ", ".join(spec.paths[:3])
    if not info.read:
        raise InputError(f"{paths}: nothing to predict in it.")
    rejected = sum(info.rejected.values())
    assert info.read == info.predicted + rejected  # nothing was lost
    if rejected / info.read > spec.max_rejected_fraction:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in info.rejected.items())
        raise InputError(
            f"{paths}: {rejected / info.read:.1%} of {info.read:,} are rejected ({reasons}), "
            f"expected at most --max_rejected_fraction {spec.max_rejected_fraction}; e.g. "
            f"{'; '.join(_examples(work, info.rejected_files))}. Nothing was published. Mend them; "
            f"with --max_rejected_fraction 1 all are listed in {steps.REJECTED_FILE}-….jsonl."
        )


def _examples(work: str, names: list[str]) -> list[str]:
    """The first rejected rows of each reason, `_SHOWN` in all, each by its place and reason."""
    rows: dict[str, list[str]] = {}
    for name in names:
        with files.open_file(storage.join(work, name)) as file:
            for line in file:
                entry = json.loads(line)
                seen = rows.setdefault(entry["reason"], [])
                if len(seen) < _SHOWN:
                    seen.append(_described(entry))
    # The first of each reason, then the second, …
    by_turns = itertools.zip_longest(*rows.values())
    return [row for turn in by_turns for row in turn if row is not None][:_SHOWN]


def _described(entry: Mapping[str, str]) -> str:
    message = f": {entry['message'][:200]}" if "message" in entry else ""
    return f"{entry['source']} id {entry['id']!r} {entry['reason']}{message}"
