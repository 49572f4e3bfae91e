"""trainer/settings.py and trainer/runs.py."""

import pathlib
import re

import pytest

from preprocessing.errors import InputError
from trainer.config_file import read_config_file
from trainer.runs import RUNS
from trainer.settings import Setting, make_config, resolve, settings_text

PLACES = {"data_dir": "data", "output_dir": "run"}


def test_flags_override_a_file_that_overrides_a_named_run(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("epochs: 7\nseed: 3\nlearning_rate: 1e-5\n")
    settings = resolve(["squad_base", str(file)], PLACES | {"seed": 4, "preset": None})
    assert settings["task"] == Setting("squad", "squad_base")
    assert settings["global_batch_size"] == Setting(32, "squad_base")
    assert settings["epochs"] == Setting(7, str(file))
    assert settings["learning_rate"] == Setting(1e-5, str(file))
    assert settings["seed"] == Setting(4, "flag")
    assert settings["preset"] == Setting(None, "flag")
    assert settings["weight_decay"] == Setting(0.01, "default")
    config = make_config(settings)
    assert (config.epochs, config.seed, config.preset, config.doc_stride) == (7, 4, None, 128)


def test_what_is_printed_can_be_given_as_a_config(tmp_path):
    settings = resolve(["imdb_small"], PLACES | {"epochs": 4, "data_dir": "ca\u00fe: #1"})
    file = tmp_path / "printed.yaml"
    file.write_text(settings_text(settings), encoding="utf-8")
    expected = {name: setting.value for name, setting in settings.items()}
    del expected["precision"]  # left to the machine
    assert read_config_file(file) == expected


def test_what_is_printed_names_the_sources():
    settings = resolve(["imdb_small"], {"epochs": 4})
    lines = settings_text(settings).splitlines()
    assert "epochs: 4                                # flag, by default 3" in lines
    assert "learning_rate: 3.0e-05                   # imdb_small, by default 5e-05" in lines
    assert "global_batch_size: 32                    # imdb_small" in lines
    assert {"weight_decay: 0.01", "# data_dir: (required)", "# optimizer"} <= set(lines)
    assert "# precision: (by the hardware)" in lines
    decided = settings | {"precision": Setting("bfloat16", "this machine")}
    assert (
        settings_text(decided).count("precision: bfloat16                      # this machine\n")
        == 1
    )


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        (["imdb_smal"], "'imdb_smal', which is neither .* Did you mean imdb_small"),
        (["nowhere.yaml"], "'nowhere.yaml', which is neither a file nor a named run. The named"),
    ],
)
def test_no_such_config(configs, message):
    with pytest.raises(InputError, match=message):
        resolve(configs, {})


def test_missing_fields_are_named_together():
    with pytest.raises(InputError, match="--task, --output_dir not given, as flags or in a"):
        make_config(resolve([], {"data_dir": "data"}))


def test_every_named_run_makes_a_config_of_its_task():
    tasks = {name: make_config(resolve([name], PLACES)).task for name in RUNS}
    assert tasks == {name: name.split("_")[0] for name in RUNS}


# Epochs, batch, rate and preset: TensorFlow's tutorial "Classify text with BERT" (imdb_small),
# google-research/bert's README for SQuAD with the sizes of run_squad.py (squad_base).
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("imdb_small", ("bert_small_en_uncased", 5, 32, 3e-5, 512, None, None)),
        ("squad_base", ("bert_base_en_uncased", 2, 32, 3e-5, 384, 128, 64)),
        ("imdb_minilm", ("minilm", 2, 32, 5e-5, 256, None, None)),
        ("squad_minilm", ("minilm", 2, 32, 5e-5, 384, 128, 64)),
    ],
)
def test_recipes(name, expected):
    config = make_config(resolve([name], PLACES))
    lengths = (config.max_seq_length, config.doc_stride, config.max_query_length)
    recipe = (config.preset, config.epochs, config.global_batch_size, config.learning_rate)
    assert recipe + lengths == expected
    assert (config.warmup_fraction, config.weight_decay, config.dropout) == (0.1, 0.01, 0.1)


def test_every_named_run_is_documented():
    page = pathlib.Path(__file__).parents[2] / "docs" / "training.md"
    documented = re.findall(r"^\| `(\w+)`", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in documented if name in RUNS] == list(RUNS)
