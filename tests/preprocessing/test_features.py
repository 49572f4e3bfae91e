import tensorflow as tf

from preprocessing.features import parse
from tests.examples import encode

REVIEW = {"token_ids": [101, 7, 102], "label": 1, "id": "train/pos/0_9"}


def test_parse_gives_back_what_was_encoded():
    other = {"token_ids": [101, 102], "label": 0, "id": "é"}
    parsed = parse("imdb", tf.constant([encode(REVIEW), encode(other)]))
    assert parsed["token_ids"].to_list() == [[101, 7, 102], [101, 102]]
    assert parsed["token_ids"].dtype == tf.int64
    assert parsed["label"].numpy().tolist() == [1, 0]
    assert parsed["id"].numpy().tolist() == [b"train/pos/0_9", "é".encode()]
