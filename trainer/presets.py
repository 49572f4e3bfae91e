"""Preset -> BERT backbone, checked against the vocabulary that made the records."""

import hashlib
import logging
import pathlib
from typing import Any

from preprocessing.dataset_info import DatasetInfo
from preprocessing.errors import InputError
from trainer.config import TrainConfig
from trainer.layers import freeze_lower_layers
from trainer.preset_folder import (
    FETCHED,
    check_same_vocabulary,
    check_vocabulary_file,
    folder_vocabulary_sha256,
    preset_folder,
)
from trainer.tensorflow_keras import keras

logger = logging.getLogger(__name__)

SMALL = {"num_layers": 2, "hidden_dim": 128, "num_heads": 2, "intermediate_dim": 512}
# What BertBackbone needs to be made again; the rest of its get_config() are names and policies.
ARCHITECTURE = (
    "vocabulary_size",
    "num_layers",
    "num_heads",
    "hidden_dim",
    "intermediate_dim",
    "dropout",
    "max_sequence_length",
    "num_segments",
)


def load_backbone(config: TrainConfig, info: DatasetInfo) -> keras.Model:
    """A `keras_hub.models.BertBackbone` with the preset's weights.

    Args:
        config: names the preset (a name of the keras-hub, "hf://…" or another URL, a folder,
            "minilm" for the fetched weights, or None for a small random BERT), the dropout of
            every layer, and the precision; the variables are float32 in any case.
        info: of the data set.

    Raises:
        InputError: there is no such preset, it has another vocabulary than the records, or
            fewer layers than are to be trained.
    """
    data_dir = pathlib.Path(config.data_dir)
    check_vocabulary_file(data_dir, info)
    if config.preset is None:
        size = vocabulary_size(data_dir, info)
        architecture = SMALL | {"vocabulary_size": size, "dropout": config.dropout}
        backbone = new_backbone(architecture, config.precision)
    else:
        backbone = _pretrained(config.preset, config, info)
    backbone.trainable = not config.freeze_encoder
    if config.trainable_layers is not None:
        freeze_lower_layers(backbone, config.trainable_layers)
    return backbone


def _pretrained(preset: str, config: TrainConfig, info: DatasetInfo) -> keras.Model:
    data_dir = pathlib.Path(config.data_dir)
    source = resolve(preset, pathlib.Path(config.preset_dir))
    backbone = _from_preset(source, config.dropout, config.precision)
    _check_vocabulary(source, data_dir, info)
    size = vocabulary_size(data_dir, info)
    if backbone.vocabulary_size < size:
        raise InputError(
            f"--preset {preset}: it knows {backbone.vocabulary_size} tokens, but "
            f"{data_dir / info.vocabulary_file} has {size}. Preprocess the data with the preset's "
            "own vocabulary (--vocab_file)."
        )
    return backbone


def new_backbone(architecture: dict[str, Any], precision: str) -> keras.Model:
    """A `BertBackbone` with random weights; `architecture` are its constructor's arguments."""
    from keras_hub.models import BertBackbone  # takes seconds: not before the flags are checked

    return BertBackbone(**architecture, dtype=_policy(precision))


def architecture_of(backbone: keras.Model) -> dict[str, Any]:
    """The arguments with which `new_backbone` makes the same backbone."""
    config = backbone.get_config()
    return {name: config[name] for name in ARCHITECTURE}


def vocabulary_size(data_dir: pathlib.Path, info: DatasetInfo) -> int:
    """The number of tokens in a data set's vocabulary."""
    return len((data_dir / info.vocabulary_file).read_text(encoding="utf-8").splitlines())


def resolve(preset: str, preset_dir: pathlib.Path) -> str:
    """The folder, URL or keras-hub name that a `--preset` stands for.

    Raises:
        InputError: a folder that is not there or has no weights, or an unknown name.
    """
    folder = preset_folder(preset, preset_dir)
    if folder is not None:
        return str(folder)
    return preset if "://" in preset else _known_name(preset)


def _known_name(preset: str) -> str:
    from keras_hub.models import BertBackbone

    if preset not in BertBackbone.presets:
        known = ", ".join(sorted(BertBackbone.presets))
        raise InputError(
            f"--preset is {preset!r}, which is neither a folder nor a BERT of the keras-hub. "
            f"Give {FETCHED}, a folder, hf://user/name, or one of {known}."
        )
    return preset


def _from_preset(source: str, dropout: float, precision: str) -> keras.Model:
    from keras_hub.models import BertBackbone

    try:
        return BertBackbone.from_preset(source, dropout=dropout, dtype=_policy(precision))
    except Exception as error:  # each hub and file format raises kinds of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"--preset {source}: cannot be loaded ({type(error).__name__}: {reason[:300]}). "
            "Expected a BERT that keras-hub can read; a hub needs network access."
        ) from error


def _policy(precision: str) -> str:
    return "float32" if precision == "float32" else f"mixed_{precision}"


def _check_vocabulary(source: str, data_dir: pathlib.Path, info: DatasetInfo) -> None:
    found = _preset_vocabulary_sha256(source)
    if found is None:
        logger.info(
            "preset %s has no vocabulary file to read: only its size is checked against %s",
            source,
            data_dir / info.vocabulary_file,
        )
    else:
        check_same_vocabulary(source, found, data_dir, info)


def _preset_vocabulary_sha256(source: str) -> str | None:
    folder = pathlib.Path(source)
    if folder.is_dir():
        return folder_vocabulary_sha256(folder)
    from keras_hub.models import BertTokenizer

    try:
        tokens = BertTokenizer.from_preset(source).get_vocabulary()
    except Exception:  # noqa: BLE001 (no tokenizer is no error here; no network is one later)
        return None
    return hashlib.sha256("".join(f"{token}\n" for token in tokens).encode()).hexdigest()
