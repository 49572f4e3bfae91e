"""PTransforms: tokenise a data set, write its shards and what was rejected."""

import collections
import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf

from preprocessing import imdb, squad
from preprocessing.records import Record, Rejected, Shard, stable_hash
from preprocessing.tokenizer import BertTokenizer, load_vocabulary
from preprocessing.windows import TokenizedText

REJECTED = "rejected"  # the tag of the second output of TokenizeReviews and CutWindows

# Elements that this process has read and tokenised. A runner that works in this process, as the
# local one does, can be watched by them; the others have their own pages for Beam's counters.
_local_counts: collections.Counter[str] = collections.Counter()


def local_progress() -> tuple[int, int]:
    """(tokenised, read) elements of this process; read counts once reading has ended."""
    return _local_counts["tokenized"], _local_counts["read"] if _local_counts["tokenized"] else 0


class Read(beam.PTransform):
    """(source, split) -> elements, read by a function and spread over the workers."""

    def __init__(self, read: Callable[[str, str], Iterable[Any]]):
        super().__init__()
        self._read = read

    def expand(self, sources):
        return sources | "Read" >> beam.FlatMap(_counted, self._read) | beam.Reshuffle()


def _counted(
    source_and_split: tuple[str, str], read: Callable[[str, str], Iterable[Any]]
) -> Iterator[Any]:
    for element in read(*source_and_split):
        _local_counts["read"] += 1
        yield element


class WriteShards(beam.PTransform):
    """Record -> Shard: each record in the shard its id says, in an order its id says.

    So the same records give the same files, whatever the runner, the order they come in or the
    number of workers. A question's windows stay together.
    """

    def __init__(self, folder: pathlib.Path, num_shards: int):
        super().__init__()
        self._folder = folder
        self._num_shards = num_shards

    def expand(self, records):
        num_shards, folder = self._num_shards, self._folder
        return (
            records
            | "KeyByShard" >> beam.Map(lambda record: (_shard_of(record, num_shards), record))
            | "GroupByShard" >> beam.GroupByKey()
            | "Write" >> beam.Map(_write_shard, folder, num_shards)
        )


def _shard_of(record: Record, num_shards: int) -> tuple[str, int]:
    return record.split, stable_hash(record.id) % num_shards


def _write_shard(
    group: tuple[tuple[str, int], Iterable[Record]], folder: pathlib.Path, num_shards: int
) -> Shard:
    (split, number), members = group
    records = sorted(members, key=_place_in_shard)
    name = f"{split}-{number:05d}-of-{num_shards:05d}.tfrecord"
    digest = hashlib.sha256()
    with tf.io.TFRecordWriter(str(folder / name)) as writer:
        for record in records:
            writer.write(record.serialized)
            digest.update(hashlib.sha256(record.serialized).digest())
    return Shard(
        split=split,
        name=name,
        records=len(records),
        examples=len({record.id for record in records}),
        tokens=sum(record.num_tokens for record in records),
        unanswerable=any(record.is_impossible for record in records),
        lengths=dict(collections.Counter(_length_bin(record.num_tokens) for record in records)),
        sha256=digest.hexdigest(),
    )


def _place_in_shard(record: Record) -> tuple[int, int, bytes]:
    # The content decides between records of one id, which bad sources have.
    return stable_hash(f"order:{record.id}"), record.window, record.serialized


def _length_bin(num_tokens: int) -> str:
    return str(-(-num_tokens // 32) * 32)


class SaveList(beam.PTransform):
    """Writes all elements (few; dataclasses or tuples) as one JSON list to a file."""

    def __init__(self, path: pathlib.Path):
        super().__init__()
        self._path = path

    def expand(self, elements):
        return elements | beam.combiners.ToList() | beam.Map(_save_list, self._path)


def _save_list(elements: list, path: pathlib.Path) -> None:
    plain = [e if isinstance(e, tuple) else dataclasses.asdict(e) for e in elements]
    path.write_text(json.dumps(plain))


class WriteRejected(beam.PTransform):
    """Rejected -> (reason, count), and one file `rejected-<split>.jsonl` per split that has any."""

    def __init__(self, folder: pathlib.Path):
        super().__init__()
        self._folder = folder

    def expand(self, rejected):
        return (
            rejected
            | "KeyBySplit" >> beam.Map(lambda entry: (entry.split, entry))
            | "GroupBySplit" >> beam.GroupByKey()
            | "Write" >> beam.FlatMap(_write_rejected, self._folder)
        )


def _write_rejected(
    group: tuple[str, Iterable[Rejected]], folder: pathlib.Path
) -> Iterator[tuple[str, int]]:
    split, members = group
    entries = sorted(members, key=lambda entry: (entry.source, entry.id, entry.reason))
    with open(folder / f"rejected-{split}.jsonl", "w", encoding="utf-8") as file:
        for entry in entries:
            file.write(json.dumps(dataclasses.asdict(entry), ensure_ascii=False) + "\n")
    yield from collections.Counter(entry.reason for entry in entries).items()


class TokenizeReviews(beam.PTransform):
    """Review -> Record (main output) or Rejected (output `REJECTED`).

    Args:
        vocabulary_path: read once per worker.
        lowercase: False for cased vocabularies.
        max_seq_length: tokens of a record, with `[CLS]` and `[SEP]`; longer reviews are cut.
        validation_fraction: share of the training reviews that becomes "validation".
    """

    def __init__(
        self, vocabulary_path: str, lowercase: bool, max_seq_length: int, validation_fraction: float
    ):
        super().__init__()
        self._dofn = _TokenizeReviews(
            vocabulary_path, lowercase, max_seq_length, validation_fraction
        )

    def expand(self, reviews):
        return _in_batches(reviews, self._dofn)


class CutWindows(beam.PTransform):
    """Paragraph -> Record per window (main output), Rejected per question (output `REJECTED`)."""

    def __init__(self, vocabulary_path: str, lowercase: bool, parameters: squad.WindowParameters):
        super().__init__()
        self._dofn = _CutWindows(vocabulary_path, lowercase, parameters)

    def expand(self, paragraphs):
        return _in_batches(paragraphs, self._dofn)


def _in_batches(elements: beam.PCollection, dofn: beam.DoFn) -> beam.pvalue.DoOutputsTuple:
    """Applies a DoFn to lists of elements: one call of the tokenisation graph for many texts."""
    return (
        elements
        | "Batch" >> beam.BatchElements(min_batch_size=64, max_batch_size=256)
        | "Tokenize" >> beam.ParDo(dofn).with_outputs(REJECTED, main="records")
    )


class _TokenizingDoFn(beam.DoFn):
    """Holds a tokenisation graph per worker."""

    def __init__(self, vocabulary_path: str, lowercase: bool):
        self._vocabulary_path = vocabulary_path
        self._lowercase = lowercase

    def setup(self) -> None:
        self._tokenizer = BertTokenizer(load_vocabulary(self._vocabulary_path), self._lowercase)
        signature = [tf.TensorSpec([None], tf.string)]
        self._ids = tf.function(self._tokenizer.tokenize, signature)
        self._ids_and_offsets = tf.function(self._tokenizer.tokenize_with_offsets, signature)

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        return self._ids(_encoded(texts)).to_list()

    def tokenize_with_offsets(self, texts: list[str]) -> list[TokenizedText]:
        columns = [column.to_list() for column in self._ids_and_offsets(_encoded(texts))]
        return [TokenizedText(*row) for row in zip(texts, *columns, strict=True)]


def _encoded(texts: list[str]) -> tf.Tensor:
    """Lone surrogates, which JSON can hold, become one "?" each: offsets stay right."""
    return tf.constant([text.encode("utf-8", "replace") for text in texts], tf.string)


class _TokenizeReviews(_TokenizingDoFn):
    def __init__(
        self, vocabulary_path: str, lowercase: bool, max_seq_length: int, validation_fraction: float
    ):
        super().__init__(vocabulary_path, lowercase)
        self._max_seq_length = max_seq_length
        self._validation_fraction = validation_fraction

    def process(self, reviews: list[imdb.Review]) -> Iterator[Any]:
        checked = [imdb.check_review(review, self._validation_fraction) for review in reviews]
        for entry in checked:
            if isinstance(entry, Rejected):
                yield beam.pvalue.TaggedOutput(REJECTED, entry)
        good = [entry for entry in checked if not isinstance(entry, Rejected)]
        special = self._tokenizer.cls_id, self._tokenizer.sep_id
        for review, ids in zip(good, self.tokenize([entry.text for entry in good]), strict=True):
            yield imdb.record_of_review(review, ids, self._max_seq_length, *special)
        _local_counts["tokenized"] += len(reviews)


class _CutWindows(_TokenizingDoFn):
    def __init__(self, vocabulary_path: str, lowercase: bool, parameters: squad.WindowParameters):
        super().__init__(vocabulary_path, lowercase)
        self._parameters = parameters

    def process(self, paragraphs: list[squad.Paragraph]) -> Iterator[Any]:
        contexts = self.tokenize_with_offsets([paragraph.context for paragraph in paragraphs])
        questions = [question for paragraph in paragraphs for question in paragraph.questions]
        question_ids = iter(self.tokenize([question.question for question in questions]))
        answer_ids = iter(self.tokenize([question.label_text() for question in questions]))
        special = self._tokenizer.cls_id, self._tokenizer.sep_id
        for paragraph, context in zip(paragraphs, contexts, strict=True):
            for question in paragraph.questions:
                tokens = squad.TokenizedQuestion(
                    question, context, next(question_ids), next(answer_ids)
                )
                records = squad.windows_of_question(paragraph, tokens, self._parameters, *special)
                if isinstance(records, Rejected):
                    yield beam.pvalue.TaggedOutput(REJECTED, records)
                else:
                    yield from records
        _local_counts["tokenized"] += len(paragraphs)
