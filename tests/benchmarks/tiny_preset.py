"""Weights for the benchmarks that load a preset."""

import pathlib

from trainer.presets import new_backbone


def write_tiny_preset(folder: pathlib.Path, vocabulary: pathlib.Path) -> pathlib.Path:
    """Saves a BERT of one layer with random weights, for inputs of up to 512 tokens."""
    architecture = {
        "vocabulary_size": len(vocabulary.read_text(encoding="utf-8").splitlines()),
        "num_layers": 1,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 16,
        "max_sequence_length": 512,
    }
    new_backbone(architecture, "float32").save_to_preset(str(folder))
    (folder / "vocab.txt").write_bytes(vocabulary.read_bytes())
    return folder
