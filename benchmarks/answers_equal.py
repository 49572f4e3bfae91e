"""Whether the served graph answers whole files as a plain Python `run_squad.py` does.

    python -m benchmarks.answers_equal data/raw/dev-v1.1.json --run_dir runs/squad

The graph of the export is asked, with the encoder in it, in batches of contexts of any mix of
lengths. Sums of floats differ in their last bits with the shape of a batch, and so may near ties;
so the plain side does not encode again: each window's logits are noted as they come out of the
encoder, under the window's tokens. It then cuts its own windows (`preprocessing.windows`), looks
their logits up, and applies the rules of `tests/serving/run_squad_reference.py`. A window that only
one side has is an error. From the same logits the questions are answered a second time by the rules
of SQuAD v2.0, with the threshold `--null_score_diff_threshold`.

Prints one line of JSON for each file and rule, and exits with an error when anything differs.
"""

import dataclasses
import json
import logging
import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.logit_notes import LogitNotes
from preprocessing import command_line
from preprocessing.errors import InputError
from preprocessing.progress import progress
from preprocessing.sources.squad_json import read_paragraphs
from preprocessing.windows import cut_windows
from tests.serving import run_squad_reference as reference

if TYPE_CHECKING:
    from serving.signatures import QuestionAnswering, SpanLogits

logger = logging.getLogger(__name__)

Pair = tuple[str, str]  # question and context
TOLERANCE = 1e-6  # of probabilities, which the graph gives in float32


@dataclasses.dataclass
class Comparison:
    """Counts over the questions of a file; the differences are the greatest found."""

    file: str
    null_score_diff_threshold: float | None
    questions: int = 0
    windows: int = 0
    without_answer: int = 0
    answers_equal: int = 0  # text, start, end and probability
    lists_equal: int = 0  # the same of all 20 best
    slices_equal: int = 0  # context[start:end] is the answer, of all 20 best
    probability_difference: float = 0.0
    null_odds_difference: float = 0.0
    seconds: float = 0.0

    @property
    def all_equal(self) -> bool:
        """Whether graph and plain Python agree on every question."""
        equal = {self.answers_equal, self.lists_equal, self.slices_equal}
        return equal == {self.questions} and self.null_odds_difference <= 1e-5


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(prog="python -m benchmarks.answers_equal")
    parser.add_argument("files", nargs="+", help="SQuAD JSON")
    parser.add_argument("--run_dir", type=pathlib.Path, required=True, help="of the trainer")
    parser.add_argument("--null_score_diff_threshold", type=float, default=0.0)
    parser.add_argument("--batch_size", type=int, default=32, help="questions in one request")
    parser.add_argument("--limit", type=int, help="only the first so many questions of a file")
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    command_line.load_tensorflow()
    from serving.frozen import served_module
    from trainer.run_dir import load_run

    module = served_module(load_run(flags.run_dir), None)
    sides = Sides(module, flags.null_score_diff_threshold)
    all_equal = True
    for path in flags.files:
        pairs = list(dict.fromkeys(_asked(path)))[: flags.limit]
        for comparison in sides.compare(path, pairs, flags.batch_size):
            print(json.dumps(dataclasses.asdict(comparison)), flush=True)
            all_equal &= comparison.all_equal
    if not all_equal:
        raise InputError("graph and plain Python differ; -v lists the questions.")


def _asked(path: str) -> Iterator[Pair]:
    for paragraph in read_paragraphs(path, ""):
        for question in paragraph.questions:
            yield question.question, paragraph.context


class Sides:
    """The graph by several rules, and plain Python.

    Args:
        module: of the run; its encoder and its windows are used.
        threshold: null_score_diff_threshold of the rules of SQuAD v2.0.
    """

    def __init__(self, module: "QuestionAnswering", threshold: float):
        self._tokenizer = module.tokenizer
        self._rules = module.rules
        self._notes = LogitNotes()
        self._encoding = _with_model(module, self._notes.noting(module.span_logits), None)
        recalling = self._notes.recalling()
        self._graphs = {rule: _with_model(module, recalling, rule) for rule in (None, threshold)}

    def compare(self, path: str, pairs: list[Pair], batch_size: int) -> list[Comparison]:
        """Asks both sides, `batch_size` questions at once."""
        comparisons = {threshold: Comparison(path, threshold) for threshold in self._graphs}
        start = time.monotonic()
        with progress("compare answers", len(pairs)) as update:
            for begin in range(0, len(pairs), batch_size):
                batch = pairs[begin : begin + batch_size]
                self._compare_batch(batch, comparisons)
                update(begin + len(batch))
        for comparison in comparisons.values():
            comparison.seconds = round(time.monotonic() - start, 1)
        return list(comparisons.values())

    def _compare_batch(self, batch: list[Pair], comparisons: Mapping) -> None:
        import tensorflow as tf

        self._notes.forget()
        question, context = (tf.constant(column, tf.string) for column in zip(*batch, strict=True))
        encoded = _arrays(self._encoding.serving_default(question, context))
        tables = {
            rule: {
                "serving_default": _arrays(graph.serving_default(question, context)),
                "nbest": _arrays(graph.nbest(question, context)),
            }
            for rule, graph in self._graphs.items()
        }
        tables[None]["serving_default"] = encoded
        columns = self._tokenizer.tokenize_with_offsets([context for _, context in batch])
        contexts = zip(*(column.to_list() for column in columns), strict=True)
        questions = self._tokenizer.tokenize([question for question, _ in batch]).to_list()
        for row, (question_ids, context) in enumerate(zip(questions, contexts, strict=True)):
            given = self._windows(question_ids, batch[row][1], *context)
            for threshold, comparison in comparisons.items():
                expected = reference.predict(*given, threshold=threshold)
                _compare(comparison, batch[row], tables[threshold], row, expected)
                comparison.windows += len(given[-1])
        if len(self._notes.used) != len(self._notes):
            raise InputError("the graph encodes windows that `preprocessing` does not cut.")

    def _windows(
        self,
        question_ids: list[int],
        context: str,
        token_ids: list[int],
        starts: list[int],
        ends: list[int],
    ) -> tuple:
        """What `reference.predict` needs of one question."""
        prefix = [self._tokenizer.cls_id, *question_ids[: self._rules.max_query_length]]
        prefix.append(self._tokenizer.sep_id)
        room = self._rules.max_seq_length - len(prefix) - 1
        windows = cut_windows(len(token_ids), room, self._rules.doc_stride) or [(0, 0)]
        logits = [
            self._notes.of([*prefix, *token_ids[start:end], self._tokenizer.sep_id])
            for start, end in windows
        ]
        spans = [(start, end - start) for start, end in windows]
        return context, list(zip(starts, ends, strict=True)), spans, len(prefix), logits


def _with_model(
    module: "QuestionAnswering", model: "SpanLogits", threshold: float | None
) -> "QuestionAnswering":
    """The same graph around another model, by another rule."""
    from serving.signatures import QuestionAnswering

    rules = dataclasses.replace(module.rules, null_score_diff_threshold=threshold)
    vocabulary = pathlib.Path(module.vocabulary.asset_path.numpy().decode())
    return QuestionAnswering(module.tokenizer, model, rules, vocabulary)


def _arrays(outputs: Mapping) -> dict[str, np.ndarray]:
    return {alias: tensor.numpy() for alias, tensor in outputs.items()}


def _compare(
    comparison: Comparison, pair: Pair, tables: Mapping, row: int, expected: reference.Prediction
) -> None:
    answers, table = tables["serving_default"], tables["nbest"]
    context = pair[1]
    columns = ("answer", "start", "end", "probability")
    answer = tuple(answers[name][row] for name in columns)
    listed = list(zip(*(table[name][row] for name in columns), strict=True))
    unfilled = [(*reference.NULL, 0.0)] * (20 - len(expected.entries))
    wanted = [*expected.entries, *unfilled][:20]
    comparison.questions += 1
    comparison.without_answer += expected.answer[1] < 0
    answer_equal = _equal(answer, expected.answer)
    comparison.answers_equal += answer_equal
    comparison.lists_equal += all(map(_equal, listed, wanted))
    comparison.slices_equal += all(
        text.decode() == (context[start:end] if start >= 0 else "")
        for text, start, end, _ in [answer, *listed]
    )
    differences = [abs(float(a[3]) - b[3]) for a, b in zip(listed, wanted, strict=True)]
    comparison.probability_difference = max(comparison.probability_difference, *differences)
    odds = abs(float(answers["null_odds"][row]) - expected.null_odds)
    comparison.null_odds_difference = max(comparison.null_odds_difference, odds)
    if not answer_equal:
        logger.debug("%r: graph %s, plain Python %s", pair[0], answer, expected.answer)


def _equal(found: tuple, expected: tuple) -> bool:
    """Text and place the same, and the probability but for rounding."""
    text, start, end, probability = found
    same = (text.decode(), start, end) == expected[:3]
    return same and abs(float(probability) - expected[3]) <= TOLERANCE


if __name__ == "__main__":
    command_line.run(main)
