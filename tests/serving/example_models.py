"""Small SavedModels that take tf.Examples: what Classify, Regress and MultiInference ask."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tests.serving.example_requests import CLASSIFY, REGRESS
from tests.serving.served_models import Tensors, signature, v1, write_tf1


def _read_x(serialized: tf.Tensor) -> tf.Tensor:
    """The feature x of each example, float32[batch, 1]."""
    return tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]


def _classes(y: tf.Tensor) -> tf.Tensor:
    return tf.tile([["plus", "minus"]], [tf.shape(y)[0], 1])


def _scores(y: tf.Tensor) -> tf.Tensor:
    return tf.concat([y, -y], 1)


def half_plus_two_examples_tf1(folder: pathlib.Path) -> pathlib.Path:
    """y = 0.5 x + 2 by Predict, Classify and Regress, each signature with its own method.

    `classify` gives ("plus", y) and ("minus", -y), `regress` y, `regress_plus_three` y + 1.
    """

    def build():
        half = v1.get_variable("half", initializer=0.5, use_resource=False)
        x = v1.placeholder(tf.float32, [None, 1], name="x")
        examples = v1.placeholder(tf.string, [None], name="examples")
        y = half * _read_x(examples) + 2
        classes, scores, inputs = _classes(y), _scores(y), {"inputs": examples}
        return {
            "serving_default": signature({"x": x}, {"y": half * x + 2}),
            "classify": _for(CLASSIFY, inputs, {"classes": classes, "scores": scores}),
            "classify_labels": _for(CLASSIFY, inputs, {"classes": classes}),
            "classify_scores": _for(CLASSIFY, inputs, {"scores": scores}),
            "regress": _for(REGRESS, inputs, {"outputs": y}),
            "regress_plus_three": _for(REGRESS, inputs, {"outputs": y[:, 0] + 1}),
        }

    return write_tf1(folder, build)


def half_plus_two_examples_tf2(folder: pathlib.Path) -> pathlib.Path:
    """The same from `tf.saved_model.save`, where every method is that of Predict."""

    class HalfPlusTwo(tf.Module):
        def __init__(self):
            super().__init__()
            self.half = tf.Variable(0.5)

        @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32)])
        def predict(self, x):
            return {"y": self.half * x + 2}

        def of_examples(self, read):
            @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
            def ask(inputs):
                return read(self.half * _read_x(inputs) + 2)

            return ask

    model, unfinished = HalfPlusTwo(), folder.with_name(f"unfinished-{folder.name}")
    signatures = {
        "serving_default": model.predict,
        "classify": model.of_examples(lambda y: {"classes": _classes(y), "scores": _scores(y)}),
        "classify_labels": model.of_examples(lambda y: {"classes": _classes(y)}),
        "classify_scores": model.of_examples(lambda y: {"scores": _scores(y)}),
        "regress": model.of_examples(lambda y: {"outputs": y}),
        "regress_plus_three": model.of_examples(lambda y: {"outputs": y[:, 0] + 1}),
    }
    tf.saved_model.save(model, str(unfinished), signatures=signatures)
    os.rename(unfinished, folder)
    return folder


def _for(method: str, inputs: Tensors, outputs: Tensors) -> Any:
    made = signature(inputs, outputs)
    made.method_name = method
    return made


def misfits(folder: pathlib.Path) -> pathlib.Path:
    """Signatures that Classify or Regress refuse, or that answer in ways of their own.

    The default one takes examples, and gives each back as the label of its one class.
    """

    def build():
        examples = v1.placeholder(tf.string, [None], name="examples")
        other = v1.placeholder(tf.string, [None], name="other")
        x = v1.placeholder(tf.float32, None, name="x")
        labels = examples[:, tf.newaxis]
        numbers = tf.zeros_like(examples, tf.float32)[:, tf.newaxis]
        wide = tf.concat([numbers, numbers], 1)
        lengths = tf.cast(tf.strings.length(other), tf.float32)
        outputs: Mapping[str, Tensors] = {
            "serving_default": {"classes": labels},
            "three_outputs": {"classes": labels, "scores": numbers, "more": numbers},
            "logits": {"logits": numbers},
            "scores_in_a_row": {"scores": numbers[:, 0]},
            "scores_of_integers": {"scores": tf.cast(numbers, tf.int32)},
            "classes_of_floats": {"classes": numbers},
            "classes_in_a_row": {"classes": labels[:, 0]},
            "scores_of_the_first": {"scores": numbers[:1]},
            "classes_of_the_first": {"classes": labels[:1]},
            "more_scores": {"classes": labels, "scores": wide},
            "no_classes": {"scores": wide[:, :0]},
            "regress": {"outputs": numbers},
            "regress_wide": {"outputs": wide},
            "regress_one_number": {"outputs": tf.reduce_sum(numbers)},
            "regress_integers": {"outputs": tf.cast(numbers, tf.int32)},
            "regress_the_first": {"outputs": numbers[:1]},
            "regress_two_outputs": {"outputs": numbers, "more": numbers},
        }
        signatures = {name: signature({"inputs": examples}, of) for name, of in outputs.items()}
        more = {
            "other_placeholder": signature({"inputs": other}, {"outputs": lengths}),
            "two_inputs": signature({"inputs": examples, "more": other}, {"scores": numbers}),
            "input_x": signature({"x": examples}, {"scores": numbers}),
            "input_x_three_outputs": signature({"x": examples}, {"a": wide, "b": wide, "c": wide}),
            "to_half": signature({"x": x}, {"y": tf.cast(x, tf.float16)}),
            "to_uint16": signature({"x": x}, {"y": tf.cast(x, tf.uint16)}),
            "no_rows": signature({"x": x}, {"y": x[:0]}),
            "wrong_dtype": signature({"x": x}, {"y": tf.identity(x)}),
        }
        more["wrong_dtype"].inputs["x"].dtype = tf.int32.as_datatype_enum
        return {**signatures, **more}

    return write_tf1(folder, build)


def no_inputs(folder: pathlib.Path) -> pathlib.Path:
    """Its default signature takes nothing."""
    return write_tf1(folder, lambda: {"serving_default": signature({}, {"y": tf.constant([1.0])})})
