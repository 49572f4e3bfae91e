"""Promotions, rollbacks and what they make of a config, as the server's own parser reads it."""

import concurrent.futures
import dataclasses
import random
import signal
import subprocess
import sys
import time

import pytest

from preprocessing.errors import InputError
from serving.registry import config_file
from serving.registry.changes import Target, load, promote, rollback, unlabel, unload
from serving.registry.labels import labels_of
from serving.server import config as server_config
from tests.serving.registry.version_folders import model_with_versions
from tests.serving.server_process import REPOSITORY


@pytest.fixture
def qa(tmp_path) -> Target:
    """Versions 1, 2, 3 and 10."""
    return model_with_versions(tmp_path, 1, 2, 3, 10)


def as_served(target: Target) -> server_config.ModelConfig:
    (model,) = server_config.read_file(str(target.config))
    return model


def loaded(target: Target) -> set[int]:
    return as_served(target).policy.choose([1, 2, 3, 10])


def test_a_first_promotion_writes_a_config_that_a_server_takes(qa):
    promote(qa, 2, "stable")
    model = as_served(qa)
    assert (model.name, model.base_path) == ("qa", str(qa.model_dir))
    assert model.labels == {"stable": 2} == labels_of(qa.model_dir)
    assert model.policy == server_config.VersionPolicy("specific", versions=frozenset({2}))


def test_labels_are_kept_loaded_and_what_they_leave_is_not(qa):
    promote(qa, 1, "stable")
    promote(qa, 3, "canary")
    assert loaded(qa) == {1, 3}
    promote(qa, 2, "stable")
    assert loaded(qa) == {2, 3}
    promote(qa, 3, "stable", keep_previous=True)
    assert loaded(qa) == {2, 3}
    promote(qa, 1, "canary", with_newest=True)
    assert loaded(qa) == {1, 2, 3, 10}
    assert labels_of(qa.model_dir) == {"stable": 3, "canary": 1}


def test_rollback_goes_back_step_by_step(qa):
    for version in (1, 2, 3):
        promote(qa, version, "stable")
    promote(qa, 10, "canary")
    assert rollback(qa, "stable")[0] == "qa: stable points at version 2, before that at 3"
    rollback(qa, "stable")
    assert labels_of(qa.model_dir) == {"stable": 1, "canary": 10}
    with pytest.raises(InputError, match=r"nothing is known .* label stable .*: 1, 2, 3, 10"):
        rollback(qa, "stable")
    promote(qa, 10, "stable")
    rollback(qa, "stable")
    assert labels_of(qa.model_dir)["stable"] == 1


def test_two_configs_in_a_folder_have_a_history_each(qa):
    production = dataclasses.replace(qa, config=qa.config.with_name("production.config"))
    staging = dataclasses.replace(qa, config=qa.config.with_name("staging.config"))
    for target, version in ((production, 1), (staging, 3), (production, 2), (staging, 10)):
        promote(target, version, "stable")
    rollback(production, "stable")
    assert labels_of(qa.model_dir, production.config) == {"stable": 1}
    assert labels_of(qa.model_dir, staging.config) == {"stable": 10}
    with pytest.raises(InputError, match=r"production.config: nothing is known"):
        rollback(production, "stable")


def test_rollback_of_an_unlabelling_and_of_a_change_by_hand(qa):
    promote(qa, 1, "stable")
    unlabel(qa, "stable")
    assert as_served(qa).policy == server_config.VersionPolicy()  # the newest, as without labels
    rollback(qa, "stable")
    assert labels_of(qa.model_dir) == {"stable": 1}
    qa.config.write_text(qa.config.read_text().replace("value: 1", "value: 3"))
    rollback(qa, "stable")
    assert labels_of(qa.model_dir) == {"stable": 1}


def test_rollback_to_a_version_that_is_gone(qa):
    promote(qa, 1, "stable")
    promote(qa, 2, "stable")
    (qa.model_dir / "1" / "saved_model.pb").unlink()
    with pytest.raises(InputError, match=r"version 1, which .* is gone. .*: 2, 3, 10"):
        rollback(qa, "stable")
    assert labels_of(qa.model_dir) == {"stable": 2}


def test_load_keeps_what_is_served_and_unload_takes_it_back(qa):
    load(qa, 2)
    assert loaded(qa) == {2, 10}  # the newest is what answered before
    promote(qa, 2, "stable")
    assert loaded(qa) == {2, 10}
    unload(qa, 10)
    assert loaded(qa) == {2}
    with pytest.raises(InputError, match="version 2 of qa is not kept loaded without a label"):
        unload(qa, 2)


def test_other_models_and_fields_survive(qa):
    qa.config.write_text(
        'model_config_list { config { name: "other" base_path: "gs://b/other" '
        'model_platform: "tensorflow" model_version_policy { latest { num_versions: 2 } } '
        "logging_config { sampling_config { sampling_rate: 0.5 } } "
        'version_labels { key: "é" value: 7 } } config { name: "qa" base_path: "/models/qa" '
        'model_platform: "tensorflow" model_version_policy { all {} } } }'
    )
    other = config_file.find(config_file.read(qa.config), "other")
    promote(qa, 2, "stable")
    changed = config_file.read(qa.config)
    assert config_file.find(changed, "other") == other
    model = config_file.find(changed, "qa")
    assert model.base_path == "/models/qa"
    assert model.model_version_policy.WhichOneof("policy_choice") == "all"  # loads 2, too
    promote(Target(qa.model_dir, qa.config, "qa", "/srv/qa"), 2, "stable")
    assert config_file.find(config_file.read(qa.config), "qa").base_path == "/srv/qa"


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda qa: promote(qa, 4, "stable"), "no version 4 in it, expected one of: 1, 2, 3, 10"),
        (lambda qa: promote(qa, 1, "a/b"), "--label 'a/b': expected a name"),
        (lambda qa: unlabel(qa, "canary"), "qa has no label canary, expected one of: stable"),
        (lambda qa: promote(Target(qa.model_dir.parent / "no", qa.config, "no"), 1, "stable"),
         "no: no such folder"),
        (lambda qa: promote(Target(qa.model_dir, qa.config.parent / "no" / "c", "qa"), 1, "x"),
         "no: cannot write there"),
    ],
    ids=["version", "label", "unlabel", "folder", "config"],
)  # fmt: skip
def test_mistakes_change_nothing(qa, act, message):
    promote(qa, 1, "stable")
    before = qa.config.read_text()
    with pytest.raises(InputError, match=message):
        act(qa)
    assert qa.config.read_text() == before


def test_writers_at_once_lose_nothing(qa):
    labels = [f"label-{number}" for number in range(16)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda label: promote(qa, 1, label), labels))
    assert labels_of(qa.model_dir) == dict.fromkeys(labels, 1)


def test_kills_leave_a_whole_config(qa):
    """A process that promotes on and on is killed at any moment."""
    promote(qa, 1, "stable")
    code = (
        "import pathlib, sys; from serving.registry.changes import Target, promote\n"
        "qa = Target(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), 'qa')\n"
        "while True:\n    for version in (1, 2, 3):\n"
        "        promote(qa, version, 'stable')\n        print(version, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(qa.model_dir), str(qa.config)]
    choose, seen = random.Random(5), set()
    for _ in range(8):
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
            for _ in range(choose.randint(1, 5)):
                process.stdout.readline()
            time.sleep(choose.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
        version = as_served(qa).labels["stable"]
        assert loaded(qa) == {version}
        seen.add(version)
        promote(qa, 10, "canary")  # the lock went with the process
        unlabel(qa, "canary")
    assert len(seen) > 1
    rollback(qa, "stable")  # the history can be read, whatever was cut off
