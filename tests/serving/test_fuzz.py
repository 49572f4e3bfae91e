"""Random texts through both graphs: none fails, and every answer is a slice of its context."""

import numpy as np
import pytest

from serving.saved_model import load_in_session
from tests.serving.fuzzed_texts import fuzzed_text

BATCH = 40


def check_sentiment(run, texts):
    probability = run("serving_default", {"text": texts})["probability"]
    assert probability.shape == (len(texts),)
    assert np.all((probability >= 0) & (probability <= 1))


def check_answers(run, questions, contexts):
    inputs = {"question": questions, "context": contexts}
    answers, table = run("serving_default", inputs), run("nbest", inputs)
    assert np.all(np.isfinite(answers["null_odds"]))
    for row, context in enumerate(contexts):
        characters = context.decode("utf-8", "replace")
        check_slices(characters, *(answers[name][row : row + 1] for name in PLACE))
        check_slices(characters, *(table[name][row] for name in PLACE))
        # The null answer may be the 21st, which is not in the table.
        assert 0.0 < table["probability"][row].sum() < 1.0 + 1e-5
        assert 0.0 <= answers["probability"][row] <= 1.0


PLACE = ("answer", "start", "end")


def check_slices(context, answer, start, end):
    for text, first, last in zip(answer, start, end, strict=True):
        assert text.decode() == (context[first:last] if first >= 0 else "")
        assert (first == -1) == (last == -1) == (text == b"")


@pytest.mark.parametrize(
    "count", [200, pytest.param(5000, marks=pytest.mark.slow)], ids=["200", "5000"]
)
def test_no_text_fails(models, count):
    sentiment = load_in_session(models / "sentiment" / "1")
    qa = load_in_session(models / "qa" / "1")
    for begin in range(0, count, BATCH):
        seeds = range(begin, begin + BATCH)
        texts = [fuzzed_text(seed) for seed in seeds]
        try:
            check_sentiment(sentiment, texts)
            check_answers(qa, [texts[-1 - i] for i in range(BATCH)], texts)
        except BaseException as error:
            error.add_note(f"seeds {seeds}")
            raise
