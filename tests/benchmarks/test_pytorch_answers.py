import json

import numpy as np
import pytest

from benchmarks import pytorch_answers
from benchmarks.pytorch_data import Window
from trainer.squad_metrics import evaluate_v1

CONTEXT = "aa bb cc dd"


def window(first_word=0, words=4, is_max_context=None):
    """A window of CONTEXT, behind two tokens of question."""
    offsets = [(3 * word, 3 * word + 2) for word in range(first_word, first_word + words)]
    return Window(
        token_ids=[0] * (words + 3),
        segment_ids=[0] * (words + 3),
        labels=(0, 0),
        id="q",
        context=CONTEXT,
        first=2,
        offsets=offsets,
        is_max_context=is_max_context or [True] * words,
    )


def logits(**values):
    """Of 9 tokens, -10 each but those that are named by their place, such as t3=5."""
    return np.array([values.get(f"t{place}", -10.0) for place in range(9)])


def test_the_span_with_the_highest_sum():
    found = pytorch_answers.best_span(window(), logits(t3=5.0, t2=4.0), logits(t4=3.0, t2=3.5))
    assert found == (8.0, "bb cc")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param({"t1": 9.0}, {}, id="starts-in-the-question"),
        pytest.param({}, {"t6": 9.0}, id="ends-behind-the-window"),
        pytest.param({"t5": 9.0}, {"t3": 9.0}, id="ends-before-its-start"),
    ],
)
def test_spans_that_cannot_be(start, end):
    allowed = {"t2": 1.0}
    start, end = logits(**allowed | start), logits(**allowed | end)
    assert pytorch_answers.best_span(window(), start, end)[1] in ("aa", "dd", "aa bb")
    assert pytorch_answers.best_span(window(words=1), start, end)[1] == "aa"


def test_an_answer_is_not_too_long(monkeypatch):
    monkeypatch.setattr(pytorch_answers, "MAX_ANSWER_LENGTH", 2)
    start, end = logits(t2=9.0), logits(t5=9.0, t3=8.0)
    assert pytorch_answers.best_span(window(), start, end) == (17.0, "aa bb")


def test_the_best_of_all_windows_where_its_start_has_most_context():
    windows = [window(words=3), window(1, 3, [False, True, True])]
    found = pytorch_answers.best_answers(
        windows,
        [(logits(t3=2.0), logits(t3=2.0)), (logits(t2=5.0, t3=1.0), logits(t2=5.0, t4=4.0))],
    )
    assert found == {"q": "cc dd"}


def test_no_span_at_all():
    windows = [window(is_max_context=[False] * 4)]
    assert pytorch_answers.best_answers(windows, [(logits(), logits())]) == {"q": ""}


def test_scores_are_those_of_the_official_formula(tmp_path):
    cases = {
        "a": ("The lighthouse!", ["lighthouse", "a light"], 1.0, 1.0),
        "b": ("in the old town", ["the town"], 0.0, 0.5),  # one of three, one of one
        "c": ("", ["1894"], 0.0, 0.0),
    }
    answers = {key: answer for key, (answer, *_) in cases.items()}
    qas = [
        {"id": key, "answers": [{"text": gold} for gold in golds]}
        for key, (_, golds, _, _) in cases.items()
    ]
    document = {"data": [{"paragraphs": [{"context": "", "qas": qas}]}]}
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(document))
    scores = pytorch_answers.squad_scores(str(path), answers)
    assert scores == pytest.approx({"exact_match": 100 / 3, "f1": 50.0, "total": 3})
    ours = evaluate_v1(document, answers)
    assert ours == pytest.approx({name: scores[name] for name in ours})
