"""A server that runs, the embedded one: led to a label step by step, or by the config file."""

import concurrent.futures
import dataclasses
import errno
import json
import re
import shutil
import time

import pytest

from preprocessing.errors import InputError
from serving.registry import config_file
from serving.registry.changes import Target, load, promote, rollback, unlabel, unload
from serving.registry.labels import labels_of
from serving.registry.running_server import RunningServer
from tests.serving import served_models
from tests.serving.registry.version_folders import write_version
from tests.serving.server_process import running_server


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    """A server that starts without a model; each test's config replaces the one before."""
    root = tmp_path_factory.mktemp("running")
    (root / "config").write_text("model_config_list {}")
    flags = (f"--model_config_file={root / 'config'}", "--max_num_load_retries=0")
    with running_server(root / "log", *flags) as process:
        yield process.wait_until_ready()


@pytest.fixture
def server(process):
    with RunningServer(f"grpc://localhost:{process.port}", 30) as server:
        yield server


@pytest.fixture
def qa(tmp_path, request):
    """A model that no other test has, with versions 1 to 3; y tells which one answered."""
    name = re.sub(r"\W", "_", request.node.name)
    (tmp_path / name).mkdir()
    for number in (1, 2, 3):
        served_models.constant(tmp_path / name / str(number), float(number))
    return Target(tmp_path / name, tmp_path / "models.config", name)


def available(process, model: Target) -> set[int]:
    return {version for version, state, _ in process.status(model.name) if state == "AVAILABLE"}


def by_label(process, model: Target) -> float:
    status, body = process.post(f"{model.name}/labels/stable:predict", '{"instances": [1.0]}')
    assert status == 200, body
    return json.loads(body)["predictions"][0]


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_version_is_loaded_before_it_gets_the_label(process, server, qa):
    promote(qa, 1, "stable", server)
    assert by_label(process, qa) == 1.0
    assert labels_of(qa.model_dir) == {"stable": 1}
    with concurrent.futures.ThreadPoolExecutor() as threads:
        moved = threads.submit(promote, qa, 2, "stable", server)
        answers = set()
        while not moved.done():
            answers.add(by_label(process, qa))  # never without an answer
        moved.result()
    assert answers <= {1.0, 2.0}
    assert by_label(process, qa) == 2.0
    wait_for(lambda: available(process, qa) == {2})
    # The config that moves the label is the first that lets version 1 go.
    configs = [
        line.split(f"model {qa.name}: ")[1].split(" in ")[0]
        for line in process.log.splitlines()
        if f"model {qa.name}: versions" in line
    ]
    assert configs == ["versions 1, 3", "versions 1", "versions 1, 2", "versions 2"]
    rollback(qa, "stable", server)
    assert by_label(process, qa) == 1.0
    assert labels_of(qa.model_dir) == {"stable": 1}
    load(qa, 3, server)
    assert available(process, qa) == {1, 3}


@pytest.mark.parametrize("act", [
    lambda qa, server: promote(qa, 2, "stable", server), lambda qa, server: load(qa, 2, server),
], ids=["promote", "load"])  # fmt: skip
def test_a_version_that_cannot_be_loaded_changes_nothing(process, server, qa, act):
    promote(qa, 1, "stable", server)
    before = qa.config.read_text()
    shutil.rmtree(qa.model_dir / "2")
    write_version(qa.model_dir, 2)  # without a graph
    message = f"{qa.name} version 2 cannot be loaded there: Could not load SavedModel at "
    with pytest.raises(InputError, match=re.escape(message)):
        act(qa, server)
    assert qa.config.read_text() == before
    assert by_label(process, qa) == 1.0
    wait_for(lambda: available(process, qa) == {1})


def test_a_second_step_that_is_refused_takes_the_first_back(process, server, qa, monkeypatch):
    promote(qa, 1, "stable", server)
    before = qa.config.read_text()
    apply, calls = server.apply, []

    def refuse_the_second(config):
        calls.append(config)
        if len(calls) == 2:
            raise InputError("out of memory")
        apply(config)

    monkeypatch.setattr(server, "apply", refuse_the_second)
    with pytest.raises(InputError, match="out of memory"):
        promote(qa, 2, "stable", server)
    assert len(calls) == 3
    assert qa.config.read_text() == before
    assert by_label(process, qa) == 1.0
    wait_for(lambda: available(process, qa) == {1})


@pytest.mark.parametrize("act", [
    lambda qa, server: promote(qa, 1, "canary", server),
    lambda qa, server: unlabel(qa, "stable", server),
    lambda qa, server: load(qa, 3, server),
    lambda qa, server: unload(qa, 2, server),
], ids=["promote", "unlabel", "load", "unload"])  # fmt: skip
def test_a_file_that_cannot_be_written_leaves_the_server_as_it_was(
    process, server, qa, act, monkeypatch
):
    def full(path, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    promote(qa, 1, "stable", server)
    load(qa, 2, server)
    before = qa.config.read_text()
    monkeypatch.setattr(config_file, "_replace", full)
    with pytest.raises(InputError, match=r"models.config: cannot be written .No space left"):
        act(qa, server)
    assert qa.config.read_text() == before
    wait_for(lambda: available(process, qa) == {1, 2})
    assert by_label(process, qa) == 1.0
    assert process.post(f"{qa.name}/labels/canary:predict", '{"instances": [1.0]}')[0] == 400


def test_a_history_that_cannot_be_written_takes_the_change_back(qa):
    promote(qa, 1, "stable")
    before = qa.config.read_text()
    history = qa.config.with_name("labels.jsonl")
    history.unlink()
    history.mkdir()
    with pytest.raises(InputError, match=r"labels.jsonl: cannot be "):
        promote(qa, 2, "stable")
    assert qa.config.read_text() == before


def test_a_config_that_the_server_refuses_is_not_written(server, qa):
    promote(qa, 1, "canary")  # in the file alone: the server has not loaded it
    before = qa.config.read_text()
    with pytest.raises(InputError, match="FAILED_PRECONDITION: Request to assign label"):
        promote(qa, 2, "stable", server)
    assert qa.config.read_text() == before


def test_a_version_that_is_not_there_in_time(process, server, qa, tmp_path):
    (tmp_path / "seen").mkdir()  # by the server, and version 2 never gets there
    served_models.constant(tmp_path / "seen" / "1", 1.0)
    qa = dataclasses.replace(qa, base_path=str(tmp_path / "seen"))
    promote(qa, 1, "stable", server)
    before = qa.config.read_text()
    with (
        RunningServer(f"grpc://localhost:{process.port}", 3.0) as hasty,
        pytest.raises(InputError, match=r"after --timeout_s 3 \(it is unknown to it\)"),
    ):
        promote(qa, 2, "stable", hasty)
    assert qa.config.read_text() == before
    assert labels_of(qa.model_dir) == {"stable": 1}
    assert by_label(process, qa) == 1.0


def test_no_server(qa):
    with (
        RunningServer("grpc://localhost:1", 5) as server,
        pytest.raises(InputError, match=r"ended with UNAVAILABLE: .* Is a server running there\?"),
    ):
        promote(qa, 1, "stable", server)
    assert labels_of(qa.model_dir) == {}


def test_a_server_that_starts_anew_and_one_that_reads_the_file_again(qa, tmp_path):
    promote(qa, 1, "stable")
    promote(qa, 2, "stable")
    flags = (
        f"--model_config_file={qa.config}", "--allow_version_labels_for_unavailable_models",
        "--model_config_file_poll_wait_seconds=1",
    )  # fmt: skip
    with running_server(tmp_path / "log", *flags) as process:
        process.wait_until_ready()
        assert by_label(process, qa) == 2.0
        load(qa, 1)
        wait_for(lambda: available(process, qa) == {1, 2})
        rollback(qa, "stable")
        wait_for(lambda: by_label(process, qa) == 1.0)
