"""model_card.md: what a model is, from the facts of the run that made it."""

import dataclasses
import importlib.metadata
import os
import pathlib
import platform
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from preprocessing import dataset_report
from preprocessing.dataset_info import DatasetInfo, SplitInfo
from preprocessing.lengths import quantile
from trainer.config import TrainConfig
from trainer.hardware import Hardware
from trainer.markdown import bullets, code_block, escaped, facts, table
from trainer.measures import Lines, epoch_measures
from trainer.presets import FETCHED
from trainer.report import clock
from trainer.run_files import MODEL_CARD_FILE, write_whole

MODEL_DIRS = {"imdb": "models/sentiment", "squad": "models/qa"}
MOST_SOURCES = 20
MOST_LABELS = 50
_PACKAGES = ("bertline", "tensorflow", "keras", "keras-nlp", "numpy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """The facts of a run that has ended.

    Attributes:
        config: of the run.
        info: of its data set.
        architecture: of the encoder, as `presets.architecture_of` gives it.
        parameters: of the model.
        trainable_parameters: those that were trained.
        strategy: its name and how many replicas it has.
        hardware: of the chief, in the process that ended the run.
        lines: of history.jsonl, at least one.
        best_metric: the field of a line by which epochs are compared.
        best_epoch: by it.
        weights_epoch: whose weights the run ends with.
    """

    config: TrainConfig
    info: DatasetInfo
    architecture: Mapping[str, Any]
    parameters: int
    trainable_parameters: int
    strategy: str
    hardware: Hardware
    lines: Lines
    best_metric: str
    best_epoch: int
    weights_epoch: int


def write_model_card(run_dir: pathlib.Path, model: TrainedModel) -> None:
    """Writes model_card.md, whole or not at all."""
    write_whole(run_dir / MODEL_CARD_FILE, model_card(model))


def model_card(model: TrainedModel) -> str:
    """The card, in Markdown."""
    sections = {
        "Data": _data,
        "Model": _model,
        "Recipe": _recipe,
        "Results": _results,
        "Training": _training,
        "Versions": _versions,
        "Intended use": _use,
        "Limits": _limits,
        "Export and serve": _serving,
    }
    parts = list(_head(model))
    for title, section in sections.items():
        parts += [f"## {title}", *section(model)]
    return "\n\n".join(parts) + "\n"


def duration(lines: Lines) -> str:
    """The time of training and evaluation, of all processes of the run."""
    return clock(sum(line["seconds"] + line.get("evaluation_seconds", 0.0) for line in lines))


def peak_memory(lines: Lines) -> str:
    """The most resident memory of a process of the run."""
    return f"{max(line['peak_memory_mib'] for line in lines):,.0f} MiB"


def export_command(run_dir: str | os.PathLike[str], task: str) -> list[str]:
    """The command that makes a run servable."""
    flags = ["--run_dir", os.fspath(run_dir), "--model_dir", MODEL_DIRS[task]]
    return ["python", "-m", "serving.export", *flags]


def _head(model: TrainedModel) -> Iterator[str]:
    name = pathlib.Path(model.config.output_dir).resolve().name
    yield f"# {escaped(name)}: {'text classifier' if _is_imdb(model) else 'question answering'}"
    what = (
        "tells which label a text has" if _is_imdb(model) else "finds a question's answer in a text"
    )
    preset = model.config.preset
    begin = "random weights" if preset is None else f"the preset {preset}"
    yield escaped(f"A BERT that {what}, fine-tuned from {begin} by Bertline.")


def _is_imdb(model: TrainedModel) -> bool:
    return model.config.task == "imdb"


def _data(model: TrainedModel) -> Iterator[str]:
    info = model.info
    rejected = sum(info.rejected.values())
    yield facts(
        {
            "task": info.task,
            "digest": info.digest,
            "source records": f"{info.read:,} read, {rejected:,} of them rejected",
            **{f"made with {name}": value for name, value in info.parameters.items()},
        }
    )
    splits = dataset_report.ordered_splits(info)
    header = ("split", "examples", "records", "tokens", "mean", "median", "longest")
    yield table(header, [_split_row(name, split) for name, split in splits.items()])
    yield "Lengths are in tokens; median and longest are the upper ends of bins of 32."
    labels = list(_labels_rows(splits))
    if labels:
        yield table(("label", *map(escaped, splits)), labels[:MOST_LABELS])
        yield from _more(labels, MOST_LABELS, "labels")
    sources = [f"{path} (SHA-256 {sha256})" for path, sha256 in info.sources.items()]
    if sources:
        yield "Sources:"
        yield bullets(sources[:MOST_SOURCES])
        yield from _more(sources, MOST_SOURCES, "sources")


def _split_row(name: str, split: SplitInfo) -> tuple[str, ...]:
    counts = (split.examples, split.records, split.tokens)
    ends = ["", ""]
    if split.length_histogram:
        ends = [f"{quantile(split.length_histogram, share)}" for share in (0.5, 1.0)]
    mean = f"{split.tokens / split.records:.1f}"
    return (escaped(name), *(f"{count:,}" for count in counts), mean, *ends)


def _labels_rows(splits: Mapping[str, SplitInfo]) -> Iterator[tuple[str, ...]]:
    for label in {label: None for split in splits.values() for label in split.labels}:
        counts = (f"{split.labels.get(label, 0):,}" for split in splits.values())
        yield (escaped(label), *counts)


def _more(values: list[Any], most: int, what: str) -> Iterator[str]:
    if len(values) > most:
        yield f"And {len(values) - most:,} more {what}."


def _model(model: TrainedModel) -> Iterator[str]:
    yield facts(
        {
            "preset": model.config.preset,
            **{name.replace("_", " "): value for name, value in model.architecture.items()},
            "parameters": f"{model.parameters:,}, of which {model.trainable_parameters:,} trained",
            "vocabulary": f"{'uncased' if model.info.lowercase else 'cased'} WordPiece, SHA-256 "
            f"{model.info.vocabulary_sha256}",
        }
    )


def _recipe(model: TrainedModel) -> Iterator[str]:
    yield "AdamW with linear warm-up and decay. Every flag of `python -m trainer`:"
    yield facts(dataclasses.asdict(model.config))


def _results(model: TrainedModel) -> Iterator[str]:
    names = list(epoch_measures(model.lines[-1]))
    header = ("epoch", *(escaped(name.replace("_", " ")) for name in names))
    rows = [(str(line["epoch"]), *(f"{line[name]:.4f}" for name in names)) for line in model.lines]
    yield table(header, rows)
    value = model.lines[model.best_epoch - 1][model.best_metric]
    yield escaped(
        f"By {model.best_metric} the best epoch is {model.best_epoch}, with {value:.4f}; the "
        f"weights are those of epoch {model.weights_epoch}. Figures of training are taken with "
        "dropout while the weights change."
    )


def _training(model: TrainedModel) -> Iterator[str]:
    lines, machine = model.lines, model.hardware
    seconds = sum(line["seconds"] for line in lines)
    values = {
        "CPU": f"{machine.cpu}, {machine.cores} cores",
        "GPUs": ", ".join(machine.gpus) or None,
        "memory": f"{machine.memory_mib:,} MiB",
        "strategy": model.strategy,
        "precision": model.config.precision,
        "duration": f"{duration(lines)} with evaluation",
    }
    for unit in ("examples", "tokens"):
        done = sum(line[f"{unit}_per_second"] * line["seconds"] for line in lines)
        values[f"{unit}/s"] = f"{done / seconds:,.1f}"
    values["padding"] = f"{max(line['padding_share'] for line in lines):.1%} of an epoch's tokens"
    values["peak memory"] = peak_memory(lines)
    gpu_peaks = [line["peak_gpu_memory_mib"] for line in lines if "peak_gpu_memory_mib" in line]
    if gpu_peaks:
        values["peak memory of a GPU"] = f"{max(gpu_peaks):,.0f} MiB"
    yield facts(values)


def _versions(model: TrainedModel) -> Iterator[str]:
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    yield facts({"python": platform.python_version(), **versions})


def _use(model: TrainedModel) -> Iterator[str]:
    if _is_imdb(model):
        names = ", ".join(model.info.labels[:MOST_LABELS]) or "negative, positive"
        yield escaped(f"To tell which label a text has, of: {names}.")
    else:
        yield "To find the answer to a question in a text that comes with it, as a slice of it."
    yield "It is made for texts like those of its data, in their language; others were not tried."


def _limits(model: TrainedModel) -> Iterator[str]:
    yield bullets([*_limits_of_data(model), *_limits_of_length(model), *_limits_of_training(model)])


def _limits_of_data(model: TrainedModel) -> Iterator[str]:
    info = model.info
    if info.lowercase:
        yield "Upper and lower case are the same to it, and so are letters with and without accent."
    yield from dataset_report.warnings(info, pathlib.Path(model.config.data_dir))
    if not _is_imdb(model) and not info.has_unanswerable:
        yield "It always gives an answer: its data has no question without one."
    if not _is_imdb(model) and info.has_unanswerable:
        yield "It may say that there is no answer, by a threshold that the export is given."


def _limits_of_length(model: TrainedModel) -> Iterator[str]:
    parameters = model.info.parameters
    if _is_imdb(model):
        yield f"Of a text it reads the first {parameters.get('max_seq_length')} tokens."
    else:
        yield (
            f"It reads a text in windows of {parameters.get('max_seq_length')} tokens with the "
            f"question, {parameters.get('doc_stride')} tokens apart, and the first "
            f"{parameters.get('max_query_length')} tokens of a question."
        )


def _limits_of_training(model: TrainedModel) -> Iterator[str]:
    preset = model.config.preset
    if preset is None:
        yield "It began with random weights: it knows no more of language than this data shows."
    else:
        english = ", which has read English" if preset == FETCHED else ""
        yield f"It began as the preset {preset}{english}: its limits and its licence hold here too."
    if "validation" not in model.info.splits:
        yield "There was no validation split: how it does on other texts is not known."
    yield f"The figures are of one run, with seed {model.config.seed}; others differ a little."


def _serving(model: TrainedModel) -> Iterator[str]:
    config, place = model.config, MODEL_DIRS[model.config.task]
    name = pathlib.PurePath(place).name
    ask = ["sentiment", "A text."] if _is_imdb(model) else ["qa", "--question", "Who?"]
    ask += [] if _is_imdb(model) else ["--context", "A text."]
    yield code_block(
        [
            shlex.join(export_command(config.output_dir, config.task)),
            f'python -m serving.server --model_name={name} --model_base_path="$PWD/{place}" \\',
            "  --port=8500 --rest_api_port=8501",
            shlex.join(["python", "-m", "serving.client", *ask]),
        ]
    )
