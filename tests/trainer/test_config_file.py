"""trainer/config_file.py."""

import pytest

from preprocessing.errors import InputError
from trainer.config_file import read_config_file


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param("a.yaml", "learning_rate: 5e-5", {"learning_rate": 5e-5}, id="yaml-5e-5"),
        pytest.param("a.yaml", "learning_rate: .5e-4", {"learning_rate": 5e-5}, id="yaml-.5e-4"),
        pytest.param("a.yaml", "dropout: 0", {"dropout": 0.0}, id="whole-number-for-a-float"),
        pytest.param(
            "a.yml", "preset: null\ntask: squad", {"preset": None, "task": "squad"}, id="yml"
        ),
        pytest.param("a.yaml", "preset: 1e5b", {"preset": "1e5b"}, id="text-like-a-number"),
        pytest.param("a.yaml", "freeze_encoder: yes", {"freeze_encoder": True}, id="yes"),
        pytest.param("a.yaml", "\ufeff# note\nepochs: 2", {"epochs": 2}, id="byte-order-mark"),
        pytest.param("a.json", '{"learning_rate": 5e-5}', {"learning_rate": 5e-5}, id="json"),
        pytest.param("A.JSON", '{\t"epochs": 2}', {"epochs": 2}, id="json-with-a-tab"),
        pytest.param(
            "config.json",
            '{"epochs": 2, "backbone": {"num_layers": 1}, "data_digest": "x", "versions": {}}',
            {"epochs": 2},
            id="config-of-a-run",
        ),
    ],
)
def test_values_of_a_file(tmp_path, name, text, expected):
    values = read_config_file(write(tmp_path, name, text))
    assert values == expected
    assert [type(value) for value in values.values()] == [
        type(value) for value in expected.values()
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param(
            "a.yaml",
            "epochs: 2\nlearning_rat: 1e-5",
            "a.yaml, line 2: there is no 'learning_rat' in the config of a run. Did you mean "
            "learning_rate? `python -m trainer --help` lists the names.",
            id="unknown-key",
        ),
        pytest.param(
            "a.json",
            '{"zzz": 1}',
            "a.json: there is no 'zzz' in the config of a run. `python -m trainer --help`",
            id="unknown-key-near-nothing",
        ),
        pytest.param(
            "a.yaml",
            "epochs: 2\nseed: 1\nepochs: 3",
            "a.yaml, line 3: epochs is there twice. Leave one of them.",
            id="yaml-repeated-key",
        ),
        pytest.param(
            "a.json", '{"seed": 1, "seed": 1}', "a.json: seed is there twice.", id="json-repeated"
        ),
        pytest.param(
            "a.yaml",
            "\nepochs: '3'",
            'a.yaml, line 2: epochs is "3", expected a whole number. Write it without quotes.',
            id="text-for-a-number",
        ),
        pytest.param(
            "a.json",
            '{"learning_rate": "5e-5"}',
            'a.json: learning_rate is "5e-5", expected a number. Write it without quotes.',
            id="text-for-a-float",
        ),
        *(
            pytest.param(name, text, f"{message}.\n", id=f"{name}-{text}")
            for name, text, message in [
                ("a.yaml", "epochs: two", 'epochs is "two", expected a whole number'),
                ("a.yaml", "epochs: '2.5'", 'epochs is "2.5", expected a whole number'),
                ("a.yaml", "dropout: '0.1: x: y'", 'is "0.1: x: y", expected a number'),
                ("a.json", '{"jit_compile": "yes"}', 'is "yes", expected true or false'),
            ]
        ),
        pytest.param(
            "a.yaml",
            "jit_compile: 'yes'",
            'is "yes", expected true or false. Write it without quotes.',
            id="text-for-a-bool",
        ),
        pytest.param(
            "a.yaml",
            "epochs: 3.0",
            "epochs is 3.0, expected a whole number.",
            id="float-for-an-int",
        ),
        pytest.param(
            "a.yaml", "epochs: true", "epochs is true, expected a whole number.", id="bool-for-int"
        ),
        pytest.param(
            "a.yaml",
            "jit_compile: 1",
            "jit_compile is 1, expected true or false.",
            id="int-for-bool",
        ),
        pytest.param(
            "a.yaml",
            "data_dir: 2024-02-29",
            'data_dir is "2024-02-29", expected text. Write it in quotes.',
            id="date-for-text",
        ),
        pytest.param(
            "a.yaml", "task: [imdb]", 'task is ["imdb"], expected text.', id="list-for-text"
        ),
        pytest.param(
            "a.yaml",
            "dropout:",
            "dropout is null, expected a number. Leave it out for the default.",
            id="nothing",
        ),
        pytest.param(
            "a.yaml",
            "seed: 1\nepochs: 0",
            "a.yaml, line 2: epochs is 0, expected a whole number of at least 1.",
            id="impossible-value",
        ),
        pytest.param(
            "a.yaml", "task: mnli", "task is 'mnli', expected one of imdb, squad.", id="choice"
        ),
        pytest.param(
            "a.yaml",
            "epochs: 2\n---\nepochs: 3",
            "a.yaml, line 2: cannot be read as YAML: expected a single document in the stream",
            id="two-documents",
        ),
        pytest.param(
            "a.yaml",
            "- epochs",
            'a.yaml: it holds ["epochs"], expected names with values',
            id="list",
        ),
        pytest.param("a.json", "[1]", "a.json: it holds [1], expected names", id="json-list"),
        pytest.param("a.yaml", "# nothing", "a.yaml: it is empty, expected names", id="empty"),
        pytest.param(
            "a.yaml", "epochs: [1", "a.yaml, line 1: cannot be read as YAML", id="broken-yaml"
        ),
        pytest.param(
            "a.yaml", "\tepochs: 1", "a.yaml, line 1: cannot be read as YAML", id="tab-in-yaml"
        ),
        pytest.param(
            "a.yaml", "seed: !!python/name:os.system", "a.yaml, line 1: cannot be read", id="python"
        ),
        pytest.param("a.yaml", "? [a]\n: 1", "a.yaml, line 1: there is no", id="list-as-key"),
        pytest.param("a.yaml", "data_dir: 2024-13-01", "a.yaml: cannot be read as YAML", id="date"),
        pytest.param("a.yaml", "seed: \x01", "a.yaml: cannot be read as YAML", id="control"),
        pytest.param(
            "a.json",
            '{\n"epochs": 1,\n}',
            "a.json, line 3: cannot be read as JSON",
            id="json-with-a-last-comma",
        ),
        pytest.param("a.json", "", "a.json, line 1: cannot be read as JSON", id="empty-json"),
        pytest.param(
            "a.toml", "", "a.toml: expected a file named *.yaml, *.yml or *.json", id="toml"
        ),
    ],
)
def test_what_a_file_cannot_hold(tmp_path, name, text, message):
    path = write(tmp_path, name, text)
    with pytest.raises(InputError) as caught:
        read_config_file(path)
    assert message in f"{caught.value}\n"  # with a "\n" at its end it is all that is said
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_another_encoding(tmp_path):
    (tmp_path / "a.yaml").mkdir()
    (tmp_path / "b.yaml").write_bytes("data_dir: caf\xe9".encode("latin-1"))
    for name in ("a.yaml", "b.yaml"):
        with pytest.raises(InputError, match=rf"{name}: cannot be read .* file of UTF-8 text"):
            read_config_file(tmp_path / name)
