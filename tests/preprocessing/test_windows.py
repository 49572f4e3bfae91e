import json

import pytest

from preprocessing.windows import TokenizedText, answer_token_span, cut_windows, window_label
from tests.examples import read_dataset
from tests.preprocessing.jobs import build, squad_spec
from tests.preprocessing.reference import RunSquad


@pytest.mark.parametrize(
    ("num_tokens", "expected"),
    [
        pytest.param(0, [], id="no-tokens"),
        pytest.param(1, [(0, 1)], id="one-token"),
        pytest.param(8, [(0, 8)], id="exactly-one-window"),
        pytest.param(9, [(0, 8), (4, 9)], id="one-token-over"),
        pytest.param(12, [(0, 8), (4, 12)], id="exactly-two-windows"),
        pytest.param(13, [(0, 8), (4, 12), (8, 13)], id="three-windows"),
    ],
)
def test_cut_windows_covers_every_token(num_tokens, expected):
    assert cut_windows(num_tokens, size=8, stride=4) == expected


def test_cut_windows_leaves_no_gap_when_the_stride_is_longer():
    assert cut_windows(7, size=3, stride=5) == [(0, 3), (3, 6), (6, 7)]


def letters(text):
    """A tokenised text of one token per character that is no white space; ids are characters."""
    places = [i for i, character in enumerate(text) if not character.isspace()]
    return TokenizedText(text, [ord(text[i]) for i in places], places)


@pytest.mark.parametrize(
    ("text", "start", "answer", "expected"),
    [
        pytest.param("ab cd", 0, "ab", (0, 1), id="at-the-start"),
        pytest.param("ab cd", 3, "cd", (2, 3), id="at-the-end"),
        pytest.param("ab cd", 0, "ab cd", (0, 3), id="all"),
        pytest.param("ab-cd ef", 3, "cd", (3, 4), id="in-a-hyphenated-word"),
        pytest.param("xaxa b", 2, "a", (1, 1), id="first-equal-span-of-the-word"),
        pytest.param("ab ab ab", 3, "ab", (2, 3), id="occurs-more-than-once"),
        pytest.param("ab  cd", 0, "ab  cd", (0, 3), id="two-spaces"),
        pytest.param("ab cd ", 3, "cd ", (2, 3), id="space-after"),
        pytest.param("ab cd", 2, " cd", (2, 3), id="space-before"),
        pytest.param(" ab", 0, " ab", None, id="space-before-the-first-word"),
        pytest.param("ab cd", 0, "xy", None, id="another-text-there"),
        pytest.param("ab\tcd\nef", 3, "cd", (2, 3), id="tab-and-line-end"),
        pytest.param("ab\u202fcd", 3, "cd", (2, 3), id="narrow-no-break-space"),
        pytest.param("ab\u00a0cdcd", 3, "cd", (2, 3), id="another-space-is-within-a-word"),
    ],
)
def test_answer_token_span(text, start, answer, expected):
    answer_ids = letters(answer).token_ids
    assert answer_token_span(letters(text), start, answer, answer_ids) == expected


def test_answer_that_is_cut_differently_in_its_word_takes_the_whole_word():
    context = TokenizedText("1990s", [7], [0])
    assert answer_token_span(context, 0, "1990", [8]) == (0, 0)


def test_answer_without_tokens_has_no_span():
    context = TokenizedText("a \x07 b", [1, 2], [0, 4])
    assert answer_token_span(context, 2, "\x07", []) is None


@pytest.mark.parametrize(
    ("span", "window", "expected"),
    [
        pytest.param((4, 6), (0, 10), (9, 11), id="inside"),
        pytest.param((0, 0), (0, 10), (5, 5), id="first-token"),
        pytest.param((9, 9), (0, 10), (14, 14), id="last-token"),
        pytest.param((12, 13), (10, 20), (7, 8), id="later-window"),
        pytest.param((9, 10), (0, 10), (0, 0), id="cut-at-the-end"),
        pytest.param((9, 10), (10, 20), (0, 0), id="cut-at-the-start"),
        pytest.param((2, 3), (10, 20), (0, 0), id="before"),
        pytest.param(None, (0, 10), (0, 0), id="no-answer"),
    ],
)
def test_window_label(span, window, expected):
    assert window_label(span, window, context_offset=5) == expected


@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        ("squad-v1.1-train", (384, 128, 64)),
        ("squad-v1.1-dev", (48, 16, 8)),
        ("squad-v2.0-train", (96, 100, 6)),
        ("squad-v2.0-dev", (384, 128, 64)),
    ],
)
def test_records_of_the_samples_equal_run_squad(
    tmp_path, vocabulary_path, sample_dir, name, lengths
):
    check_against_run_squad(sample_dir / f"{name}.json", vocabulary_path, tmp_path, lengths)


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name", ["squad-v1.1-dev-part.json", "squad-v2.0-dev-part.json", "covid-qa-part.json"]
)
def test_records_of_real_files_equal_run_squad(real_data, real_vocabulary_path, tmp_path, name):
    check_against_run_squad(real_data / name, real_vocabulary_path, tmp_path, (384, 128, 64))


def check_against_run_squad(path, vocabulary_path, output_dir, lengths):
    """Every record of the job against the independent implementation, and no other records."""
    expected = RunSquad(vocabulary_path, *lengths).records(json.loads(path.read_bytes()))
    data = output_dir / "data"
    info = build(squad_spec({str(path): "train"}, vocabulary_path, *lengths), data)
    found = {
        (record.pop("id"), record.pop("window")): record
        for record in read_dataset("squad", data)["train"]
    }
    assert found.keys() == expected.keys()
    assert [key for key in expected if found[key] != expected[key]] == []
    assert info.splits["train"].records == len(expected)
