"""The named runs of `--config`: recipes as plain values, and what their data must be like."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class NamedRun:
    """A recipe.

    Attributes:
        text: what it is, for `--help`.
        values: of fields of `TrainConfig`; the others keep their defaults.
    """

    text: str
    values: Mapping[str, Any]


_REVIEWS: dict[str, Any] = {"task": "imdb", "max_seq_length": 512}
# google-research/bert, run_squad.py; its batch and rate lie in the grid of Devlin et al. 2018, A.3.
_WINDOWS: dict[str, Any] = {
    "task": "squad",
    "max_seq_length": 384,
    "doc_stride": 128,
    "max_query_length": 64,
}
_DEVLIN = {"global_batch_size": 32, "learning_rate": 3e-5, "warmup_fraction": 0.1}
_MINILM = {
    **_DEVLIN,
    "preset": "minilm",
    "learning_rate": 5e-5,
    "epochs": 2,
    "precision": "bfloat16",
}
_SMOKE: dict[str, Any] = {
    "preset": None,
    "epochs": 1,
    "global_batch_size": 16,
    "learning_rate": 1e-3,
    "max_train_records": 512,
}

# TensorFlow's tutorial "Classify text with BERT": AdamW on small BERT, 5 epochs.
IMDB_SMALL = NamedRun(
    "small BERT, 4 layers of 512, on IMDB",
    _REVIEWS | _DEVLIN | {"preset": "bert_small_en_uncased", "epochs": 5},
)
IMDB_BASE = NamedRun(
    "BERT-base on IMDB", _REVIEWS | _DEVLIN | {"preset": "bert_base_en_uncased", "epochs": 2}
)
SQUAD_BASE = NamedRun(
    "BERT-base on SQuAD", _WINDOWS | _DEVLIN | {"preset": "bert_base_en_uncased", "epochs": 2}
)
# benchmarks/README.md: accuracy 0.88, F1 59.7 on the small sets it names.
IMDB_MINILM = NamedRun(
    "MiniLM on IMDB, the recipe of the benchmarks", _REVIEWS | _MINILM | {"max_seq_length": 256}
)
SQUAD_MINILM = NamedRun("MiniLM on SQuAD, the recipe of the benchmarks", _WINDOWS | _MINILM)
# Any data set of the task will do: these show that the parts fit together.
IMDB_SMOKE = NamedRun("a minute of a small random BERT", _SMOKE | {"task": "imdb"})
SQUAD_SMOKE = NamedRun("a minute of a small random BERT", _SMOKE | {"task": "squad"})

RUNS: Mapping[str, NamedRun] = types.MappingProxyType(
    {
        "imdb_small": IMDB_SMALL,
        "imdb_base": IMDB_BASE,
        "imdb_minilm": IMDB_MINILM,
        "imdb_smoke": IMDB_SMOKE,
        "squad_base": SQUAD_BASE,
        "squad_minilm": SQUAD_MINILM,
        "squad_smoke": SQUAD_SMOKE,
    }
)
