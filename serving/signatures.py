"""Raw text in, named answers out: the signatures of the served models.

Names, dtypes and shapes are a contract with every client; `tests/serving/test_signatures.py`
freezes them.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence

import tensorflow as tf

from preprocessing.tokenizer import BertTokenizer
from serving.span_graph import NBest, candidate_spans, n_best, null_scores
from serving.window_graph import cut_windows

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
        self._review_logit = tf.function(review_logit, input_signature=_ENCODER_INPUT)

    @tf.function(input_signature=[_TEXT])
    def serving_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """text string[batch] -> probability of the positive class, float32[batch]."""
        return {"probability": self._probability(text)}

    @tf.function(input_signature=[_EXAMPLES])
    def classify(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialized tf.Examples with a feature `text` -> classes, scores, both [batch, 2]."""
        positive = self._probability(_texts(examples))
        scores = tf.stack([1.0 - positive, positive], axis=1)
        return {"classes": _class_names(self._labels, scores), "scores": scores}

    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """By the names they are served under."""
        return {"serving_default": self.serving_default, "classify": self.classify}

    def _probability(self, text: tf.Tensor) -> tf.Tensor:
        encoded = _encoder_inputs(self._tokenizer, text, self._max_seq_length)
        return tf.sigmoid(self._review_logit(*encoded))


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
        self._class_logits = tf.function(class_logits, input_signature=_ENCODER_INPUT)

    @tf.function(input_signature=[_TEXT])
    def serving_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """text string[batch] -> the likeliest label, string[batch], and the probabilities of all,
        float32[batch, classes], in the order of `classify`'s classes."""
        probabilities = self._probabilities(text)
        best = tf.argmax(probabilities, axis=1, output_type=tf.int32)
        return {
            "label": tf.gather(tf.constant(self._labels), best),
            "probabilities": probabilities,
        }

    @tf.function(input_signature=[_EXAMPLES])
    def classify(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Serialized tf.Examples with a feature `text` -> classes, scores: [batch, classes]."""
        scores = self._probabilities(_texts(examples))
        return {"classes": _class_names(self._labels, scores), "scores": scores}

    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """By the names they are served under."""
        return {"serving_default": self.serving_default, "classify": self.classify}

    def _probabilities(self, text: tf.Tensor) -> tf.Tensor:
        encoded = _encoder_inputs(self._tokenizer, text, self._max_seq_length)
        return tf.nn.softmax(self._class_logits(*encoded))


def _texts(examples: tf.Tensor) -> tf.Tensor:
    features = tf.io.parse_example(examples, {"text": tf.io.FixedLenFeature([], tf.string)})
    return features["text"]


def _class_names(labels: tuple[str, ...], scores: tf.Tensor) -> tf.Tensor:
    """The labels once for each row: string[batch, classes]."""
    return tf.tile(tf.constant([labels]), [tf.shape(scores)[0], 1])


def _encoder_inputs(
    tokenizer: BertTokenizer, text: tf.Tensor, max_seq_length: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """token_ids and segment_ids, int32[batch, sequence], and lengths, int32[batch]."""
    token_ids = tokenizer.tokenize(text)[:, : max_seq_length - 2]
    rows = tf.size(text)
    cls = tf.fill([rows, 1], tokenizer.cls_id)
    sep = tf.fill([rows, 1], tokenizer.sep_id)
    token_ids = tf.concat([cls, token_ids, sep], axis=1)
    padded = token_ids.to_tensor(default_value=tokenizer.pad_id)
    lengths = tf.cast(token_ids.row_lengths(), tf.int32)
    return padded, tf.zeros_like(padded), lengths


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
        self._tokenizer = tokenizer
        self._rules = rules
        self._span_logits = tf.function(span_logits, input_signature=_ENCODER_INPUT)

    @tf.function(input_signature=[_QUESTION, _CONTEXT])
    def serving_default(self, question: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
        """Each question's answer, or "", -1, -1 where there is none; all outputs are [batch]."""
        best, null_odds = self._answers(question, context)
        is_null = best.start < 0
        # The first span that is one; where there is none at all, the first, which is null.
        span = tf.argmax(~is_null, axis=1, output_type=tf.int32)
        threshold = self._rules.null_score_diff_threshold
        if threshold is not None:
            null = tf.argmax(is_null, axis=1, output_type=tf.int32)
            span = tf.where(null_odds > threshold, null, span)

        def take(values: tf.Tensor) -> tf.Tensor:
            return tf.gather(values, span, axis=1, batch_dims=1)

        return {
            "answer": take(best.answer),
            "start": take(best.start),
            "end": take(best.end),
            "probability": take(best.probability),
            "null_odds": null_odds,
        }

    @tf.function(input_signature=[_QUESTION, _CONTEXT])
    def nbest(self, question: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
        """The 20 best answers of each question, [batch, 20]; null_odds is [batch]."""
        best, null_odds = self._answers(question, context)
        return {**best._asdict(), "null_odds": null_odds}

    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """By the names they are served under."""
        return {"serving_default": self.serving_default, "nbest": self.nbest}

    def _answers(self, question: tf.Tensor, context: tf.Tensor) -> tuple[NBest, tf.Tensor]:
        """The n-best table, and null score minus best span score: float32[batch]."""
        same_number = tf.debugging.assert_equal(
            tf.size(question), tf.size(context), "question and context differ in number"
        )
        with tf.control_dependencies([same_number]):  # else another op may fail before it
            question, context = tf.identity(question), tf.identity(context)
        count = tf.size(question)
        # Characters are counted as the tokenizer counts them: one per invalid sequence.
        context = tf.strings.unicode_transcode(context, "UTF-8", "UTF-8", errors="replace")
        rules = self._rules
        lengths = rules.max_seq_length, rules.doc_stride, rules.max_query_length
        windows = cut_windows(self._tokenizer, question, context, *lengths)
        logits = self._span_logits(windows.token_ids, windows.segment_ids, windows.lengths)
        spans = candidate_spans(windows, context, *logits)
        null_score = null_scores(windows, logits, count)
        allows_null = rules.null_score_diff_threshold is not None
        best = n_best(spans, null_score if allows_null else None, count)
        # No span at all: -inf. Then the odds are the null score alone.
        best_score = tf.math.unsorted_segment_max(spans.score, spans.question, count)
        best_score = tf.where(best_score < -1e30, tf.zeros_like(best_score), best_score)
        return best, tf.cast(null_score - best_score, tf.float32)
