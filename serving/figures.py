"""The figures of versions on labelled data, and whether they are as required."""

import dataclasses
import logging
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from serving import gate, provenance
from serving.agreement import agreement, batches_of
from serving.baseline import Baseline
from serving.labelled_input import LabelledInput
from serving.model_forms import ModelForms

logger = logging.getLogger(__name__)


def metrics_of(version: pathlib.Path, labelled: LabelledInput) -> Mapping[str, Any]:
    """A published version's figures: those of its provenance if they are of the same input."""
    known = provenance.read(version)
    if labelled.is_that_of(known.get("evaluation_input")):
        logger.info("%s: its figures on this input are known", version)
        return known["evaluation"]
    return labelled.evaluate(version)


def evaluate(
    forms: ModelForms,
    folder: pathlib.Path,
    labelled: LabelledInput,
    texts: Sequence[Mapping[str, bytes]],
) -> dict[str, Any]:
    """Asks an export and the trainer's model everything in a labelled input.

    Args:
        forms: of the model.
        folder: of the export.
        labelled: the input.
        texts: all that it asks, alias -> text.

    Returns:
        For the provenance.

    Raises:
        InputError: a float32 export does not agree with the trainer's model.
    """
    from serving.saved_model import load_in_session

    batches = batches_of(texts, "compare with the trainer's model")
    found = agreement(forms.trainers(), load_in_session(folder), batches)
    logger.info(
        "of %d answers %.2f %% are the trainer's, their probabilities up to %.1e apart",
        found.examples,
        100 * found.same_answers,
        found.largest_probability_difference,
    )
    found.check_finite()
    if forms.dtype == "float32":
        found.check()
    return {
        "evaluation_input": labelled.describe(),
        "evaluation": labelled.evaluate(folder),
        "agreement": dataclasses.asdict(found),
    }


def evaluate_in_float32(
    forms: ModelForms, content: Mapping[str, Any], labelled: LabelledInput
) -> dict[str, Any]:
    """The figures of the same model in float32, to see what another dtype costs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        forms.save(folder, "float32")
        provenance.write(folder, content)
        return {"float32_evaluation": labelled.evaluate(folder)}


def pass_gate(
    conditions: Sequence[gate.Condition],
    metrics: Mapping[str, Any],
    baseline: Baseline | None,
    labelled: LabelledInput,
) -> dict[str, Any]:
    """Judges a version by its conditions.

    Returns:
        For the provenance.

    Raises:
        GateFailed: it fails one.
    """
    theirs = metrics_of(baseline.path, labelled) if baseline else None
    verdicts = gate.judge(conditions, metrics, theirs)
    table = f"baseline: {baseline or 'none, this is the first version'}\n{gate.table(verdicts)}"
    if not all(verdict.passed for verdict in verdicts):
        raise gate.GateFailed(table)
    logger.info("%s", table)
    return {
        "gate": {
            "baseline": baseline.number if baseline else None,
            "baseline_because": baseline.because if baseline else None,
            "conditions": [dataclasses.asdict(verdict) for verdict in verdicts],
        }
    }
