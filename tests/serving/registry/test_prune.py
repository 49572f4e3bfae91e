"""Pruning: what is in use stays, the rest goes in one step."""

import dataclasses
import datetime
import os

import pytest

from preprocessing.errors import InputError
from serving.registry import prune as pruning
from serving.registry.changes import Target, promote
from serving.registry.model import version_folders
from serving.registry.prune import prune
from tests.serving.registry.version_folders import model_with_versions, write_version


@pytest.fixture
def qa(tmp_path):
    return model_with_versions(tmp_path, 1, 2, 3, 4, 5, 6)


def removed(target: Target, **options) -> list[int]:
    """The versions that go from a model that no config names."""
    plan = prune(target, unlabelled=True, **options)
    return [version.number for version in plan.removed]


def test_labelled_named_and_newest_versions_stay(qa):
    promote(qa, 1, "stable")
    text = qa.config.read_text()
    qa.config.write_text(text.replace("versions: 1", "versions: 1 versions: 3"))
    plan = prune(qa, keep=1)
    assert [version.number for version in plan.removed] == [2, 4, 5]
    assert [(version.number, reason) for version, reason in plan.kept] == [
        (1, "has the label stable"), (3, "is loaded by the config"), (6, "is the newest"),
    ]  # fmt: skip
    assert list(version_folders(qa.model_dir)) == [1, 3, 6]
    assert plan.freed == sum(version.size for version in plan.removed) > 0


def test_labels_under_another_name_count(qa):
    """A folder may be served under several names, and a container sees it in another place."""
    for number, (name, base_path) in enumerate(
        (("qa-prod", None), ("qa-staging", "/models/qa"), ("qa", "/models/other")), start=1
    ):
        promote(dataclasses.replace(qa, name=name, base_path=base_path), number, "stable")
    plan = prune(qa, keep=1)
    assert [(version.number, reason) for version, reason in plan.kept] == [
        (1, "has the label stable of qa-prod"), (2, "has the label stable of qa-staging"),
        (3, "has the label stable of qa"), (6, "is the newest"),
    ]  # fmt: skip
    assert list(version_folders(qa.model_dir)) == [1, 2, 3, 6]


def test_a_model_that_no_config_names_is_pruned_on_demand_alone(qa):
    with pytest.raises(InputError, match=r"models.config: no such file, .* say --unlabelled"):
        prune(qa, keep=1)
    promote(dataclasses.replace(qa, name="other", base_path="/models/other"), 1, "stable")
    with pytest.raises(InputError, match=r"models.config: no entry for qa in it, .* --name"):
        prune(qa, keep=1)
    assert list(version_folders(qa.model_dir)) == [1, 2, 3, 4, 5, 6]
    prune(qa, keep=1, unlabelled=True)
    assert list(version_folders(qa.model_dir)) == [6]


@pytest.mark.parametrize(
    ("policy", "left"),
    [("", [6]), ("latest { num_versions: 3 }", [4, 5, 6]), ("all {}", [6])],
    ids=["none", "latest", "all"],
)
def test_what_the_policy_loads_stays_but_all(qa, policy, left):
    qa.config.write_text(
        'model_config_list { config { name: "qa" base_path: "/qa" model_platform: "tensorflow" '
        f"model_version_policy {{ {policy} }} }} }}"
    )
    prune(qa, keep=1)
    assert list(version_folders(qa.model_dir)) == left


def test_by_number(qa):
    assert removed(qa, keep=4) == [1, 2]
    assert removed(qa, keep=9) == []


def test_by_age(tmp_path):
    now = datetime.datetime.now(datetime.UTC)
    qa = model_with_versions(tmp_path, 9)
    for number, days in ((1, 40), (2, 20)):
        created = (now - datetime.timedelta(days=days)).isoformat()
        write_version(qa.model_dir, number, created=created)
    old = write_version(qa.model_dir, 3)  # its provenance has no time: the file's counts
    seconds = now.timestamp() - 35 * 86400
    os.utime(old / "saved_model.pb", (seconds, seconds))
    plan = prune(qa, keep=1, older_than_days=30, unlabelled=True)
    assert [version.number for version in plan.removed] == [1, 3]
    assert plan.kept[0][1] == "is not older than 30 days"


def test_a_dry_run_deletes_nothing(qa):
    assert removed(qa, keep=2, dry_run=True) == [1, 2, 3, 4]
    assert list(version_folders(qa.model_dir)) == [1, 2, 3, 4, 5, 6]


def test_a_cut_off_deletion_is_no_version_and_ends_later(qa, monkeypatch):
    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pruning.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            removed(qa, keep=5)
    (left,) = [path for path in qa.model_dir.iterdir() if not path.name.isdigit()]
    assert left.name.startswith(".removed-1-")
    assert (left / "saved_model.pb").exists()
    removed(qa, keep=5)
    assert sorted(path.name for path in qa.model_dir.iterdir()) == ["2", "3", "4", "5", "6"]


@pytest.mark.parametrize(("keep", "days"), [(0, None), (1, -1.0)])
def test_numbers_that_make_no_sense(qa, keep, days):
    with pytest.raises(InputError, match=r"--(keep|older_than) is"):
        prune(qa, keep, days)
