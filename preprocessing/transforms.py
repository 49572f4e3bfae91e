"""The steps of the pipeline: cut sources into blocks, tokenise those, write shards.

Elements and records travel in files of the job's work folder, only their places go through the
runner. It is one chain of steps without side outputs, so that every runner can take it.
"""

import collections
import dataclasses
import hashlib
import itertools
import json
import os
import pickle
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import google_crc32c

from preprocessing import progress_files, runs, statistics, storage
from preprocessing.block_queue import BlockQueue
from preprocessing.blocks import Block, Sized, read_block, write_blocks
from preprocessing.conversion import Converted, Converter, TokenizerSpec
from preprocessing.errors import InputError
from preprocessing.records import place_of
from preprocessing.runs import Group, Slice

# Beam would make rows of a schema of our dataclasses; pickled they stay what they are.
_KEYED = tuple[Any, Any]

# Kinds of groups that come out of the tokenisation.
RECORDS, REJECTED, FINGERPRINTS, COUNTS = "records", "rejected", "fingerprints", "counts"


@dataclasses.dataclass(frozen=True)
class Source:
    """One file, folder or archive."""

    path: str
    split: str  # "" when it holds several


@dataclasses.dataclass(frozen=True)
class Output:
    """What a group became: a file that was written, or counts."""

    group: Group
    path: str = ""
    sha256: str = ""  # of the content of a shard or of a file of rejected records
    entries: int = 0
    counts: statistics.Counts = dataclasses.field(default_factory=statistics.Counts)
    duplicates: statistics.Duplicates = dataclasses.field(default_factory=statistics.Duplicates)


class WriteBlocks(beam.PTransform):
    """tuple of `Source`s -> Block: reads the sources and spreads their blocks over the workers.

    Args:
        read: (path, split) -> elements.
        tokenizer: what the workers will need next, if it is one; they begin to make it while they
            read.
        work: folder for the blocks.
        shared: each worker is given all sources: they share them and their blocks by a
            `BlockQueue`. Else each source is given, and is to be read, once.
        block_size: characters of text in a block, if not as many as usual.
    """

    def __init__(
        self,
        read: Callable[[str, str], Iterable[Sized]],
        tokenizer: TokenizerSpec | None,
        work: str,
        shared: bool,
        block_size: int | None = None,
    ):
        super().__init__()
        self._dofn = _ReadSources(read, tokenizer, work, shared, block_size)
        self._shared = shared

    def expand(self, sources):
        blocks = sources | "Read" >> beam.ParDo(self._dofn).with_output_types(Any)
        if self._shared:
            return blocks
        return (
            blocks
            # No Reshuffle: Dask would leave the blocks with the worker that read them.
            | "Key" >> beam.Map(lambda block: (block.path, block)).with_output_types(_KEYED)
            | "Spread" >> beam.GroupByKey()
            | "Blocks" >> beam.FlatMap(lambda grouped: grouped[1]).with_output_types(Any)
        )


class _ReadSources(beam.DoFn):
    def __init__(
        self,
        read: Callable[[str, str], Iterable[Sized]],
        tokenizer: TokenizerSpec | None,
        work: str,
        shared: bool,
        block_size: int | None,
    ):
        self._read = read
        self._tokenizer = tokenizer
        self._work = work
        self._shared = shared
        self._block_size = block_size

    def setup(self) -> None:
        if self._tokenizer:
            threading.Thread(target=self._tokenizer.shared, daemon=True).start()

    def process(self, sources: Sequence[Source]) -> Iterator[Any]:
        if not self._shared:
            yield from itertools.chain.from_iterable(map(self._blocks, sources))
            return
        queue = BlockQueue(self._work)
        for number, source in enumerate(sources):
            if queue.claim(number):
                queue.fill(number, self._blocks(source))
        yield from queue.take(len(sources))

    def _blocks(self, source: Source) -> Iterator[Block]:
        _check_seen(source.path, self._work)
        elements = self._read(source.path, source.split)
        for block in write_blocks(elements, self._work, self._block_size):
            progress_files.add(self._work, "read", block.elements)
            yield block
        progress_files.add(self._work, "sources", 1)


def _check_seen(*places: str) -> None:
    """A cluster's worker may see other files than the process that started the job."""
    for place in places:
        if storage.is_local(place) and not os.path.exists(place):
            raise InputError(
                f"{place}: the worker on {socket.gethostname()} in {os.getcwd()} does not see it. "
                "A cluster's workers need absolute paths on a file system that they share, or "
                "gs://, s3:// or hdfs://."
            )


class Tokenize(beam.PTransform):
    """Block -> (group, slice of a run or counts): makes records of the elements and sorts them.

    Args:
        converter: makes the records of a task.
        tokenizer: what it needs for that.
        num_shards: files per split.
        work: folder for the runs.
    """

    def __init__(self, converter: Converter, tokenizer: TokenizerSpec, num_shards: int, work: str):
        super().__init__()
        self._dofn = _Tokenize(converter, tokenizer, num_shards, work)

    def expand(self, blocks):
        return blocks | "Convert" >> beam.ParDo(self._dofn).with_output_types(_KEYED)


class _Tokenize(beam.DoFn):
    def __init__(self, converter: Converter, tokenizer: TokenizerSpec, num_shards: int, work: str):
        self._converter = converter
        self._spec = tokenizer
        self._num_shards = num_shards
        self._work = work

    def setup(self) -> None:
        self._tokenizer = self._spec.shared()

    def process(self, block: Block) -> Iterator[Any]:  # (group, slice or counts)
        elements = read_block(block)
        converted = self._converter.convert(elements, self._tokenizer)
        yield from runs.write_run(_groups(converted, self._num_shards), self._work)
        yield (COUNTS, "", 0), converted.counts
        progress_files.add(self._work, "tokenized", block.elements)


def _groups(converted: Converted, num_shards: int) -> dict[Group, list[runs.Entry]]:
    """The entries of a run: what belongs to a shard in the order that the ids say.

    So the same records give the same files, whatever the runner, the order they come in or the
    number of workers. A question's windows stay together.
    """
    groups: dict[Group, list[runs.Entry]] = collections.defaultdict(list)
    for record in converted.records:
        place = place_of(record.id)
        key = place.order + record.window.to_bytes(4)
        groups[RECORDS, record.split, place.shard % num_shards].append((key, record.serialized))
    for entry in converted.rejected:
        line = json.dumps(dataclasses.asdict(entry), ensure_ascii=False)
        payload = line.encode("utf-8", "backslashreplace") + b"\n"
        groups[REJECTED, entry.split, 0].append((b"", payload))
    for kind, prints in converted.fingerprints.items():
        for partition, packed in statistics.partitioned(prints):
            groups[FINGERPRINTS, kind, partition].append((b"", packed))
    return groups


class WriteFiles(beam.PTransform):
    """(group, slice or counts) -> Output: merges each group into its file.

    Args:
        work: folder for the files.
        num_shards: files per split.
    """

    def __init__(self, work: str, num_shards: int):
        super().__init__()
        self._work = work
        self._num_shards = num_shards

    def expand(self, entries):
        return (
            entries
            | "Group" >> beam.GroupByKey()
            | "Write" >> beam.Map(_write_group, self._work, self._num_shards).with_output_types(Any)
        )


def _write_group(grouped: tuple[Group, Iterable[Any]], work: str, num_shards: int) -> Any:
    group, entries = grouped
    kind, split, number = group
    if kind == RECORDS:
        name = f"{split}-{number:05d}-of-{num_shards:05d}"
        return write_file(group, name, ".tfrecord", _framed, entries, work)
    if kind == REJECTED:
        return write_file(group, f"rejected-{split}", ".jsonl", bytes, entries, work)
    if kind == FINGERPRINTS:
        found = statistics.find_duplicates(runs.read_payloads(entries))
        return Output(group, duplicates=found)
    total = statistics.Counts()
    for counts in entries:
        total.merge(counts)
    return Output(group, counts=total)


def write_file(
    group: Group,
    name: str,
    suffix: str,
    encode: Callable[[bytes], bytes],
    slices: Iterable[Slice],
    work: str,
) -> Output:
    """Named by its content too: a new data set's files never take the names of an older one's."""
    path = storage.join(work, f"unnamed-{uuid.uuid4().hex}")
    digest, count = hashlib.sha256(), 0
    with storage.create(path) as file:
        for _, payload in runs.merged(slices, work):
            file.write(encode(payload))
            digest.update(hashlib.sha256(payload).digest())
            count += 1
    sha256 = digest.hexdigest()
    named = storage.join(work, f"{name}-{sha256[:8]}{suffix}")
    storage.move(path, named)
    return Output(group, named, sha256, count)


def _framed(record: bytes) -> bytes:
    """A record as it stands in a TFRecord file: length, its checksum, content, its checksum."""
    length = struct.pack("<Q", len(record))
    return b"".join((length, _masked_crc(length), record, _masked_crc(record)))


def _masked_crc(content: bytes) -> bytes:
    """CRC-32C, rotated and moved as TensorFlow's `core/lib/hash/crc32c.h` does it."""
    crc = google_crc32c.value(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


class SaveOutputs(beam.PTransform):
    """Writes all `Output`s (few) to one file, for the process that started the job."""

    def __init__(self, path: str):
        super().__init__()
        self._path = path

    def expand(self, outputs):
        return (
            outputs
            | "KeyByNothing" >> beam.Map(lambda output: (0, output)).with_output_types(_KEYED)
            | "Collect" >> beam.GroupByKey()
            | "Save" >> beam.Map(_save, self._path)
        )


def _save(grouped: tuple[int, Iterable[Any]], path: str) -> None:
    with storage.create(path) as file:
        pickle.dump(list(grouped[1]), file)
