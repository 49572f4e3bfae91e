import numpy as np
import pytest

from preprocessing.batch_tokenizer import TokenRows
from preprocessing.records import Rejected
from preprocessing.reviews import ReviewConverter, reason_to_reject
from preprocessing.sources.labelled_text import Review
from tests.examples import decode

CLS, SEP = 101, 102


class Letters:
    """A tokeniser with one token per letter; its id is its code point."""

    cls_id, sep_id = CLS, SEP

    def token_ids(self, texts):
        """As `BatchTokenizer` has it."""
        rows = [[ord(c) for c in text.decode() if not c.isspace()] for text in texts]
        ids = np.array([token for row in rows for token in row], np.int32)
        return TokenRows(ids, np.cumsum([0, *map(len, rows)]))


def review(text, split="train", label=1, review_id="train/pos/0_9"):
    return Review(review_id, split, label, "aclImdb.zip:0_9.txt", text)


def convert(*elements, validation_fraction=0.0, max_seq_length=6):
    converter = ReviewConverter(
        labels=("neg", "pos"),
        max_seq_length=max_seq_length,
        validation_fraction=validation_fraction,
    )
    return converter.convert(list(elements), Letters())


def test_records_are_cut_to_the_length():
    converted = convert(review(b"ab"), review(b"abcd", label=0), review("abcdé".encode()))
    records = decode("imdb", [record.serialized for record in converted.records])
    assert [record["token_ids"] for record in records] == [
        [CLS, *b"ab", SEP],
        [CLS, *b"abcd", SEP],
        [CLS, *b"abcd", SEP],
    ]
    assert [record["label"] for record in records] == [1, 0, 1]
    assert {record["id"] for record in records} == {"train/pos/0_9"}
    assert [record.num_tokens for record in converted.records] == [4, 6, 6]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "empty_text", id="nothing"),
        pytest.param(b" \n\t", "empty_text", id="white-space"),
        pytest.param(b"caf\xe9", "invalid_utf8", id="latin-1"),
        pytest.param("café".encode(), "", id="good"),
    ],
)
def test_reason_to_reject(content, reason):
    assert reason_to_reject(content) == reason


def test_every_element_is_counted_once():
    from_reader = Rejected("train", "a.csv:7", "a.csv:7", "unknown_label")
    converted = convert(review(b"ab"), review(b""), from_reader, review(b"ab", label=0))
    assert converted.counts.read == 4
    assert dict(converted.counts.rejected) == {"empty_text": 1, "unknown_label": 1}
    assert [entry.source for entry in converted.rejected] == ["aclImdb.zip:0_9.txt", "a.csv:7"]
    train = converted.counts.splits["train"]
    assert (train.examples, train.records, train.tokens) == (2, 2, 8)
    assert dict(train.labels) == {"pos": 1, "neg": 1}
    assert converted.fingerprints["texts"].size == 2


def test_validation_is_drawn_by_id_out_of_train_alone():
    train = [review(b"a", review_id=f"train/pos/{i}_9") for i in range(400)]
    test = [review(b"a", "test", review_id=f"test/pos/{i}_9") for i in range(5)]
    splits = [r.split for r in convert(*train, *test, validation_fraction=0.25).records]
    assert splits[400:] == ["test"] * 5
    assert 70 <= splits.count("validation") <= 130
    again = convert(*train[::-1], validation_fraction=0.25).records[::-1]
    assert [record.split for record in again] == splits[:400]
