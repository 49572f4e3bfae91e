r"""The peer of `benchmarks.serving_graphs`: raw text through BERT with PyTorch and Hugging Face.

As inference on a CPU is done well today: `transformers`' model with scaled-dot-product attention in
`inference_mode`, batches padded to their longest row, `tokenizers` for a whole batch at once, in
float32, in bfloat16 by autocast, or with the model itself cast to bfloat16. Of questions it gives
the logits of all windows; the choice of the answers, which Bertline's graph makes too, is left out.
It imports nothing of Bertline and is run from the repository's root by a Python of its own, see
benchmarks/pytorch_training.py:

    peer/bin/python -m benchmarks.pytorch_graph imdb --preset data/presets/minilm \
        --texts texts.json --precision bfloat16 --output speed.json

The heads are new: how long a model takes does not depend on its weights.
"""

import argparse
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from benchmarks.graph_texts import Text, measure, read_texts
from benchmarks.pytorch_data import DOC_STRIDE, MAX_QUERY_LENGTH, Row, cut_windows
from benchmarks.pytorch_training import MAX_SEQ_LENGTH, collate

PRECISIONS = ("float32", "autocast", "bfloat16")


def main() -> None:
    flags = _parser().parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from tokenizers import BertWordPieceTokenizer

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = load_model(flags.task, flags.preset)
    if flags.precision == "bfloat16":
        model = model.to(torch.bfloat16)
    tokenizer = BertWordPieceTokenizer(str(pathlib.Path(flags.preset) / "vocab.txt"))
    rows_of = {"imdb": review_rows, "squad": window_rows}[flags.task]
    autocast = flags.precision == "autocast"

    def answer(texts: Sequence[Text]) -> list[Any]:
        rows = rows_of(texts, tokenizer)
        if flags.sorted_rows:
            rows.sort(key=lambda row: len(row.token_ids))
        size = flags.sorted_rows or len(rows)
        return [
            logits_of(model, rows[start : start + size], autocast)
            for start in range(0, len(rows), size)
        ]

    texts = read_texts(flags.texts)
    with torch.inference_mode():
        result = measure(answer, texts, flags.batch_size, flags.task)
    flags.output.write_text(json.dumps(result) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=list(MAX_SEQ_LENGTH))
    parser.add_argument("--preset", required=True, help="a BERT in Hugging Face's layout")
    parser.add_argument("--texts", required=True, type=pathlib.Path, help="JSON: a list of lists")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="JSON file to write")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--batch_size", type=int, default=32, help="texts in one batch")
    parser.add_argument(
        "--sorted_rows",
        type=int,
        default=0,
        help="sort the rows of a batch by length and compute so many together; 0: all, unsorted",
    )
    return parser


def load_model(task: str, preset: str) -> Any:
    """The model with a new head, for inference."""
    import transformers

    transformers.logging.set_verbosity_error()  # it lists the new and the unused weights
    kinds = {
        "imdb": transformers.BertForSequenceClassification,
        "squad": transformers.BertForQuestionAnswering,
    }
    return kinds[task].from_pretrained(preset, attn_implementation="sdpa").eval()


def review_rows(texts: Sequence[Text], tokenizer: Any) -> list[Row]:
    """`[CLS] review [SEP]` of each review."""
    tokenizer.enable_truncation(MAX_SEQ_LENGTH["imdb"])
    encodings = tokenizer.encode_batch([review for (review,) in texts])
    return [Row(encoding.ids, encoding.type_ids, (0,)) for encoding in encodings]


def window_rows(texts: Sequence[Text], tokenizer: Any) -> list[Row]:
    """The windows of each question; a context that is asked several times is tokenised once."""
    contexts = list(dict.fromkeys(context for _, context in texts))
    encoded = tokenizer.encode_batch(contexts, add_special_tokens=False)
    ids = {context: found.ids for context, found in zip(contexts, encoded, strict=True)}
    questions = tokenizer.encode_batch([question for question, _ in texts])
    rows = []
    for (_, context), question in zip(texts, questions, strict=True):
        before = [*question.ids[: MAX_QUERY_LENGTH + 1], question.ids[-1]]
        before = before if len(question.ids) > MAX_QUERY_LENGTH + 1 else question.ids
        room = MAX_SEQ_LENGTH["squad"] - len(before) - 1
        for start, end in cut_windows(len(ids[context]), room, DOC_STRIDE):
            window = [*ids[context][start:end], question.ids[-1]]
            segments = [0] * len(before) + [1] * len(window)
            rows.append(Row([*before, *window], segments, (0,)))
    return rows


def logits_of(model: Any, rows: Sequence[Row], autocast: bool) -> list[Any]:
    """float32[rows, labels] of reviews; start and end float32[rows, longest] of windows."""
    import torch

    inputs = collate(rows)
    del inputs["labels"]
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        outputs = model(**inputs)
    names = ("logits", "start_logits", "end_logits")
    return [outputs[name].float().numpy() for name in names if name in outputs]


if __name__ == "__main__":
    main()
