import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

from benchmarks import pytorch_training
from benchmarks.pytorch_data import Row
from tests.conftest import question

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY_BERT = """
import sys
from transformers import BertConfig, BertModel
sizes = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
BertModel(BertConfig(vocab_size=int(sys.argv[2]), **sizes)).save_pretrained(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bert.encoder.layer.0.attention.self.query.weight", True),
        ("bert.encoder.layer.0.attention.self.query.bias", False),
        ("bert.embeddings.LayerNorm.weight", False),
        ("classifier.weight", True),
    ],
)
def test_weight_decay_spares_biases_and_layer_norm(name, expected):
    assert pytorch_training.is_decayed(name) == expected


def test_evaluation_takes_rows_of_like_length_together():
    rows = [Row([0] * length, [0] * length, (0,)) for length in (5, 1, 4, 2, 3)]
    assert pytorch_training.batches_by_length(rows, 2) == [[1, 3], [4, 2], [0]]


def test_an_epoch_counts_tokens_with_and_without_padding():
    epoch = pytorch_training.Epoch(started=0.0)
    for rows, tokens, loss in ((3, 9, 1.0), (1, 3, 5.0)):
        mask = np.arange(rows * 4).reshape(rows, 4) < tokens
        epoch.add({"input_ids": np.zeros((rows, 4)), "attention_mask": mask}, loss)
    figures = epoch.figures()
    assert (figures["steps"], figures["examples"], figures["tokens"]) == (2, 4, 12)
    assert figures["padding"] == 0.25
    assert figures["train_loss"] == 2.0


@pytest.mark.slow
@pytest.mark.skipif(
    "BERTLINE_PYTORCH_PYTHON" not in os.environ,
    reason="BERTLINE_PYTORCH_PYTHON names no Python with the packages of pytorch_training.py",
)
@pytest.mark.parametrize("precision", pytorch_training.PRECISIONS)
def test_a_training_on_three_questions(tmp_path, small_squad, vocabulary_path, precision):
    python = os.environ["BERTLINE_PYTORCH_PYTHON"]
    preset, output = tmp_path / "preset", tmp_path / "result.json"
    size = len(vocabulary_path.read_text(encoding="utf-8").splitlines())
    subprocess.run([python, "-c", TINY_BERT, str(preset), str(size)], check=True)
    (preset / "vocab.txt").write_bytes(vocabulary_path.read_bytes())
    source = str(small_squad(question("a"), question("b", answer="1894"), question("c")))
    command = [python, "-m", "benchmarks.pytorch_training", "squad", "--preset", str(preset)]
    command += ["--train", source, "--test", source, "--output", str(output)]
    command += ["--batch_size", "2", "--sorted_batches", "2", "--precision", precision]
    subprocess.run(command, check=True, cwd=ROOT)
    result = json.loads(output.read_text())
    assert [(epoch["examples"], epoch["steps"]) for epoch in result["history"]] == [(3, 2)] * 2
    assert result["evaluation"]["total"] == 3
    assert result["training_peak_rss_mib"] > 0
