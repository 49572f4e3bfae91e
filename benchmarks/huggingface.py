"""The peer of `benchmarks.preprocessing_speed`: Hugging Face `datasets` and `tokenizers`.

Does the work of `python -m preprocessing` as it is done today: a row per review or question, then
`datasets.map(batched=True, num_proc=2)` over the Rust `tokenizers`. It stands alone, and is run by
a Python of its own that needs none of Bertline's packages:

    python3.11 -m venv peer
    peer/bin/pip install datasets==5.2.0 tokenizers==0.23.3 tfrecord==1.14.6
    peer/bin/python benchmarks/huggingface.py imdb --input aclImdb_v1.tar.gz \
        --vocab_file vocab.txt --output_dir out --output tfrecord

Where there was a choice, the faster way was taken: `encode_batch_fast` where no offsets are
needed, `char_to_token` (Rust) and not a loop over offsets, a second look only at questions with
more than one window, Arrow's types given and not inferred, records encoded and written by the
workers of `map`, with no copy in between and without the seconds of importing TensorFlow. The peer
does not do what Bertline does beyond this: shuffled shards, rejected records, statistics, a
digest, publication in one step.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any

# As in Bertline's defaults, which are those of BERT's `run_squad.py`.
MAX_SEQ_LENGTH = {"imdb": 512, "squad": 384}
DOC_STRIDE = 128
MAX_QUERY_LENGTH = 64
VALIDATION_PERCENT = {"imdb": 20, "squad": 10}

_REVIEW_PATH = re.compile(r"(?:^|/)aclImdb/((train|test)/(pos|neg)/\d+_\d+)\.txt$")

Batch = dict[str, list[Any]]  # column -> values
Row = dict[str, Any]


def main() -> None:
    flags = _parser().parse_args()
    flags.output_dir.mkdir(parents=True, exist_ok=True)
    # Read when the libraries are imported. One thread per worker: two workers fill two cores.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HOME"] = str(flags.output_dir / "cache")  # new, so nothing is found in it
    os.environ["HF_HUB_OFFLINE"] = "1"
    import datasets

    datasets.disable_progress_bars()
    generator = review_rows if flags.task == "imdb" else question_rows
    rows = datasets.Dataset.from_generator(generator, gen_kwargs={"path": flags.input})
    arguments = {"encode": _ENCODE[flags.task, flags.contexts]}
    arguments["tokenizer"] = bert_tokenizer(flags.vocab_file)
    if flags.output == "tfrecord":
        rows.map(
            write_records,
            batched=True,
            num_proc=flags.num_proc,
            with_rank=True,
            fn_kwargs=arguments | {"folder": flags.output_dir},
        )
    else:
        rows.map(
            encode_batch,
            batched=True,
            num_proc=flags.num_proc,
            remove_columns=rows.column_names,
            features=_arrow_features(flags.task),
            cache_file_name=str(flags.output_dir / "records.arrow"),
            fn_kwargs=arguments,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=["imdb", "squad"])
    parser.add_argument("--input", required=True, help="aclImdb_v1.tar.gz, or a SQuAD JSON file")
    parser.add_argument("--vocab_file", required=True)
    parser.add_argument("--output_dir", required=True, type=pathlib.Path, help="a new folder")
    parser.add_argument(
        "--output",
        choices=["tfrecord", "arrow"],
        default="tfrecord",
        help="Bertline's records, or the Arrow files that map writes by itself (less work)",
    )
    parser.add_argument("--num_proc", type=int, default=2)
    parser.add_argument(
        "--contexts",
        choices=["per_question", "once"],
        default="per_question",
        help="squad: tokenise each pair of question and context, as Hugging Face's examples do, or "
        "each context of a batch once, which takes knowledge of the tokenizers' internals",
    )
    return parser


def review_rows(path: str) -> Iterator[Row]:
    """The labelled reviews of the archive, read as a stream."""
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            match = _REVIEW_PATH.search(member.name)
            file = archive.extractfile(member) if match else None
            if match and file:
                key, split, label = match.groups()
                yield {
                    "id": key,
                    "split": _split_of(key, split, VALIDATION_PERCENT["imdb"]),
                    "label": int(label == "pos"),
                    "text": file.read().decode("utf-8"),
                }


def question_rows(path: str) -> Iterator[Row]:
    """One row per question, with its context and first answer, as in the hub's `squad`."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            split = _split_of(context, "train", VALIDATION_PERCENT["squad"])
            for entry in paragraph["qas"]:
                answer = next(iter(entry.get("answers", ())), {"text": "", "answer_start": -1})
                yield {
                    "id": entry["id"],
                    "split": split,
                    "question": entry["question"],
                    "context": context,
                    "answer_text": answer["text"],
                    "answer_start": answer["answer_start"],
                    "is_impossible": int(entry.get("is_impossible", False)),
                }


def _split_of(key: str, split: str, percent: int) -> str:
    in_validation = split == "train" and zlib.crc32(key.encode()) % 100 < percent
    return "validation" if in_validation else split


def bert_tokenizer(vocab_file: str) -> Any:
    """An uncased `tokenizers.Tokenizer`, like `BertWordPieceTokenizer`.

    Without its added tokens: "[SEP]" in a text is text, as in the original BERT.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = models.WordPiece.read_file(vocab_file)
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    return tokenizer


def encode_reviews(batch: Batch, tokenizer: Any) -> Batch:
    """`[CLS] review [SEP]`, cut to 512 tokens."""
    tokenizer.enable_truncation(MAX_SEQ_LENGTH["imdb"])
    return {
        "token_ids": [encoding.ids for encoding in tokenizer.encode_batch_fast(batch["text"])],
        **{name: batch[name] for name in ("label", "id", "split")},
    }


def encode_pairs(batch: Batch, tokenizer: Any) -> Batch:
    """Windows with labels, from pairs of question and context."""
    pairs = list(zip(batch["question"], batch["context"], strict=True))
    return _windows(batch, tokenizer, tokenizer.encode_batch(pairs))


def encode_contexts_once(batch: Batch, tokenizer: Any) -> Batch:
    """The same windows, with each context of the batch tokenised once."""
    contexts = list(dict.fromkeys(batch["context"]))
    encoded = tokenizer.encode_batch(contexts, add_special_tokens=False)
    of_context = dict(zip(contexts, encoded, strict=True))
    questions = tokenizer.encode_batch(batch["question"], add_special_tokens=False)
    pairs = [
        tokenizer.post_process(question, of_context[context])
        for question, context in zip(questions, batch["context"], strict=True)
    ]
    return _windows(batch, tokenizer, pairs)


def _windows(batch: Batch, tokenizer: Any, encodings: list[Any]) -> Batch:
    columns: Batch = collections.defaultdict(list)
    for row, encoding in enumerate(encodings):
        start = batch["answer_start"][row]
        last = start + len(batch["answer_text"][row]) - 1
        texts = batch["question"][row], batch["context"][row]
        for number, window in enumerate(_cut(tokenizer, *texts, encoding)):
            start_token, end_token = _label(window, start, last)
            columns["token_ids"].append(window.ids)
            columns["segment_ids"].append(window.type_ids)
            columns["start_token"].append(start_token)
            columns["end_token"].append(end_token)
            columns["window"].append(number)
            for name in ("is_impossible", "id", "split"):
                columns[name].append(batch[name][row])
    return columns


def _cut(tokenizer: Any, question: str, context: str, encoding: Any) -> list[Any]:
    """The windows of one pair: the encoding itself, or where it is too long, new ones.

    The library's stride is an overlap, so for a step of DOC_STRIDE it depends on the question.
    """
    length = encoding.type_ids.index(1) - 2  # [CLS] question [SEP] context [SEP]
    if length > MAX_QUERY_LENGTH:
        question = question[: encoding.offsets[MAX_QUERY_LENGTH][1]]
        length = MAX_QUERY_LENGTH
    elif len(encoding) <= MAX_SEQ_LENGTH["squad"]:
        return [encoding]
    size = MAX_SEQ_LENGTH["squad"] - length - 3
    tokenizer.enable_truncation(
        MAX_SEQ_LENGTH["squad"], stride=size - DOC_STRIDE, strategy="only_second"
    )
    first = tokenizer.encode(question, context)
    tokenizer.no_truncation()
    return [first, *first.overflowing]


def _label(window: Any, start: int, last: int) -> tuple[int, int]:
    """First and last token of the answer's characters; (0, 0) where they are not all here."""
    if start < 0:
        return 0, 0
    start_token, end_token = window.char_to_token(start, 1), window.char_to_token(last, 1)
    return (0, 0) if start_token is None or end_token is None else (start_token, end_token)


_ENCODE = {
    ("imdb", "per_question"): encode_reviews,
    ("imdb", "once"): encode_reviews,
    ("squad", "per_question"): encode_pairs,
    ("squad", "once"): encode_contexts_once,
}


def encode_batch(batch: Batch, encode: Any, tokenizer: Any) -> Batch:
    """What `map` calls for Arrow output."""
    return dict(encode(batch, tokenizer))


def _arrow_features(task: str) -> Any:
    from datasets import Features, List, Value

    tokens, number, text = List(Value("int32")), Value("int32"), Value("string")
    fields = {"token_ids": tokens, "id": text, "split": text}
    if task == "imdb":
        return Features(fields | {"label": number})
    numbers = ("start_token", "end_token", "is_impossible", "window")
    return Features(fields | {"segment_ids": tokens} | dict.fromkeys(numbers, number))


def write_records(
    batch: Batch, rank: int | None, encode: Any, tokenizer: Any, folder: pathlib.Path
) -> None:
    """What `map` calls for TFRecord output: a file per worker and split grows by a batch."""
    columns = encode(batch, tokenizer)
    records = collections.defaultdict(list)
    splits = columns.pop("split")
    for split, *values in zip(splits, *columns.values(), strict=True):
        records[split].append(frame(serialize(dict(zip(columns, values, strict=True)))))
    for split, frames in records.items():
        with open(folder / f"{split}-{rank or 0:05d}.tfrecord", "ab") as file:
            file.write(b"".join(frames))


def serialize(record: Row) -> bytes:
    """A `tf.train.Example`, as `preprocessing.features` has it."""
    from tfrecord import example_pb2

    example = example_pb2.Example()
    features = example.features.feature
    for name, value in record.items():
        if isinstance(value, str):
            features[name].bytes_list.value.append(value.encode())
        else:
            features[name].int64_list.value.extend(value if isinstance(value, list) else [value])
    return example.SerializeToString()


def frame(data: bytes) -> bytes:
    """One record of a TFRecord file: length, its checksum, data, its checksum."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked_crc(length), data, _masked_crc(data)))


def _masked_crc(data: bytes) -> bytes:
    import crc32c

    crc = crc32c.crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


if __name__ == "__main__":
    main()
