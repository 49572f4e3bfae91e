"""Raw text in, named answers out: the signatures of the served models.

Names, dtypes and shapes are a contract with every client; `tests/serving/test_export.py` freezes
them.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer
from serving.answer_graph import NBest, best_spans, n_best
from serving.chunks import in_chunks
from serving.span_graph import NEVER, PLACES, Places, best_places
from serving.text_graph import TextTokens, example_texts
from serving.window_graph import cut_windows, tokenize_request, window_tokens
from trainer.spans import N_BEST

# (token_ids, segment_ids int32[batch, sequence], lengths int32[batch]) -> float32[batch]
ReviewLogit = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
# The same -> float32[batch, classes]
ClassLogits = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
# The same -> start and end logits, each float32[batch, sequence]
SpanLogits = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

_TEXT = tf.TensorSpec([None], tf.string, name="text")
_QUESTION = tf.TensorSpec([None], tf.string, name="question")
_CONTEXT = tf.TensorSpec([None], tf.string, name="context")
_EXAMPLES = tf.TensorSpec([None], tf.string, name="inputs")
_TOKENS = tf.TensorSpec([None, None], tf.int32)
_ENCODER_INPUT = [_TOKENS, _TOKENS, tf.TensorSpec([None], tf.int32)]


class Sentiment(tf.Module):
    """The served classifier of two labels.

    Args:
        tokenizer: the one of the training data.
        review_logit: the model; traced once for all signatures.
        max_seq_length: tokens that are kept of a text, with `[CLS]` and `[SEP]`.
        vocabulary_path: a file that becomes an asset of the export.
        labels: the names of the negative and the positive class.
    """

    def __init__(
        self,
        tokenizer: BertTokenizer,
        review_logit: ReviewLogit,
        max_seq_length: int,
        vocabulary_path: pathlib.Path,
        labels: Sequence[str],
    ):
        super().__init__()
        self.vocabulary = tf.saved_model.Asset(str(vocabulary_path))
        self._tokenizer = tokenizer
        self._max_seq_length = max_seq_length
        self._labels = tuple(labels)
        self._review_logit = tf.function(review_logit, _ENCODER_INPUT, autograph=False)

    @tf.function(input_signature=[_TEXT], autograph=False)
    def serving_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """text string[batch] -> probability of the positive class, float32[batch]."""
        return {"probability": self._probability(text)}

    @tf.function(input_signature=[_EXAMPLES], autograph=False)
    def classify(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialized tf.Examples with a feature `text` -> classes, scores, both [batch, 2]."""
        positive = self._probability(example_texts(examples))
        scores = tf.stack([1.0 - positive, positive], axis=1)
        return {"classes": _class_names(self._labels, scores), "scores": scores}

    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """By the names they are served under."""
        return {"serving_default": self.serving_default, "classify": self.classify}

    def _probability(self, text: tf.Tensor) -> tf.Tensor:
        tokens = TextTokens(self._tokenizer, text, self._max_seq_length)
        spec = tf.TensorSpec([], tf.float32)
        return tf.sigmoid(tokens.in_chunks(self._review_logit, spec))


class TextClassifier(tf.Module):
    """The served classifier of more than two labels.

    Args:
        tokenizer: the one of the training data.
        class_logits: the model; traced once for all signatures.
        max_seq_length: tokens that are kept of a text, with `[CLS]` and `[SEP]`.
        vocabulary_path: a file that becomes an asset of the export.
        labels: the names of the classes.
    """

    def __init__(
        self,
        tokenizer: BertTokenizer,
        class_logits: ClassLogits,
        max_seq_length: int,
        vocabulary_path: pathlib.Path,
        labels: Sequence[str],
    ):
        super().__init__()
        self.vocabulary = tf.saved_model.Asset(str(vocabulary_path))
        self._tokenizer = tokenizer
        self._max_seq_length = max_seq_length
        self._labels = tuple(labels)
        self._class_logits = tf.function(class_logits, _ENCODER_INPUT, autograph=False)

    @tf.function(input_signature=[_TEXT], autograph=False)
    def serving_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """text string[batch] -> the likeliest label, string[batch], and the probabilities of all,
        float32[batch, classes], in the order of `classify`'s classes."""
        probabilities = self._probabilities(text)
        best = tf.argmax(probabilities, axis=1, output_type=tf.int32)
        return {
            "label": tf.gather(tf.constant(self._labels), best),
            "probabilities": probabilities,
        }

    @tf.function(input_signature=[_EXAMPLES], autograph=False)
    def classify(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialized tf.Examples with a feature `text` -> classes, scores: [batch, classes]."""
        scores = self._probabilities(example_texts(examples))
        return {"classes": _class_names(self._labels, scores), "scores": scores}

    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """By the names they are served under."""
        return {"serving_default": self.serving_default, "classify": self.classify}

    def _probabilities(self, text: tf.Tensor) -> tf.Tensor:
        tokens = TextTokens(self._tokenizer, text, self._max_seq_length)
        spec = tf.TensorSpec([len(self._labels)], tf.float32)
        return tf.nn.softmax(tokens.in_chunks(self._class_logits, spec))


def _class_names(labels: tuple[str, ...], scores: tf.Tensor) -> tf.Tensor:
    """The labels once for each row: string[batch, classes]."""
    return tf.tile(tf.constant([labels]), [tf.shape(scores)[0], 1])


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnswerRules:
    """How windows are cut, and when a question has no answer."""

    max_seq_length: int
    doc_stride: int
    max_query_length: int
    # SQuAD v2.0: no answer when the null score exceeds the best span's by more than this.
    # None: there always is an answer (v1.1).
    null_score_diff_threshold: float | None


class QuestionAnswering(tf.Module):
    """The served reader: question and context in, the answer and its place in the context out.

    Args:
        tokenizer: the one of the training data.
        span_logits: the model; traced once for all signatures.
        rules: windows and threshold.
        vocabulary_path: a file that becomes an asset of the export.
    """

    def __init__(
        self,
        tokenizer: BertTokenizer,
        span_logits: SpanLogits,
        rules: AnswerRules,
        vocabulary_path: pathlib.Path,
    ):
        super().__init__()
        self.vocabulary = tf.saved_model.Asset(str(vocabulary_path))
        self.tokenizer = tokenizer
        self.rules = rules
        self.span_logits = tf.function(span_logits, _ENCODER_INPUT, autograph=False)
        # Both signatures are made of it, and the export holds it once.
        asked = [_QUESTION, _CONTEXT]
        self._answers = tf.function(self._ranked_answers, asked, autograph=False)

    @tf.function(input_signature=[_QUESTION, _CONTEXT], autograph=False)
    def serving_default(self, question: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
        """Each question's answer, or "", -1, -1 where there is none; all outputs are [batch]."""
        best, null_odds = self._answers(question, context)
        # The first span that is one; where there is none at all, the first, which is null.
        place = _first_true(best.start >= 0)
        threshold = self.rules.null_score_diff_threshold
        if threshold is not None:
            place = tf.where(null_odds > threshold, _first_true(best.start < 0), place)

        def take(values: tf.Tensor) -> tf.Tensor:
            return tf.gather(values, place, axis=1, batch_dims=1)

        return {
            "answer": take(best.answer),
            "start": take(best.start),
            "end": take(best.end),
            "probability": take(best.probability),
            "null_odds": null_odds,
        }

    @tf.function(input_signature=[_QUESTION, _CONTEXT], autograph=False)
    def nbest(self, question: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
        """The 20 best answers of each question, [batch, 20]; null_odds is [batch]."""
        best, null_odds = self._answers(question, context)
        shown = {name: table[:, :N_BEST] for name, table in best._asdict().items()}
        return {**shown, "null_odds": null_odds}

    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """By the names they are served under."""
        return {"serving_default": self.serving_default, "nbest": self.nbest}

    def _ranked_answers(self, question: tf.Tensor, context: tf.Tensor) -> tuple[NBest, tf.Tensor]:
        """The n-best table, and null score minus best span score: float32[batch]."""
        question, context = _of_same_number(question, context)
        rules = self.rules
        request = tokenize_request(self.tokenizer, question, context, rules.max_query_length)
        windows = cut_windows(request, rules.max_seq_length, rules.doc_stride)

        def places_in(rows: tf.Tensor, sequence: tf.Tensor) -> Places:
            chunk = windows.take(rows)
            tokens = window_tokens(self.tokenizer, request, chunk, sequence)
            return best_places(chunk, *self.span_logits(*tokens))

        places = Places(*in_chunks(places_in, windows.lengths, rules.max_seq_length, PLACES))
        spans = best_spans(request, windows, places)
        count = tf.size(question)
        null_score = tf.math.unsorted_segment_min(places.null_score, windows.question, count)
        allows_null = rules.null_score_diff_threshold is not None
        best = n_best(request, spans, null_score if allows_null else None)
        best_score = tf.math.unsorted_segment_max(spans.score, spans.question, count)
        # Of a question without any span it is the least float64.
        best_score = tf.where(best_score < NEVER, tf.zeros_like(best_score), best_score)
        return best, tf.cast(null_score - best_score, tf.float32)


def _of_same_number(question: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The same tensors, or InvalidArgumentError with both numbers."""
    numbers = tf.size(question), tf.size(context)
    same_number = tf.debugging.Assert(
        tf.equal(*numbers), ["question and context differ in number, expected as many:", *numbers]
    )
    with tf.control_dependencies([same_number]):  # else another op may fail before it
        return tf.identity(question), tf.identity(context)


def _first_true(flags: tf.Tensor) -> tf.Tensor:
    """bool[rows, n] -> the place of each row's first true, 0 where there is none: int32[rows]."""
    places = tf.where(flags, tf.range(tf.shape(flags)[1]), tf.int32.max)
    first = tf.reduce_min(places, axis=1)
    return tf.where(first == tf.int32.max, 0, first)
