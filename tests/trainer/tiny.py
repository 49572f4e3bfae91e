"""Tiny data sets with the real record contract, and the trainer's command line."""

import dataclasses
import os
import pathlib
import random
import subprocess
import sys

import tensorflow as tf

from preprocessing.dataset_info import DatasetInfo, SplitInfo, sha256_of_file
from tests.examples import encode

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(55))]
CLS, SEP = 2, 3
ARCHITECTURE = {
    "vocabulary_size": len(WORDS),
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "max_sequence_length": 64,
}


def imdb_record(generator, split, number):
    """A review of 6 to 30 tokens, whose second token tells the label."""
    label = generator.randrange(2)
    words = [generator.randrange(10, 60) for _ in range(generator.randint(3, 27))]
    return {"token_ids": [CLS, 8 + label, *words, SEP], "label": label, "id": f"{split}/{number}"}


def squad_record(generator, split, number):
    """A window of 9 to 30 tokens, whose answer is the two tokens w3 w4."""
    words = [generator.randrange(10, 60) for _ in range(generator.randint(3, 24))]
    place = generator.randrange(len(words) + 1)
    tokens = [CLS, 7, SEP, *words[:place], 8, 9, *words[place:], SEP]
    return {
        "token_ids": tokens,
        "segment_ids": [0] * 3 + [1] * (len(tokens) - 3),
        "start_token": 3 + place,
        "end_token": 4 + place,
        "is_impossible": 0,
        "id": f"{split}/{number}",
        "window": 0,
    }


PARAMETERS = {"max_seq_length": 30, "doc_stride": 12, "max_query_length": 8}
RECORDS = {"imdb": imdb_record, "squad": squad_record}


def write_dataset(
    folder, task, sizes, digest="first", make_record=None, parameters=None, **info_fields
):
    """Writes a data set of two shards per split.

    sizes: split -> records; make_record: instead of `RECORDS[task]`; info_fields: of info.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("".join(f"{word}\n" for word in WORDS))
    generator, splits = random.Random(0), {}
    for split, size in sizes.items():
        make = make_record or RECORDS[task]
        records = [make(generator, split, number) for number in range(size)]
        shards = [f"{split}-{shard:05}-of-00002.tfrecord" for shard in range(2)]
        for shard, name in enumerate(shards):
            with tf.io.TFRecordWriter(str(folder / name)) as writer:
                for record in records[shard::2]:
                    writer.write(encode(record))
        splits[split] = SplitInfo(
            records=size,
            examples=size,
            tokens=sum(len(record["token_ids"]) for record in records),
            shards=shards,
            length_histogram={},
        )
    info = DatasetInfo(
        task=task,
        splits=splits,
        rejected={},
        parameters=parameters or PARAMETERS,
        vocabulary_sha256=sha256_of_file(vocabulary),
        lowercase=True,
        sources={},
        digest=digest,
        versions={},
        **info_fields,
    )
    (folder / "info.json").write_text(info.to_json())
    return folder


def trainer_command(config, *more):
    """The command line of a config."""
    flags = []
    for name, value in dataclasses.asdict(config).items():
        if isinstance(value, bool):
            flags += [f"--{name}"] if value else []
        elif value is not None:
            flags += [f"--{name}", str(value)]
    return [sys.executable, "-m", "trainer", *flags, *more]


def start(command, **environment):
    """Starts a process in the repository's root; stderr is a pipe."""
    root = pathlib.Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"} | environment,
    )
