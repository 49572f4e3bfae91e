"""A server that runs: led to a label step by step; and one that starts with the config."""

import errno
import json
import time

import pytest

from preprocessing.errors import InputError
from serving.registry import config_file
from serving.registry.changes import load, promote, rollback, unlabel, unload
from serving.registry.labels import labels_of
from serving.registry.running_server import RunningServer
from tests.serving import served_models
from tests.serving.registry.strict_server import strict_server
from tests.serving.registry.version_folders import model_with_versions
from tests.serving.server_process import running_server


@pytest.fixture
def qa(tmp_path):
    return model_with_versions(tmp_path, 1, 2, 3)


def test_a_version_is_loaded_before_it_gets_the_label(qa):
    with strict_server({"qa": {3}}) as service, RunningServer(service.endpoint, 10) as server:
        promote(qa, 1, "stable", server)
        assert service.labels() == {"stable": 1} == labels_of(qa.model_dir)
        promote(qa, 2, "stable", server)
        # The config that moves the label is the first that lets version 1 go.
        loaded = [
            set(config.model_config_list.config[0].model_version_policy.specific.versions)
            for config in service.configs
        ]
        assert loaded == [{1, 3}, {1}, {1, 2}, {2}]
        assert (service.available(), service.refused) == ({2}, 0)
        rollback(qa, "stable", server)
        assert service.labels() == {"stable": 1} == labels_of(qa.model_dir)
        load(qa, 3, server)
        assert service.available() == {1, 3}


@pytest.mark.parametrize("command", ["promote", "load"])
def test_a_version_that_cannot_be_loaded_changes_nothing(qa, command):
    with (
        strict_server({"qa": {1}}, broken=frozenset({2})) as service,
        RunningServer(service.endpoint, 10) as server,
    ):
        promote(qa, 1, "stable", server)
        before, served = qa.config.read_text(), service.configs[-1]
        with pytest.raises(InputError, match="qa version 2 cannot be loaded there: no variables"):
            promote(qa, 2, "stable", server) if command == "promote" else load(qa, 2, server)
        assert qa.config.read_text() == before
        assert service.configs[-1] == served
        assert service.available() == {1}


def test_a_second_step_that_is_refused_takes_the_first_back(qa):
    with strict_server({"qa": {1}}) as service, RunningServer(service.endpoint, 10) as server:
        promote(qa, 1, "stable", server)
        before, served = qa.config.read_text(), service.configs[-1]
        service.accept_next, service.refuse_next = 1, 1
        with pytest.raises(InputError, match="INTERNAL: out of memory"):
            promote(qa, 2, "stable", server)
        assert qa.config.read_text() == before
        assert service.configs[-1] == served


@pytest.mark.parametrize(
    "act",
    [
        lambda qa, server: promote(qa, 1, "canary", server),
        lambda qa, server: unlabel(qa, "stable", server),
        lambda qa, server: load(qa, 3, server),
        lambda qa, server: unload(qa, 2, server),
    ],
    ids=["promote", "unlabel", "load", "unload"],
)
def test_a_file_that_cannot_be_written_leaves_the_server_as_it_was(qa, act, monkeypatch):
    def full(path, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    with strict_server({"qa": {1}}) as service, RunningServer(service.endpoint, 10) as server:
        promote(qa, 1, "stable", server)
        load(qa, 2, server)
        before, served = qa.config.read_text(), service.configs[-1]
        monkeypatch.setattr(config_file, "_replace", full)
        with pytest.raises(InputError, match=r"models.config: cannot be written .No space left"):
            act(qa, server)
        assert qa.config.read_text() == before
        assert service.configs[-1] == served


def test_a_history_that_cannot_be_written_takes_the_change_back(qa):
    promote(qa, 1, "stable")
    before = qa.config.read_text()
    history = qa.config.with_name("labels.jsonl")
    history.unlink()
    history.mkdir()
    with pytest.raises(InputError, match=r"labels.jsonl: cannot be "):
        promote(qa, 2, "stable")
    assert qa.config.read_text() == before


def test_a_config_that_the_server_refuses_is_not_written(qa):
    promote(qa, 1, "canary")
    before = qa.config.read_text()
    with strict_server({"qa": {3}}) as service, RunningServer(service.endpoint, 10) as server:
        with pytest.raises(InputError, match="FAILED_PRECONDITION: Request to assign label"):
            promote(qa, 2, "stable", server)
        assert qa.config.read_text() == before


def test_a_version_that_is_not_there_in_time(qa, monkeypatch):
    with strict_server({"qa": {3}}) as service, RunningServer(service.endpoint, 0.5) as server:
        monkeypatch.setattr(service, "LOAD_S", 2.0)
        with pytest.raises(InputError, match=r"after --timeout_s 0.5 \(it is LOADING\)"):
            promote(qa, 1, "stable", server)
    assert labels_of(qa.model_dir) == {}


def test_no_server(qa):
    with (
        RunningServer("grpc://localhost:1", 5) as server,
        pytest.raises(InputError, match=r"ended with UNAVAILABLE: .* Is a server running there\?"),
    ):
        promote(qa, 1, "stable", server)
    assert labels_of(qa.model_dir) == {}


def test_a_started_embedded_server_answers_by_label(tmp_path):
    """It reads configs at its start only: after the rollback it is started again."""
    for number in (1, 2, 3):
        (tmp_path / "qa").mkdir(exist_ok=True)
        served_models.constant(tmp_path / "qa" / str(number), float(number))
    qa = model_with_versions(tmp_path)
    promote(qa, 1, "stable")
    promote(qa, 2, "stable")
    promote(qa, 3, "canary")
    expected = ({"stable": 2.0, "canary": 3.0}, {"stable": 1.0, "canary": 3.0})
    for number, answers in enumerate(expected):
        flags = (
            f"--model_config_file={qa.config}", "--allow_version_labels_for_unavailable_models",
        )  # fmt: skip
        with running_server(tmp_path / f"log-{number}", *flags) as server:
            server.wait_until_ready()
            for label, value in answers.items():
                while server.status("qa")[-1][1] != "AVAILABLE":
                    time.sleep(0.1)  # the first of the versions opens the ports
                status, body = server.post(f"qa/labels/{label}:predict", '{"instances": [1.0]}')
                assert (status, json.loads(body)) == (200, {"predictions": [value]})
            if number == 0:
                message = "HandleReloadConfigRequest ended with UNIMPLEMENTED"
                with (
                    RunningServer(f"grpc://localhost:{server.port}", 10) as running,
                    pytest.raises(InputError, match=message),
                ):
                    promote(qa, 3, "stable", running)
        if number == 0:
            rollback(qa, "stable")
