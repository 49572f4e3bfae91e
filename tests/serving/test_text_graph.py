"""The served classifier reads the tokens that it was trained on."""

import pytest
import tensorflow as tf

from preprocessing.batch_tokenizer import BatchTokenizer
from preprocessing.reviews import ReviewConverter
from preprocessing.sources.labelled_text import Review
from preprocessing.tokenizer import BertTokenizer
from preprocessing.vocabulary import load_vocabulary
from serving import chunks
from serving.text_graph import TextTokens
from tests.preprocessing.hard_texts import HARD_TEXTS

MAX_SEQ_LENGTH = 24
TEXTS = [text for text in HARD_TEXTS.values() if text.strip()]
TEXTS += ["one two three " * 50, "word " * 22, "word " * 21]  # cut, just as long, and shorter


def trained_tokens(vocabulary):
    """text -> the token_ids of its training record."""
    converter = ReviewConverter(
        labels=("neg", "pos"), max_seq_length=MAX_SEQ_LENGTH, validation_fraction=0.0
    )
    reviews = [
        Review(str(number), "train", 0, "test", text.encode()) for number, text in enumerate(TEXTS)
    ]
    converted = converter.convert(reviews, BatchTokenizer(vocabulary, True))
    examples = [tf.train.Example.FromString(record.serialized) for record in converted.records]
    features = [example.features.feature for example in examples]
    return [list(each["token_ids"].int64_list.value) for each in features]


def served_tokens(vocabulary):
    """text -> the token_ids that the model is given, and the width of each of its batches."""
    tokens = TextTokens(BertTokenizer(vocabulary), tf.constant(TEXTS), MAX_SEQ_LENGTH)
    widths = []

    def model(token_ids, segment_ids, lengths):
        assert not segment_ids.numpy().any()
        widths.append(token_ids.shape[1])
        return tf.stack(
            [tf.strings.reduce_join(tf.strings.as_string(row[:length]), separator=" ")
             for row, length in zip(token_ids, lengths, strict=True)]
        )  # fmt: skip

    joined = tokens.in_chunks(model, tf.TensorSpec([], tf.string))
    return [[int(number) for number in row.split()] for row in joined.numpy()], widths


@pytest.mark.parametrize("chunk_tokens", [60, 10_000])
def test_tokens_are_those_of_the_training_records(vocabulary_path, monkeypatch, chunk_tokens):
    monkeypatch.setattr(chunks, "CHUNK_TOKENS", chunk_tokens)
    vocabulary = load_vocabulary(vocabulary_path)
    served, widths = served_tokens(vocabulary)
    assert served == trained_tokens(vocabulary)
    assert max(map(len, served)) == MAX_SEQ_LENGTH
    assert widths == sorted(widths, reverse=True)
    assert (len(widths) > 1) == (chunk_tokens == 60)
