"""Small SavedModels for the tests of server and client, made with plain TensorFlow ops.

Functions that write a model take the version's folder and return it. They write it under a
temporary name first, as an exporter should.
"""

import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

v1 = tf.compat.v1
PREDICT = "tensorflow/serving/predict"
ECHO_DTYPES = (
    tf.float32, tf.float64, tf.int8, tf.uint8, tf.int16, tf.int32, tf.uint32, tf.int64, tf.uint64,
    tf.bool, tf.string, tf.float16, tf.bfloat16, tf.uint16,
)  # fmt: skip
Tensors = Mapping[str, tf.Tensor]


def signature(inputs: Tensors, outputs: Tensors, **defaults: float) -> Any:
    """A SignatureDef; `defaults` are float values of inputs that may be left out."""
    info = v1.saved_model.build_tensor_info
    made = v1.saved_model.build_signature_def(
        {alias: info(tensor) for alias, tensor in inputs.items()},
        {alias: info(tensor) for alias, tensor in outputs.items()},
        PREDICT,
    )
    for alias, value in defaults.items():
        made.defaults[alias].CopyFrom(tf.make_tensor_proto(value, tf.float32))
    return made


def write_tf1(folder: pathlib.Path, build: Callable[[], Mapping]) -> pathlib.Path:
    """Saves the signatures that `build` makes in a fresh graph, as TF1 exporters do."""
    unfinished = folder.with_name(f"unfinished-{folder.name}")
    with tf.Graph().as_default(), v1.Session() as session:
        signatures = build()
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(unfinished))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
    os.rename(unfinished, folder)
    return folder


def half_plus_two_tf1(folder: pathlib.Path) -> pathlib.Path:
    """y = 0.5 x + 2 with variables; x is declared float[-1, 1]."""

    def build():
        x = v1.placeholder(tf.float32, [None, 1], name="x")
        half = v1.get_variable("half", initializer=0.5, use_resource=False)
        return {"serving_default": signature({"x": x}, {"y": tf.identity(half * x + 2, name="y")})}

    return write_tf1(folder, build)


def half_plus_two_tf2(folder: pathlib.Path) -> pathlib.Path:
    """The same from `tf.saved_model.save`."""

    class HalfPlusTwo(tf.Module):
        def __init__(self):
            super().__init__()
            self.half = tf.Variable(0.5)

        @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="x")])
        def __call__(self, x):
            return {"y": self.half * x + 2}

    model = HalfPlusTwo()
    unfinished = folder.with_name(f"unfinished-{folder.name}")
    tf.saved_model.save(model, str(unfinished), signatures={"serving_default": model.__call__})
    os.rename(unfinished, folder)
    return folder


def constant(folder: pathlib.Path, value: float) -> pathlib.Path:
    """y = value for every x, so that an answer tells which version gave it."""

    def build():
        x = v1.placeholder(tf.float32, None, name="x")
        return {"serving_default": signature({"x": x}, {"y": tf.zeros_like(x) + value})}

    return write_tf1(folder, build)


def workbench(folder: pathlib.Path) -> pathlib.Path:
    """Many signatures, each for one kind of behaviour."""

    def build():
        a = v1.placeholder(tf.float32, [None], name="a")
        b = v1.placeholder(tf.float32, [None], name="b")
        text = v1.placeholder(tf.string, [None], name="text")
        raw = tf.identity(text)  # a tensor cannot be both fed and fetched
        loops = v1.placeholder(tf.int32, [], name="loops")
        done = tf.while_loop(
            lambda i: i < loops, lambda i: [i + 1], [tf.constant(0)], parallel_iterations=1
        )[0]
        rows = tf.shape(text)[0]
        hours = tf.while_loop(lambda i: i < rows + 2**30, lambda i: [i + 1], [tf.constant(0)])[0]
        endless = tf.fill([rows, 1], tf.cast(hours, tf.float32))
        parsed = v1.io.parse_example(text, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        signatures = {
            "serving_default": signature({"a": a}, {"y": tf.identity(a)}),
            "two": signature({"a": a, "b": b}, {"sum": a + b, "difference": a - b}),
            "optional": signature({"a": a, "b": b}, {"sum": a + b}, b=10.0),
            "text": signature({"text": text}, {"upper": tf.strings.upper(text), "raw_bytes": raw}),
            "bytes": signature({"text": text}, {"raw_bytes": raw}),
            "no_inputs": signature({}, {"y": tf.constant([1.0, 2.0])}),
            "total": signature({"a": a}, {"total": tf.reduce_sum(a)}),
            "uneven": signature({"a": a}, {"all": tf.identity(a), "first": a[:1]}),
            "slow": signature({"loops": loops}, {"done": done}),
            "parse": signature({"inputs": text}, {"x": parsed}),
            "endless_classify": signature({"inputs": text}, {"scores": endless}),
            "endless_regress": signature({"inputs": text}, {"outputs": endless}),
        }
        for dtype in ECHO_DTYPES:
            x = v1.placeholder(dtype, None, name=f"x_{dtype.name}")
            signatures[f"echo_{dtype.name}"] = signature({"x": x}, {"y": tf.identity(x)})
        return signatures

    return write_tf1(folder, build)


def sentiment(folder: pathlib.Path, good: float = 0.9) -> pathlib.Path:
    """Shaped like our sentiment export: `good` for a text with "good" in it, else 0.1."""

    class Sentiment(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def classify(self, text):
            is_good = tf.strings.regex_full_match(text, "(?s).*good.*")
            return {"probability": tf.where(is_good, good, 0.1)}

    return _save(Sentiment(), {"serving_default": "classify"}, folder)


_QUESTION_AND_CONTEXT = [
    tf.TensorSpec([None], tf.string, name="question"),
    tf.TensorSpec([None], tf.string, name="context"),
]


def qa(folder: pathlib.Path) -> pathlib.Path:
    """Shaped like our qa export: answers "first" with the first word of the context."""
    return _qa(folder, {"serving_default": "answer", "nbest": "nbest"})


def qa_without_nbest(folder: pathlib.Path) -> pathlib.Path:
    """`qa` as an older exporter would write it."""
    return _qa(folder, {"serving_default": "answer"})


def _qa(folder: pathlib.Path, signatures: dict[str, str]) -> pathlib.Path:

    class Qa(tf.Module):
        @tf.function(input_signature=_QUESTION_AND_CONTEXT)
        def answer(self, question, context):
            known = tf.equal(question, "first")
            word = tf.strings.regex_replace(context, r"(?s)^\s*(\S*).*", r"\1")
            spaces = tf.strings.regex_replace(context, r"(?s)^(\s*).*", r"\1")
            start = tf.strings.length(spaces, unit="UTF8_CHAR")
            end = start + tf.strings.length(word, unit="UTF8_CHAR")
            return {
                "answer": tf.where(known, word, ""),
                "start": tf.where(known, start, -1),
                "end": tf.where(known, end, -1),
                "probability": tf.where(known, 0.8, 0.3),
                "null_odds": tf.where(known, -2.5, 4.25),
            }

        @tf.function(input_signature=_QUESTION_AND_CONTEXT)
        def nbest(self, question, context):
            """The word with 0.75 and no answer with 0.25; 18 places are not filled."""
            found = self.answer(tf.fill(tf.shape(question), "first"), context)
            padding = [[0, 0], [0, 18]]
            return {
                alias: tf.pad(
                    tf.stack([first, tf.fill(tf.shape(first), none)], axis=1),
                    padding,
                    constant_values=none if alias != "probability" else 0.0,
                )
                for alias, first, none in (
                    ("answer", found["answer"], ""),
                    ("start", found["start"], -1),
                    ("end", found["end"], -1),
                    ("probability", tf.fill(tf.shape(question), 0.75), 0.25),
                )
            } | {"null_odds": found["null_odds"]}

    return _save(Qa(), signatures, folder)


def topics(folder: pathlib.Path) -> pathlib.Path:
    """Shaped like our export of three labels: "sport" for a text with "goal", else "weather"."""

    class Topics(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def classify(self, text):
            goal = tf.strings.regex_full_match(text, "(?s).*goal.*")
            sport, weather = [0.125, 0.75, 0.125], [0.125, 0.25, 0.625]
            return {
                "label": tf.where(goal, "sport", "weather"),
                "probabilities": tf.where(goal[:, tf.newaxis], [sport], [weather]),
            }

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
        def classify_examples(self, inputs):
            read = tf.io.parse_example(inputs, {"text": tf.io.FixedLenFeature([], tf.string)})
            scores = self.classify(read["text"])["probabilities"]
            names = tf.broadcast_to(["music", "sport", "weather"], tf.shape(scores))
            return {"classes": names, "scores": scores}

    signatures = {"serving_default": "classify", "classify": "classify_examples"}
    return _save(Topics(), signatures, folder)


def _save(model: tf.Module, methods: Mapping[str, str], folder: pathlib.Path) -> pathlib.Path:
    unfinished = folder.with_name(f"unfinished-{folder.name}")
    signatures = {name: getattr(model, method) for name, method in methods.items()}
    tf.saved_model.save(model, str(unfinished), signatures=signatures)
    os.rename(unfinished, folder)
    return folder


def add_warm_up(folder: pathlib.Path, records: list[bytes]) -> pathlib.Path:
    """Adds warm-up requests to a version: serialized PredictionLogs, or what a test takes."""
    extra = folder / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        for record in records:
            writer.write(record)
    return folder
