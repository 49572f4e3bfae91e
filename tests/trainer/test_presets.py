"""trainer/presets.py."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest

from preprocessing.dataset_info import load_info
from preprocessing.errors import InputError
from tests.trainer.tiny import ARCHITECTURE
from trainer.presets import architecture_of, load_backbone, new_backbone, resolve


def load(config):
    return load_backbone(config, load_info(pathlib.Path(config.data_dir)))


def test_a_folder_gives_its_weights(tiny_config, imdb_data):
    config = tiny_config(task="imdb", data_dir=str(imdb_data), dropout=0.25)
    first, second = load(config), load(config)
    assert architecture_of(first) == ARCHITECTURE | {"dropout": 0.25, "num_segments": 2}
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_preset_gives_a_small_bert_of_the_vocabulary(tiny_config, imdb_data):
    backbone = load(tiny_config(task="imdb", data_dir=str(imdb_data), preset=None))
    assert (backbone.vocabulary_size, backbone.num_layers, backbone.hidden_dim) == (60, 2, 128)


def test_minilm_is_the_fetched_preset(tiny_config, tiny_preset, imdb_data, tmp_path):
    shutil.copytree(tiny_preset, tmp_path / "presets" / "minilm")
    config = tiny_config(
        task="imdb", data_dir=str(imdb_data), preset="minilm", preset_dir=str(tmp_path / "presets")
    )
    assert load(config).hidden_dim == 16


@pytest.mark.parametrize("freeze", [True, False])
def test_freeze_encoder(tiny_config, imdb_data, freeze):
    backbone = load(tiny_config(task="imdb", data_dir=str(imdb_data), freeze_encoder=freeze))
    assert bool(backbone.trainable_variables) != freeze


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        ("minilm", "no folder .*minilm. Run `python -m preprocessing.fetch weights`"),
        ("./nowhere", "there is no folder nowhere. Give a folder with config.json"),
        ("some/where", "there is no folder some/where"),
        ("bert_gigantic", "--preset is 'bert_gigantic', which is neither a folder nor a BERT"),
    ],
)
def test_missing_presets(tmp_path, preset, message):
    with pytest.raises(InputError, match=message):
        resolve(preset, tmp_path)


def test_known_names_and_urls_are_left_to_keras_hub(tmp_path):
    assert resolve("bert_tiny_en_uncased", tmp_path) == "bert_tiny_en_uncased"
    assert resolve("hf://user/name", tmp_path) == "hf://user/name"


def test_a_folder_without_weights(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"has none of model.safetensors"):
        resolve(str(tmp_path), tmp_path)


def test_a_folder_that_is_no_preset(tiny_config, tiny_preset, imdb_data, tmp_path):
    broken = shutil.copytree(tiny_preset, tmp_path / "broken")
    (broken / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"--preset .*broken: cannot be loaded"):
        load(tiny_config(task="imdb", data_dir=str(imdb_data), preset=str(broken)))


def test_another_vocabulary_names_both_hashes(tiny_config, tiny_preset, imdb_data, tmp_path):
    other = shutil.copytree(tiny_preset, tmp_path / "other")
    (other / "assets" / "tokenizer" / "vocabulary.txt").write_text("a\n")
    config = tiny_config(task="imdb", data_dir=str(imdb_data), preset=str(other))
    expected = load_info(imdb_data).vocabulary_sha256
    # sha256 of "a\n" as sha256sum gives it
    found = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    with pytest.raises(InputError, match=f"is {found}, but the records .* with {expected}"):
        load(config)


def test_records_whose_vocabulary_was_changed(tiny_config, imdb_data, tmp_path):
    data = shutil.copytree(imdb_data, tmp_path / "data")
    (data / "vocab.txt").write_text("a\n")
    with pytest.raises(InputError, match=r"vocab.txt: its SHA-256 is 87428f.*info.json"):
        load(tiny_config(task="imdb", data_dir=str(data)))


def test_a_preset_without_a_vocabulary_is_checked_by_size(
    tiny_config, tiny_preset, imdb_data, tmp_path, caplog
):
    caplog.set_level("INFO")
    bare = shutil.copytree(tiny_preset, tmp_path / "bare")
    shutil.rmtree(bare / "assets")
    config = tiny_config(task="imdb", data_dir=str(imdb_data), preset=str(bare))
    assert load(config).vocabulary_size == 60
    assert "has no vocabulary file to read: only its size is checked" in caplog.text
    small = tmp_path / "small"
    new_backbone(ARCHITECTURE | {"vocabulary_size": 59}, "float32").save_to_preset(str(small))
    with pytest.raises(InputError, match=r"it knows 59 tokens, but .*vocab.txt has 60"):
        load(dataclasses.replace(config, preset=str(small)))
