"""How far two forms of one model agree: an export and the trainer's model, answer by answer."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from preprocessing.errors import InputError
from preprocessing.progress import progress

if TYPE_CHECKING:
    from serving.saved_model import Signatures

SIGNATURE = "serving_default"
BATCH_SIZE = 32
MIN_SAME_ANSWERS = 0.999  # share; of float32
MAX_DIFFERENCE = 1e-4  # of a probability; of float32

Inputs = Mapping[str, Sequence[bytes]]  # alias -> texts


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Of two models, over the same inputs."""

    examples: int
    same_answers: float  # share; a class, or an answer with its place
    largest_probability_difference: float  # where the answers are the same
    not_finite: int  # examples with a probability that is no number; none of them is the same

    def check_finite(self) -> None:
        """Raises InputError where a probability is no number, in whatever dtype."""
        if self.not_finite:
            raise InputError(
                f"--evaluation_input: {self.not_finite} of {self.examples} answers have a "
                "probability that is NaN or infinite: the model is not published. Is the run's "
                "loss finite (history.jsonl)? In bfloat16, try --dtype float32."
            )

    def check(self) -> None:
        """Raises InputError unless it is as of two forms of one float32 model."""
        good = self.same_answers >= MIN_SAME_ANSWERS
        if not (good and self.largest_probability_difference <= MAX_DIFFERENCE):
            raise InputError(
                f"--evaluation_input: of {self.examples} answers of the export "
                f"{self.same_answers:.3%} are those of the trainer's model, with probabilities up "
                f"to {self.largest_probability_difference:.1e} apart; expected "
                f"{MIN_SAME_ANSWERS:.1%} and {MAX_DIFFERENCE:g}. It is not published. Please "
                "report this with the run's config.json."
            )


def agreement(expected: "Signatures", found: "Signatures", batches: Iterable[Inputs]) -> Agreement:
    """Asks both models everything.

    Args:
        expected: the trainer's model.
        found: the export.
        batches: what to ask, all texts of one at once.
    """
    examples, same, difference, not_finite = 0, 0, 0.0, 0
    for inputs in batches:
        wanted, got = expected(SIGNATURE, inputs), found(SIGNATURE, inputs)
        is_same = np.array([a == b for a, b in zip(_answers(wanted), _answers(got), strict=True)])
        is_finite = _are_finite(wanted) & _are_finite(got)
        is_same &= is_finite
        examples, same = examples + len(is_same), same + int(is_same.sum())
        not_finite += int((~is_finite).sum())
        apart = np.abs(_probabilities(wanted) - _probabilities(got))[is_same]
        difference = max(difference, float(apart.max(initial=0.0)))
    return Agreement(examples, same / examples, difference, not_finite)


def _answers(outputs: Mapping[str, np.ndarray]) -> list:
    if "answer" in outputs:
        return list(zip(*(outputs[name].tolist() for name in ("answer", "start", "end")),
                        strict=True))  # fmt: skip
    if "label" in outputs:
        return outputs["label"].tolist()
    return (outputs["probability"] >= 0.5).tolist()


def _probabilities(outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    return outputs["probabilities" if "probabilities" in outputs else "probability"]


def _are_finite(outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Of each answer, whether all its probabilities are numbers: bool[batch]."""
    probabilities = _probabilities(outputs)
    return np.isfinite(probabilities).reshape(len(probabilities), -1).all(axis=1)


def batches_of(texts: Sequence[Mapping[str, bytes]], description: str) -> Iterator[Inputs]:
    """Batches of texts of like length, so that little is padded; shows the progress."""
    order = sorted(texts, key=lambda text: sum(map(len, text.values())))
    with progress(description, len(order)) as update:
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            yield {alias: [text[alias] for text in batch] for alias in batch[0]}
            update(start + len(batch))
