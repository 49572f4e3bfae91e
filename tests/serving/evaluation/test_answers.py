"""The served answer from the n-best table: by hand, and as a real export gives it."""

import numpy as np
import pytest

from serving.evaluation.answers import answers_of, difference, served_answers
from serving.saved_model import load_in_session
from tests.serving.trained import CONTEXT, QUESTIONS

# Rows: a span first; no answer first; no span at all.
TABLE = {
    "answer": np.array([[b"Ada", b"", b"x"], [b"", b"Bo", b""], [b"", b"", b""]], object),
    "start": np.array([[4, -1, 0], [-1, 7, -1], [-1, -1, -1]]),
    "end": np.array([[7, -1, 1], [-1, 9, -1], [-1, -1, -1]]),
    "probability": np.array([[0.6, 0.3, 0.1], [0.7, 0.3, 0.0], [1.0, 0.0, 0.0]], np.float32),
    "null_odds": np.array([-0.7, 0.8, 0.0], np.float32),
}


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        pytest.param(None, [b"Ada", b"Bo", b""], id="always-answers"),
        pytest.param(0.0, [b"Ada", b"", b""], id="zero"),
        pytest.param(-1.0, [b"", b"", b""], id="low"),
        pytest.param(1.0, [b"Ada", b"Bo", b""], id="high"),
    ],
)
def test_served_answers_by_hand(threshold, expected):
    assert served_answers(TABLE, threshold)["answer"].tolist() == expected


def test_no_answer_behind_the_listed_ones_is_served_with_what_is_left_of_the_softmax():
    listed = {
        "answer": np.array([[b"Ada", b"Bo"]], object),
        "start": np.array([[4, 9]]),
        "end": np.array([[7, 11]]),
        "probability": np.array([[0.5, 0.375]], np.float32),
        "null_odds": np.array([-0.7], np.float32),
    }
    served = {alias: values.tolist() for alias, values in served_answers(listed, -1.0).items()}
    assert served["answer"] == [b""]
    assert (served["start"], served["end"], served["probability"]) == ([-1], [-1], [0.125])


def test_answers_hold_the_filled_places_and_the_best_span():
    ada, bo, none = answers_of(served_answers(TABLE, 0.0), TABLE)
    assert (ada.text, ada.start, ada.span) == ("Ada", 4, "Ada")
    assert [entry["text"] for entry in ada.n_best] == ["Ada", "", "x"]
    assert (bo.text, bo.start, bo.span) == ("", -1, "Bo")
    assert bo.probability == pytest.approx(0.7)
    assert (none.span, len(none.n_best)) == ("", 1)


def test_a_difference_is_said():
    served = served_answers(TABLE, 0.0)
    assert difference(served, served) == ""
    other = {**served, "start": served["start"] + 1}
    assert difference(served, other) == "start 5 of serving_default is 4 by nbest"
    far = {**served, "probability": served["probability"] + np.float32(0.01)}
    assert difference(served, far).startswith("probability of serving_default and of nbest are")


def test_what_is_derived_is_what_a_real_export_serves(models, reader):
    run = load_in_session(models / "qa" / "1")
    contexts = [CONTEXT, "Café 🎬 中国. " + CONTEXT * 3, "", "  ", "🎬", "a b c"]
    pairs = [(question, context) for _, question, _ in QUESTIONS for context in contexts]
    questions, contexts = zip(*[*pairs, ("", CONTEXT), ("why " * 90, CONTEXT)], strict=True)
    inputs = {"question": questions, "context": contexts}
    table, served = run("nbest", inputs), run("serving_default", inputs)
    odds = sorted(table["null_odds"].tolist())
    derived = served_answers(table, 0.0)
    assert odds[0] < odds[-1]
    for alias, values in served.items():
        assert derived[alias].tolist() == values.tolist(), alias
    found = reader.answers(questions, contexts)
    assert [one.text for one in found] == [text.decode() for text in served["answer"].tolist()]
