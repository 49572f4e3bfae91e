"""A finished run to a published model version: `python -m serving.export`."""

import argparse
import dataclasses
import logging
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any

from preprocessing import command_line, rejected_fraction
from preprocessing.dataset_info import sha256_of_file
from preprocessing.errors import InputError
from preprocessing.sources.labelled_text import Columns
from serving import gate, op_versions, provenance
from serving.baseline import baseline_of
from serving.evaluation.metric_names import metric_names, share_names
from serving.export_check import TOLERANCES, check_answers, check_process
from serving.figures import evaluate, evaluate_in_float32, pass_gate
from serving.labelled_input import labelled_input, read_asked
from serving.model_dir import publish, unpublished_version
from serving.model_forms import ModelForms
from serving.null_threshold import choose_threshold
from serving.same_kind import check_same_kind
from serving.saved_graph import check_graph
from serving.warmup_requests import write_warm_up
from trainer.run_files import final_line

logger = logging.getLogger(__name__)

EXIT_NOT_GOOD_ENOUGH = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What is asked of an export besides the run; the fields are the command's flags."""

    null_score_diff_threshold: float | None = None
    dtype: str = "float32"
    serving_version: str = op_versions.OLDEST_SERVER
    evaluation_input: str | None = None
    columns: Columns = dataclasses.field(default_factory=Columns)  # of a file of rows
    max_rejected_fraction: float = rejected_fraction.DEFAULT  # of the evaluation's input
    require: Sequence[str] = ()
    baseline: int | None = None
    config: pathlib.Path | None = None  # with the labels
    name: str | None = None  # of the model there
    allow_other_kind: bool = False  # than the versions that are there

    def __post_init__(self) -> None:
        if not 0.0 <= self.max_rejected_fraction <= 1.0:
            raise InputError(
                f"--max_rejected_fraction is {self.max_rejected_fraction}, expected a share in "
                "[0, 1]."
            )
        if self.require and self.evaluation_input is None:
            raise InputError(
                f"--require {self.require[0]!r} is a condition on figures, but there is no "
                "--evaluation_input to measure them on. Give one: labelled texts, or a SQuAD file."
            )
        if self.baseline is not None and not self.require:
            raise InputError(
                f"--baseline is {self.baseline}, but there is no --require to compare by. Leave "
                f"it out, or give a condition such as {gate.EXAMPLES}."
            )


def main(arguments: list[str]) -> None:
    flags = vars(_parser().parse_args(arguments))
    run_dir, model_dir = flags.pop("run_dir"), flags.pop("model_dir")
    del flags["verbose"]
    flags["columns"] = Columns(
        text_column=flags.pop("text_column"),
        label_column=flags.pop("label_column"),
        id_column=flags.pop("id_column"),
        quotes=not flags.pop("no_quotes"),
    )
    options = ExportOptions(**flags)
    start = time.monotonic()
    try:
        version = export(run_dir, model_dir, options)
    except gate.GateFailed as failed:
        print(f"{failed}\nnot published: it fails --require", file=sys.stderr)
        sys.exit(EXIT_NOT_GOOD_ENOUGH)
    logger.info("%s: checked and published, %.1f s", version, time.monotonic() - start)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.ArgumentParser(
        prog="python -m serving.export",
        description="Writes a run as the next version of a model, after it has answered in a "
        "process of its own as it does in the trainer. Exit status 1: it fails --require.",
    )
    parser.add_argument("--run_dir", required=True, type=pathlib.Path, help="of the trainer")
    parser.add_argument("--model_dir", required=True, type=pathlib.Path, help="models/sentiment")
    parser.add_argument(
        "--null_score_diff_threshold",
        type=float,
        help="SQuAD v2.0: no answer when the null score is higher than the best span's by more "
        "than this (default: the best one of the validation split, or 0 without a split)",
    )
    parser.add_argument(
        "--dtype", choices=sorted(TOLERANCES), default="float32",
        help="of the served arithmetic (default float32; bfloat16 is faster where the processor "
        "has it, and a little less accurate: see --evaluation_input)",
    )  # fmt: skip
    parser.add_argument(
        "--serving_version", choices=op_versions.SERVERS, default=op_versions.OLDEST_SERVER,
        help="the oldest TF Serving that must load it (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--evaluation_input",
        help="labelled data, as `python -m serving.evaluate` reads it: all of it is asked of the "
        "export and of the trainer's model, and the figures are written to provenance.json",
    )
    rejected_fraction.add_flag(parser, "it that cannot be asked above which the export fails")
    parser.add_argument("--text_column", default="text", help="of rows, as in preprocessing")
    parser.add_argument("--label_column", default="label", help="the same")
    parser.add_argument("--id_column", help="the same; without it an id is <file>:<line>")
    parser.add_argument("--no_quotes", action="store_true", help="quotes are plain characters")
    parser.add_argument(
        "--require", action="append", default=[], metavar="CONDITION",
        help=f"publish only if the figures on --evaluation_input are so: {gate.EXAMPLES}; may be "
        "given several times",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", type=int, metavar="VERSION",
        help="the version that --require compares with (default: the one labelled "
        "stable, or else the newest)",
    )  # fmt: skip
    parser.add_argument(
        "--allow_other_kind", action="store_true",
        help="publish though the model's stable or newest version has another task, other labels "
        "or other signatures",
    )  # fmt: skip
    parser.add_argument(
        "--config", type=pathlib.Path,
        help="TF Serving's model config with the labels (default: models.config beside the folder)",
    )  # fmt: skip
    parser.add_argument("--name", help="of the model there (default: the folder's)")
    command_line.add_verbose_flag(parser)
    return parser


def export_run(
    run_dir: pathlib.Path, model_dir: pathlib.Path, null_score_diff_threshold: float | None = None
) -> pathlib.Path:
    """`export` with the defaults of everything but the threshold."""
    options = ExportOptions(null_score_diff_threshold=null_score_diff_threshold)
    return export(run_dir, model_dir, options)


def export(run_dir: pathlib.Path, model_dir: pathlib.Path, options: ExportOptions) -> pathlib.Path:
    """Publishes a run as the next version of a model.

    Returns:
        The version's folder.

    Raises:
        InputError: the run is not finished, its vocabulary is another than it was trained with,
            the label `stable` points at nothing, the model is of another kind, or the export does
            not answer as the trainer's model does, or not everywhere.
        GateFailed: its figures are not as required.
    """
    conditions = [gate.parse(text) for text in options.require]
    baseline = baseline_of(model_dir, options.baseline, options.config, options.name)
    source = options.evaluation_input
    most = options.max_rejected_fraction
    labelled = labelled_input(source, options.columns, most) if source else None
    with check_process() as process:
        forms, content = load(run_dir, options)
        label_names = forms.run.config["labels"]
        if baseline and not options.allow_other_kind:
            check_same_kind(baseline, forms.task, label_names)
        asked = read_asked(labelled, forms.task, label_names) if labelled else None
        is_v2 = asked is not None and asked.is_v2
        gate.check_metrics(conditions, metric_names(forms.task, len(label_names), is_v2))
        gate.check_offsets(conditions, share_names(forms.task, len(label_names)))
        with unpublished_version(model_dir) as folder:
            logger.info("writing the graph of %s in %s", run_dir, options.dtype)
            forms.save(folder)
            labels = len(label_names)
            content |= check_graph(folder, forms.task, labels, options.serving_version)
            logger.info("checking it in a process of its own")
            write_warm_up(folder, model_dir.name, check_answers(forms, folder, process))
            provenance.write(folder, content)
            if labelled and asked:
                content |= evaluate(forms, folder, labelled, asked.texts)
                if options.dtype != "float32":
                    content |= evaluate_in_float32(forms, content, labelled)
                if conditions:
                    content |= pass_gate(conditions, content["evaluation"], baseline, labelled)
                provenance.write(folder, content)
            return publish(folder, model_dir)


def load(run_dir: pathlib.Path, options: ExportOptions) -> tuple[ModelForms, dict[str, Any]]:
    """A finished run, and what is known of it for the provenance."""
    command_line.load_tensorflow()
    from trainer.run_dir import load_run

    run = load_run(run_dir)
    check_vocabulary(run.vocabulary_path, run.config["vocabulary_sha256"])
    line = final_line(run_dir, run.config)
    threshold, origin = choose_threshold(run.config, line, options.null_score_diff_threshold)
    content = provenance.of_run(run_dir, run.config, line) | {
        "dtype": options.dtype,
        "null_score_diff_threshold": threshold,
        "null_score_diff_threshold_from": origin,
    }
    return ModelForms(run, threshold, options.dtype), content


def check_vocabulary(path: pathlib.Path, sha256: str) -> None:
    """Raises InputError unless a run's vocab.txt is the one its data was tokenised with."""
    found = sha256_of_file(path)
    if found != sha256:
        raise InputError(
            f"{path}: SHA-256 is {found}, but the run was trained with the vocabulary {sha256}. "
            "Put the data set's vocab.txt back, or train again."
        )


if __name__ == "__main__":
    command_line.run(main)
