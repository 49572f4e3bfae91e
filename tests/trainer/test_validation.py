"""trainer/validation.py. Expected figures are worked out by hand from SQuAD's definitions."""

import json
import pathlib
import random

import numpy as np
import pytest

from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from tests.trainer.test_distribution import run_mirrored, run_multi_worker, run_one_device
from tests.trainer.tiny import CLS, SEP, write_dataset
from trainer.examples import load_split
from trainer.train import train_and_evaluate
from trainer.validation import Evaluator, Predictions, macro_f1, spelled

OFFSET = 3  # [CLS], a question of one token, [SEP]


def window(question, number, context, answer=(0, 0), impossible=0):
    """A record; the context's tokens are numbers of the vocabulary, the answer's are places."""
    tokens = [CLS, 7, SEP, *context, SEP]
    start, end = answer
    return {
        "token_ids": tokens,
        "segment_ids": [0] * OFFSET + [1] * (len(context) + 1),
        "start_token": start and start + OFFSET,
        "end_token": end and end + OFFSET,
        "is_impossible": impossible,
        "id": question,
        "window": number,
    }


# Tokens 10, 11, … spell "w5", "w6", …; 14 tokens fit a window, which starts 5 after the one before.
LONG = list(range(10, 29))
RECORDS = [
    window("a", 0, LONG[:14]),
    window("b", 0, [30, 31, 32], answer=(1, 2)),
    window("a", 1, LONG[5:], answer=(10, 11)),
    window("c", 0, [40, 41], impossible=1),
    window("d", 0, [50, 51]),  # its answer does not fit a window
]
QUESTIONS = {"a": 0, "b": 1, "c": 2, "d": 3}


def evaluator(folder, records=RECORDS, **info):
    write_dataset(
        folder,
        "squad",
        {"validation": len(records)},
        make_record=lambda generator, split, number: records[number],
        parameters={"max_seq_length": 18, "doc_stride": 5, "max_query_length": 8},
        **info,
    )
    read = load_info(folder)
    examples = load_split(folder, read, "validation")
    return examples, Evaluator(examples, read, folder, classes=0)


def predict(examples, spans, null):
    """`row_predictions` where each window has one span.

    spans: (question, window) -> (start, end in the context, logit of each, or of the null answer)
    """
    made = {name: np.zeros((examples.rows, 20), np.int64) for name in ("starts", "ends")}
    made |= {f"{n}_values": np.full((examples.rows, 20), -1e9, "f4") for n in ("start", "end")}
    made["null"] = np.zeros((examples.rows, 2), np.float32)
    names = sorted(QUESTIONS)
    for row in range(examples.rows):
        key = names[examples.facts["question"][row]], int(examples.facts["window"][row])
        start, end, logit = spans[key]
        made["starts"][row, 0], made["ends"][row, 0] = start + OFFSET, end + OFFSET
        made["start_values"][row, 0] = made["end_values"][row, 0] = logit
        made["null"][row] = null[key]
    return made


SPANS = {
    ("a", 0): (0, 1, 3.0),  # w5 w6
    ("a", 1): (10, 11, 4.0),  # w20 w21, the answer
    ("b", 0): (0, 1, 1.0),  # w25 w26 for w26 w27: F1 1/2
    ("c", 0): (0, 0, 2.0),
    ("d", 0): (0, 0, 2.0),
}
NULL = {("a", 0): 1.0, ("a", 1): 5.0, ("b", 0): 0.0, ("c", 0): 3.0, ("d", 0): 1.5}


def test_figures_of_v1(tmp_path):
    examples, figures = evaluator(tmp_path, [each for each in RECORDS if each["id"] != "c"])
    # Questions a, b, d: right, half, and one whose annotated answer no window holds.
    found = figures.figures(predict(examples, SPANS | {("c", 0): SPANS["d", 0]}, NULL))
    assert found == pytest.approx({"exact_match": 100 / 3, "f1": 150 / 3})


def test_figures_of_v2(tmp_path):
    examples, figures = evaluator(tmp_path, has_unanswerable=True)
    found = figures.figures(predict(examples, SPANS, NULL))
    # Null odds: a 2 - 8, the least over its windows; b 0 - 2; c 6 - 4: no answer; d 3 - 4.
    assert found == pytest.approx(
        {
            "exact_match": 50.0,  # a and c
            "f1": 62.5,
            "has_answer_f1": 50.0,
            "no_answer_f1": 100.0,
            # Answering a, then b (+ 1/2), then d (+ 0); c silent: 2.5 of 4 from b's odds on.
            "best_exact_match": 50.0,
            "best_f1": 62.5,
            "best_f1_threshold": -2.0,
        }
    )


def test_spans_that_begin_in_another_windows_context_do_not_count(tmp_path):
    examples, figures = evaluator(tmp_path, RECORDS[:1] + RECORDS[2:3])
    # Token 6 of the context lies 1 from window 1's left end, and 6 from window 0's.
    far = {("a", 0): (0, 1, 3.0), ("a", 1): (1, 2, 9.0)}
    answer = figures.figures(predict(examples, far, NULL))
    assert answer == {"exact_match": 0.0, "f1": 0.0}


@pytest.mark.parametrize(
    ("records", "case"),
    [
        ([RECORDS[1], RECORDS[1]], "an id for two questions"),
        ([RECORDS[2]], "the first window is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_windows_that_are_not_whole(tmp_path, records, case):
    with pytest.raises(InputError, match="the windows of a question are not 0, 1, … once each"):
        evaluator(tmp_path, records)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["ada", "mill", "##s", "'", "bridge"], "ada mills ' bridge"),
        (["##s", "and", "##y"], "s andy"),
        ([], ""),
    ],
)
def test_spelled(tokens, expected):
    assert spelled(tokens) == expected


@pytest.mark.parametrize(
    ("label", "predicted", "expected"),
    [
        # Class 0: 1 right of 1 there and 2 found; 1: 2 of 3 and 2; 2 and 3: none.
        pytest.param([0, 1, 1, 2, 1], [0, 1, 1, 0, 3], (2 / 3 + 4 / 5 + 0 + 0) / 4, id="four"),
        pytest.param([1, 1, 0], [1, 1, 0], 1.0, id="all-right-others-absent"),
        pytest.param([0, 0], [1, 1], 0.0, id="all-wrong"),
    ],
)
def test_macro_f1(label, predicted, expected):
    assert macro_f1(np.array(label), np.array(predicted), 5) == pytest.approx(expected)


def test_predictions_are_put_in_the_order_of_the_rows():
    predictions = Predictions(3)
    predictions.add({"row": np.array([2, -1]), "label": np.array([5, 9])})
    predictions.add({"row": np.array([0, 1]), "label": np.array([3, 4])})
    assert predictions.arrays()["label"].tolist() == [3, 4, 5]


def long_squad_record(generator, split, number):
    """One of two windows of 24 tokens with 10 in common; every fourth question has no answer."""
    question, part = divmod(number, 2)
    words = random.Random(question).choices(range(10, 60), k=34)
    impossible = question % 4 == 3
    if not impossible:
        words[9:11] = [8, 9]
    context = words[:22] if part == 0 else words[12:34]
    place = 9 if part == 0 and not impossible else 0
    answer = (place, place and place + 1)
    return window(f"{split}-{question:03}", part, context, answer, int(impossible))


@pytest.fixture
def two_windows(tmp_path):
    """Questions of two windows, some of them without answer."""
    return write_dataset(
        tmp_path / "data",
        "squad",
        {"train": 120, "validation": 30},
        make_record=long_squad_record,
        parameters={"max_seq_length": 26, "doc_stride": 12, "max_query_length": 1},
        has_unanswerable=True,
    )


def last_line(config):
    text = (pathlib.Path(config.output_dir) / "history.jsonl").read_text()
    return json.loads(text.splitlines()[-1])


def test_a_run_on_unanswerable_questions_tells_its_figures(tiny_config, two_windows):
    config = tiny_config(task="squad", data_dir=str(two_windows), epochs=9, dropout=0.0)
    train_and_evaluate(config)
    line = last_line(config)
    assert line["validation_has_answer_f1"] > 90
    assert line["validation_no_answer_f1"] > 90
    assert line["validation_best_f1"] >= line["validation_f1"] > 90
    assert np.isfinite(line["validation_best_f1_threshold"])


@pytest.mark.slow
@pytest.mark.parametrize("run", [run_mirrored, run_multi_worker])
def test_replicas_give_the_figures_of_one_device(tiny_config, two_windows, tmp_path, run):
    fields = {"task": "squad", "data_dir": str(two_windows), "dropout": 0.0, "epochs": 1}
    # A batch size that leaves an uneven last batch; few steps, so that the figures are not 100.
    fields |= {"global_batch_size": 7, "learning_rate": 2e-3}
    alone = tiny_config(output_dir=str(tmp_path / "alone"), **fields)
    together = tiny_config(output_dir=str(tmp_path / "together"), **fields)
    for ended in (run_one_device(alone), run(together)):
        assert {status for status, _ in ended} == {0}, ended
    found, expected = last_line(together), last_line(alone)
    names = [name for name in expected if name.startswith("validation_")]
    assert {n: found[n] for n in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-3)
