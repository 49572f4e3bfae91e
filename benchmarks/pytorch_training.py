r"""The peer of the training benchmarks: BERT fine-tuned with PyTorch and Hugging Face.

As it is done well today: `transformers`' model with scaled-dot-product attention, batches of like
length padded to their longest row (`LengthGroupedSampler`, the Trainer's group_by_length), fused
AdamW without decay on biases and LayerNorm, linear warm-up and decay, clipping, autocast. It reads
raw text, tokenises with `tokenizers`, and imports nothing of Bertline. It is run from the
repository's root by a Python of its own that needs none of Bertline's packages:

    python3.11 -m venv peer
    peer/bin/pip install torch==2.13.0 transformers==5.24.0
    peer/bin/python -m benchmarks.pytorch_training imdb --preset data/presets/minilm \
        --train data/raw/imdb-5000 --test aclImdb_v1.tar.gz --output imdb-seed0.json
    peer/bin/python -m benchmarks.pytorch_training squad --preset data/presets/minilm \
        --train train-8000.json --test dev-2000.json --output squad-seed0.json

A run whose --output is there does nothing. Evaluation is in float32 in any case: bfloat16 has too
few digits to tell the best spans apart. The loss is computed in float32 from the model's logits.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks import pytorch_answers, pytorch_data
from benchmarks.pytorch_data import Row

MAX_SEQ_LENGTH = {"imdb": 256, "squad": 384}
PACKAGES = ("torch", "transformers", "tokenizers")
PRECISIONS = ("float32", "bfloat16")
# Devlin et al. 2018, A.3, and google-research/bert's optimization.py.
BETAS = (0.9, 0.999)
EPSILON = 1e-6
WEIGHT_DECAY = 0.01
CLIPPING_NORM = 1.0
WARMUP_FRACTION = 0.1
LENGTH_MULTIPLE = 8  # `pad_to_multiple_of`, which transformers advises

Batch = dict[str, Any]  # the model's inputs, and "labels" int64[batch, labels]


def main() -> None:
    flags = _parser().parse_args()
    if flags.output.exists():
        print(f"{flags.output} is there: nothing to do", file=sys.stderr)
        return
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    torch.set_num_threads(flags.threads)
    torch.manual_seed(flags.seed)
    started = time.monotonic()
    model, rows = _load_model(flags.task, flags.preset), _load_rows(flags, flags.train, "train")
    result = _settings(flags) | {"start_s": time.monotonic() - started}
    result["history"] = list(train(model, rows, flags))
    result["training_peak_rss_mib"] = peak_rss_mib()
    if flags.test:
        started = time.monotonic()
        result["evaluation"] = evaluate(model, _load_rows(flags, flags.test, "test"), flags)
        result["evaluation"]["seconds"] = time.monotonic() - started
    _write(flags.output, result)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=["imdb", "squad"])
    parser.add_argument("--preset", required=True, help="a BERT in Hugging Face's layout")
    parser.add_argument("--train", required=True, help="aclImdb (folder, tar), or SQuAD JSON")
    parser.add_argument("--test", help="the same; without it nothing is evaluated")
    parser.add_argument("--output", required=True, type=pathlib.Path, help="JSON file to write")
    parser.add_argument("--max_seq_length", type=int, help="by default 256 (imdb), 384 (squad)")
    parser.add_argument("--precision", choices=PRECISIONS, default="bfloat16")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument(
        "--sorted_batches", type=int, help="batches that are sorted by length together"
    )
    parser.add_argument("--learning_rate", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser


def _settings(flags: argparse.Namespace) -> dict[str, Any]:
    """The flags as they were resolved, and the versions of the libraries."""
    return {
        **vars(flags),
        "output": str(flags.output),
        "max_seq_length": _max_seq_length(flags),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def _max_seq_length(flags: argparse.Namespace) -> int:
    return flags.max_seq_length or MAX_SEQ_LENGTH[flags.task]


def _load_model(task: str, preset: str) -> Any:
    """The pretrained encoder with a new head (normal, deviation 0.02); dropout 0.1."""
    import transformers

    transformers.logging.set_verbosity_error()  # it lists the new and the unused weights
    kinds = {
        "imdb": transformers.BertForSequenceClassification,
        "squad": transformers.BertForQuestionAnswering,
    }
    return kinds[task].from_pretrained(
        preset,
        attn_implementation="sdpa",
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
    )


def _load_rows(flags: argparse.Namespace, path: str, split: str) -> Sequence[Row]:
    from tokenizers import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(str(pathlib.Path(flags.preset) / "vocab.txt"))
    if flags.task == "imdb":
        return pytorch_data.review_rows(path, split, tokenizer, _max_seq_length(flags))
    return pytorch_data.window_rows(path, tokenizer, _max_seq_length(flags))


def train(model: Any, rows: Sequence[Row], flags: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Trains the model; gives what each epoch took."""
    import torch
    from torch.utils.data import DataLoader
    from transformers import get_linear_schedule_with_warmup

    batches: Any = DataLoader(
        rows,  # type: ignore[arg-type]
        batch_size=flags.batch_size,
        sampler=_sampler(rows, flags),
        collate_fn=collate,
    )
    optimizer = _optimizer(model, flags.learning_rate)
    total = flags.epochs * len(batches)
    schedule = get_linear_schedule_with_warmup(optimizer, round(WARMUP_FRACTION * total), total)
    model.train()
    for epoch in range(flags.epochs):
        measured = Epoch()
        for batch in batches:
            loss = _loss(model, batch, flags.precision)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIPPING_NORM)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            measured.add(batch, loss.item())
        yield {"epoch": epoch + 1, **measured.figures()}
        print(json.dumps({"epoch": epoch + 1, **measured.figures()}), file=sys.stderr, flush=True)


def _sampler(rows: Sequence[Row], flags: argparse.Namespace) -> Any:
    """Orders the rows anew in each epoch: sorted by length within parts of the shuffled rows.

    `LengthGroupedSampler` sorts at least four parts, however few the rows, so that a small part
    of a data set is padded more than the whole would be; --sorted_batches sets their size.
    """
    import torch
    from transformers.trainer_pt_utils import LengthGroupedSampler, get_length_grouped_indices

    lengths = [len(row.token_ids) for row in rows]
    random = torch.Generator().manual_seed(flags.seed)
    if flags.sorted_batches is None:
        return LengthGroupedSampler(flags.batch_size, lengths=lengths, generator=random)

    class Sampler(LengthGroupedSampler):
        def __iter__(self) -> Iterator[int]:
            return iter(
                get_length_grouped_indices(
                    lengths, flags.batch_size, flags.sorted_batches, generator=random
                )
            )

    return Sampler(flags.batch_size, lengths=lengths)


def _optimizer(model: Any, learning_rate: float) -> Any:
    import torch

    named = list(model.named_parameters())
    groups = [
        {
            "params": [value for name, value in named if is_decayed(name) == decayed],
            "weight_decay": WEIGHT_DECAY if decayed else 0.0,
        }
        for decayed in (True, False)
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=BETAS, eps=EPSILON, fused=True)


def is_decayed(name: str) -> bool:
    """Whether weight decay is for the parameter of this name: not biases, not LayerNorm."""
    return not name.endswith("bias") and "LayerNorm" not in name


def collate(rows: Sequence[Row]) -> Batch:
    """Pads rows to the longest of them, up to a multiple of `LENGTH_MULTIPLE`."""
    import torch

    longest = max(len(row.token_ids) for row in rows)
    length = -(-longest // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
    tokens, segments, mask = torch.zeros((3, len(rows), length), dtype=torch.int64)
    for index, row in enumerate(rows):
        tokens[index, : len(row.token_ids)] = torch.tensor(row.token_ids)
        segments[index, : len(row.token_ids)] = torch.tensor(row.segment_ids)
        mask[index, : len(row.token_ids)] = 1
    return {
        "input_ids": tokens,
        "token_type_ids": segments,
        "attention_mask": mask,
        "labels": torch.tensor([row.labels for row in rows]),
    }


def _loss(model: Any, batch: Batch, precision: str) -> Any:
    """Mean cross-entropy in nats: of the label, or of the start's and the end's place."""
    from torch.nn.functional import cross_entropy

    losses = [
        cross_entropy(logits.float(), batch["labels"][:, index])
        for index, logits in enumerate(_logits(model, batch, precision))
    ]
    return sum(losses) / len(losses)


def _logits(model: Any, batch: Batch, precision: str) -> list[Any]:
    """[batch, 2] for reviews; start and end, [batch, length] each, for windows."""
    import torch

    inputs = {name: value for name, value in batch.items() if name != "labels"}
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        outputs = model(**inputs)
    if "logits" in outputs:
        return [outputs.logits]
    return [outputs.start_logits, outputs.end_logits]


@dataclasses.dataclass
class Epoch:
    """What an epoch of training took and read."""

    started: float = dataclasses.field(default_factory=time.monotonic)
    steps: int = 0
    examples: int = 0
    tokens: int = 0  # without padding
    cells: int = 0  # with padding
    loss: float = 0.0  # summed over examples

    def add(self, batch: Batch, loss: float) -> None:
        """Counts a step."""
        self.steps += 1
        rows, length = batch["input_ids"].shape
        self.examples += rows
        self.tokens += int(batch["attention_mask"].sum())
        self.cells += rows * length
        self.loss += loss * rows

    def figures(self) -> dict[str, float]:
        """For the result, at the epoch's end."""
        seconds = time.monotonic() - self.started
        return {
            "steps": self.steps,
            "examples": self.examples,
            "tokens": self.tokens,
            "seconds": round(seconds, 3),
            "examples_per_second": round(self.examples / seconds, 2),
            "tokens_per_second": round(self.tokens / seconds, 1),
            "padding": 1.0 - self.tokens / self.cells,
            "train_loss": self.loss / self.examples,
        }


def evaluate(model: Any, rows: Sequence[Row], flags: argparse.Namespace) -> dict[str, float]:
    """Accuracy over reviews, or exact match and F1 over questions."""
    logits = _all_logits(model, rows, flags.batch_size)
    if flags.task == "squad":
        answers = pytorch_answers.best_answers(rows, logits)  # type: ignore[arg-type]
        return pytorch_answers.squad_scores(flags.test, answers)
    right = sum(
        int(of_row.argmax()) == row.labels[0] for (of_row,), row in zip(logits, rows, strict=True)
    )
    return {"accuracy": right / len(rows), "examples": len(rows)}


def _all_logits(model: Any, rows: Sequence[Row], batch_size: int) -> list[Any]:
    """The logits of each row as arrays, in the order of the rows."""
    import torch

    model.eval()
    found: dict[int, Any] = {}
    with torch.inference_mode():
        for indices in batches_by_length(rows, batch_size):
            logits = _logits(model, collate([rows[i] for i in indices]), "float32")
            arrays = [of_batch.float().numpy() for of_batch in logits]
            found |= dict(zip(indices, zip(*arrays, strict=True), strict=True))
    return [found[index] for index in range(len(rows))]


def batches_by_length(rows: Sequence[Row], batch_size: int) -> Iterable[list[int]]:
    """The numbers of the rows in batches, short rows first."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index].token_ids))
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def peak_rss_mib() -> float:
    """The most resident memory of this process so far (Linux: in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _write(path: pathlib.Path, result: dict[str, Any]) -> None:
    """Writes the result as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(result, indent=2) + "\n")
    os.replace(temporary, path)


if __name__ == "__main__":
    main()
