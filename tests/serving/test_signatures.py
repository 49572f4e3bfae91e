"""What the signatures make of texts that are odd, on their own: empty, blank, broken, too long."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from preprocessing.vocabulary import load_vocabulary
from serving.saved_model import load_in_session
from serving.signatures import AnswerRules
from tests.preprocessing.hard_texts import HARD_TEXTS
from tests.serving.fuzzed_texts import fuzzed_text
from tests.serving.plain_answers import FormulaModel, check_answers

CONTEXT = "The old bridge was built in 1894 by Ada Mills. "
PAIRS = {
    "empty-question": ("", CONTEXT),
    "blank-question": (" \t\u3000", CONTEXT),
    "control-characters-as-question": ("\x00\u200b\x07", CONTEXT),
    "question-of-more-tokens-than-a-window": ("who " * 500, CONTEXT),
    "nul-bytes": ("who\x00?", "The\x00 old bri\x00dge\x00."),
    "right-to-left": ("\u202ewho?", "\u202b" + HARD_TEXTS["arabic"] + "\u202c " + CONTEXT),
    "emoji": ("👩‍👩‍👧?", HARD_TEXTS["emoji"] + HARD_TEXTS["flag"] + CONTEXT),
    "combining-marks": ("é e\u0301", HARD_TEXTS["stacked-marks"] + " " + CONTEXT),
    "one-giant-word": ("who?", "a" * 5000),
    "a-word-of-hyphens": ("who?", "-" * 500),
    "a-wide-gap": ("who?", "left" + " " * 100_000 + "right"),
    "many-windows": ("who built it?", CONTEXT * 100),
}
BLANK = {"empty": "", "blank": " \n\u2003", "control-characters": "\x00\u200b\ufffd"}


def formula_model(vocabulary_path, threshold):
    rules = AnswerRules(
        max_seq_length=48, doc_stride=16, max_query_length=8, null_score_diff_threshold=threshold
    )
    return FormulaModel(load_vocabulary(vocabulary_path), vocabulary_path, rules)


@pytest.fixture(scope="module")
def v1_model(vocabulary_path):
    return formula_model(vocabulary_path, None)


@pytest.fixture(scope="module")
def v2_model(vocabulary_path):
    return formula_model(vocabulary_path, 0.0)


def ask(model, question, context):
    outputs = model.served.serving_default(tf.constant([question]), tf.constant([context]))
    return {name: value.numpy()[0] for name, value in outputs.items()}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_odd_texts_have_an_answer(v1_model, pair):
    check_answers(v1_model, [pair])
    found = ask(v1_model, *pair)
    assert found["answer"].decode() == pair[1][found["start"] : found["end"]] != ""


def test_odd_texts_in_one_batch(v1_model):
    check_answers(v1_model, list(PAIRS.values()))


@pytest.mark.parametrize("context", BLANK.values(), ids=BLANK.keys())
def test_contexts_without_tokens_have_no_answer(v1_model, v2_model, context):
    for model, probability in ((v1_model, 0.0), (v2_model, 1.0)):
        found = ask(model, "who?", context)
        assert (found["answer"], found["start"], found["end"]) == (b"", -1, -1)
        assert found["probability"] == probability
        assert found["null_odds"] == np.float32(model.expected("who?", context).null_odds)


def test_a_long_question_is_cut_as_in_training(v1_model):
    tokens = "who built the old bridge of 1894 "  # seven
    cut, whole = (ask(v1_model, tokens + end, CONTEXT) for end in ("by", "by Ada Mills of Ada"))
    assert cut == whole


@pytest.mark.parametrize("first_seed", [0, 1000])
def test_random_contexts_equal_run_squad(v2_model, first_seed):
    texts = [
        fuzzed_text(seed).decode("utf-8", "replace") for seed in range(first_seed, first_seed + 60)
    ]
    check_answers(v2_model, list(zip(texts[::-1], texts, strict=True)))


@pytest.mark.parametrize(
    ("context", "characters"),
    [
        pytest.param(b"caf\xc3 Ada", "caf\ufffd Ada", id="cut-character"),
        pytest.param(b"Ada \xff\xfe Mills", "Ada \ufffd\ufffd Mills", id="no-character"),
        pytest.param(b"Ada \xed\xa0\x80 Mills", "Ada \ufffd\ufffd\ufffd Mills", id="surrogate"),
    ],
)
def test_invalid_utf8_counts_as_replacement_characters(v1_model, context, characters):
    found, expected = ask(v1_model, "who?", context), ask(v1_model, "who?", characters)
    assert found == expected
    assert found["answer"].decode() == characters[found["start"] : found["end"]]


@pytest.mark.parametrize("signature", ["serving_default", "nbest"])
@pytest.mark.parametrize("contexts", [[], ["Ada"], ["Ada"] * 3])
def test_as_many_contexts_as_questions(models, signature, contexts):
    run = load_in_session(models / "qa" / "1")
    message = rf"question and context differ in number.*\[2\] \[{len(contexts)}\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        run(signature, {"question": ["who?", "when?"], "context": contexts})


def test_an_empty_batch_is_answered(models):
    answers = load_in_session(models / "qa" / "1")
    for signature, shape in (("serving_default", (0,)), ("nbest", (0, 20))):
        found = answers(signature, {"question": [], "context": []})
        assert {name: values.shape for name, values in found.items()} == {
            name: shape if name != "null_odds" else (0,) for name in found
        }
    sentiment = load_in_session(models / "sentiment" / "1")
    assert sentiment("serving_default", {"text": []})["probability"].shape == (0,)
    assert sentiment("classify", {"inputs": []})["scores"].shape == (0, 2)


def test_classify_has_the_method_of_classify(models):
    content = (models / "sentiment" / "1" / "saved_model.pb").read_bytes()
    signatures = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].signature_def
    assert signatures["classify"].method_name == "tensorflow/serving/classify"
    assert signatures["serving_default"].method_name == "tensorflow/serving/predict"


def example(**features: list[bytes] | list[int]) -> bytes:
    """A serialized tf.Example."""
    made = {}
    for name, values in features.items():
        if values and isinstance(values[0], int):
            made[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        else:
            made[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()


@pytest.mark.parametrize(
    ("serialized", "message"),
    [
        pytest.param(example(), r"row\] \[1\] \[has\] \[0\] \[values of text", id="no-feature"),
        pytest.param(example(text=[]), r"row\] \[1\] \[has\] \[0\]", id="no-value"),
        pytest.param(example(text=[b"a", b"b"]), r"row\] \[1\] \[has\] \[2\]", id="two-values"),
        pytest.param(example(text=[7]), r"Name: 1, .*Data types don't match", id="a-number"),
        pytest.param(b"no example", "Could not parse example input", id="broken"),
    ],
)
def test_classify_names_the_row_without_text(models, serialized, message):
    run = load_in_session(models / "sentiment" / "1")
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        run("classify", {"inputs": [example(text=[b"a lovely film"]), serialized]})
