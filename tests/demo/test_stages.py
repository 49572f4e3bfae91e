"""A stage runs again exactly when its command, its code or what it needs has changed."""

import dataclasses

import pytest

from demo.stages import STAGES, Stage, StageLog


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Makefile").write_text("NAME ?= x\nwrite:\n\t@touch $(NAME)\nafter:\n\t@true\n")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("1")
    (tmp_path / "x").touch()
    return Stage("write", "write", (), ("code",), (), "x")


def is_current(*stages):
    log = StageLog()
    return [log.is_current(stage, log.fingerprint(stage)) for stage in stages]


def finish(*stages):
    log = StageLog()
    for stage in stages:
        log.note(stage, "finished", log.fingerprint(stage))


def test_finished_stage_is_current_until_its_result_goes(stage, tmp_path):
    assert is_current(stage) == [False]
    finish(stage)
    assert is_current(stage) == [True]
    (tmp_path / "x").unlink()
    assert is_current(stage) == [False]


def test_change_of_code_or_command_reaches_what_depends_on_it(stage, tmp_path):
    after = Stage("after", "after", (), (), ("write",), "x")
    finish(stage, after)
    assert is_current(stage, after) == [True, True]
    (tmp_path / "code" / "a.py").write_text("2")
    assert is_current(stage, after) == [False, False]
    (tmp_path / "code" / "a.py").write_text("1")
    changed = dataclasses.replace(stage, variables=("NAME=y",))
    assert is_current(changed, after) == [False, False]


def test_interrupted_stage_is_known(stage):
    log = StageLog()
    fingerprint = log.fingerprint(stage)
    assert not log.was_interrupted(stage, fingerprint)
    log.note(stage, "started", fingerprint)
    assert log.was_interrupted(stage, fingerprint)
    assert not log.was_interrupted(stage, "another")


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.title)
def test_every_stage_is_a_target_of_the_makefile(stage):
    command = stage.command()
    assert " -m " in command
    assert "\\" not in command
