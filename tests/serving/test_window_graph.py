"""The windows of the served graph are those of the training records."""

import numpy as np
import pytest

from preprocessing.tokenizer import BertTokenizer
from preprocessing.vocabulary import load_vocabulary
from preprocessing.windows import cut_windows as cut_windows_in_python
from serving.window_graph import cut_windows, tokenize_request, window_tokens

QUESTION = "who built the old bridge of the town?"
CONTEXTS = {
    "empty": "",
    "only-control-characters": "\u200b\u0007",
    "one-word": "bridge",
    "accents-and-emoji": "Café cafe\u0301 中国 🎬",
    "several-windows": "the bridge was built in 1894. " * 9,
}


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS.keys())
@pytest.mark.parametrize("stride", [1, 7, 100])
def test_windows_are_those_of_preprocessing(vocabulary_path, context, stride):
    tokenizer = BertTokenizer(load_vocabulary(vocabulary_path))
    request = tokenize_request(tokenizer, ["x", QUESTION], [CONTEXTS["one-word"], context], 5)
    windows = cut_windows(request, 24, stride)
    token_ids, segment_ids, lengths = window_tokens(tokenizer, request, windows, 24)
    assert token_ids.shape[1] == segment_ids.shape[1] == 24
    question = tokenizer.tokenize([QUESTION]).to_list()[0][:5]
    tokens = tokenizer.tokenize([context]).to_list()[0]
    prefix = [tokenizer.cls_id, *question, tokenizer.sep_id]
    spans = cut_windows_in_python(len(tokens), 24 - len(prefix) - 1, stride) or [(0, 0)]
    rows = [i for i, number in enumerate(windows.question.numpy()) if number == 1]
    assert len(rows) == len(spans)
    for row, (start, end) in zip(rows, spans, strict=True):
        expected = [*prefix, *tokens[start:end], tokenizer.sep_id]
        length = lengths[row]
        assert length == len(expected)
        assert token_ids[row, :length].numpy().tolist() == expected
        assert set(token_ids[row, length:].numpy()) <= {tokenizer.pad_id}
        segments = [0] * len(prefix) + [1] * (len(expected) - len(prefix))
        assert segment_ids[row, :length].numpy().tolist() == segments
        assert windows.first_token[row] == start
        assert windows.num_context_tokens[row] == end - start
        assert windows.last_length[row] == spans[-1][1] - spans[-1][0]


def test_each_distinct_context_is_tokenised_once(vocabulary_path):
    tokenizer = BertTokenizer(load_vocabulary(vocabulary_path))
    request = tokenize_request(tokenizer, ["a", "b", "c"], ["one", "two words", "one"], 5)
    np.testing.assert_array_equal(request.context, [0, 1, 0])
    assert request.context_ids.nrows() == request.characters.nrows() == 2
