import pytest
import tensorflow as tf

from preprocessing.features import encode, parse

REVIEW = {"token_ids": [101, 7, 102], "label": 1, "id": "train/pos/0_9"}


def test_parse_gives_back_what_was_encoded():
    other = {"token_ids": [101, 102], "label": 0, "id": "é"}
    parsed = parse("imdb", tf.constant([encode("imdb", REVIEW), encode("imdb", other)]))
    assert parsed["token_ids"].to_list() == [[101, 7, 102], [101, 102]]
    assert parsed["token_ids"].dtype == tf.int64
    assert parsed["label"].numpy().tolist() == [1, 0]
    assert parsed["id"].numpy().tolist() == [b"train/pos/0_9", "é".encode()]


def test_encode_is_a_plain_tf_example_with_no_other_fields():
    example = tf.train.Example.FromString(encode("imdb", REVIEW))
    assert sorted(example.features.feature) == ["id", "label", "token_ids"]
    assert list(example.features.feature["token_ids"].int64_list.value) == [101, 7, 102]
    assert list(example.features.feature["id"].bytes_list.value) == [b"train/pos/0_9"]


def test_encode_refuses_records_that_break_the_contract():
    with pytest.raises(ValueError, match=r"\['rating'\] are not part of the imdb record"):
        encode("imdb", REVIEW | {"rating": 9})
    with pytest.raises(KeyError, match="label"):
        encode("imdb", {"token_ids": [101], "id": "a"})
