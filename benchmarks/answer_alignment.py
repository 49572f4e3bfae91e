"""How many annotated answers come back from the tokens that training is given for them.

    python -m benchmarks.answer_alignment data/raw/*.json --vocab_file data/presets/minilm/vocab.txt

Prints a line for each file; `--list FILE` writes one JSON line for each answer that comes back as
another text, with its reason. White space at the ends of an annotation is no part of any token.
"""

import collections
import dataclasses
import itertools
import json
import pathlib
from collections.abc import Iterator

from preprocessing import command_line
from preprocessing.sources.squad_json import Paragraph, read_paragraphs

_BATCH = 500  # paragraphs


@dataclasses.dataclass(frozen=True)
class Answer:
    """An annotated answer, and what its tokens stand for."""

    question_id: str
    answer: str
    found: str | None
    reason: str  # "" when they are the same


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(prog="python -m benchmarks.answer_alignment")
    parser.add_argument("files", nargs="+", help="SQuAD JSON")
    parser.add_argument("--vocab_file", required=True)
    parser.add_argument("--list", type=pathlib.Path, help="file for the answers that differ")
    flags = parser.parse_args(arguments)
    command_line.load_tensorflow()
    different = []
    for path in flags.files:
        reasons: collections.Counter[str] = collections.Counter()
        for answer in _answers(path, flags.vocab_file):
            reasons[answer.reason] += 1
            if answer.reason:
                different.append({"file": path, **dataclasses.asdict(answer)})
        _report(path, reasons)
    if flags.list:
        lines = (json.dumps(entry, ensure_ascii=False) + "\n" for entry in different)
        flags.list.write_text("".join(lines), encoding="utf-8")


def _report(path: str, reasons: collections.Counter[str]) -> None:
    total = reasons.total()
    others = ", ".join(f"{count} {reason}" for reason, count in reasons.items() if reason)
    print(f"{path}: {total} answers, {reasons[''] / total:.3%} recovered; {others or 'no others'}")


def _answers(path: str, vocab_file: str) -> Iterator[Answer]:
    import tensorflow as tf

    from preprocessing.tokenizer import BertTokenizer
    from preprocessing.vocabulary import load_vocabulary

    tokenizer = BertTokenizer(load_vocabulary(vocab_file))
    signature = [tf.TensorSpec([None], tf.string)]
    with_offsets = tf.function(tokenizer.tokenize_with_offsets, signature)
    ids = tf.function(tokenizer.tokenize, signature)
    for paragraphs in _batches(read_paragraphs(path, "")):
        columns = with_offsets(tf.constant([p.context.encode() for p in paragraphs], tf.string))
        texts = [text for p in paragraphs for q in p.questions for text, _ in q.answers]
        answer_ids = iter(ids(tf.constant([t.encode() for t in texts], tf.string)).to_list())
        rows = zip(*(column.to_list() for column in columns), strict=True)
        for paragraph, row in zip(paragraphs, rows, strict=True):
            for question in paragraph.questions:
                for text, start in question.answers:
                    yield _recover(
                        paragraph.context, row, question.id, text, start, next(answer_ids)
                    )


def _batches(paragraphs: Iterator[Paragraph]) -> Iterator[list[Paragraph]]:
    while batch := list(itertools.islice(paragraphs, _BATCH)):
        yield batch


def _recover(
    context: str,
    row: tuple[list[int], list[int], list[int]],
    question_id: str,
    text: str,
    answer_start: int,
    answer_ids: list[int],
) -> Answer:
    from preprocessing.windows import TokenizedText, answer_token_span

    token_ids, starts, ends = row
    tokens = TokenizedText(context, token_ids, starts)
    span = answer_token_span(tokens, answer_start, text, answer_ids)
    if span is None:
        return Answer(question_id, text, None, "without tokens")
    found = context[starts[span[0]] : ends[span[1]]]
    if found == text.strip():
        return Answer(question_id, text, found, "")
    begin = answer_start + len(text) - len(text.lstrip())
    if begin in starts and begin + len(text.strip()) in ends:
        return Answer(question_id, text, found, "on token borders, but cut into other tokens")
    return Answer(question_id, text, found, "annotated inside a token")


if __name__ == "__main__":
    command_line.run(main)
