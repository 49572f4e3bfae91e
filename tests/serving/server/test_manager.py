"""The model manager in this process: what is hard to see from outside (API page, section 5)."""

import dataclasses
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tensorflow.core.protobuf import config_pb2

from serving.server import loader
from serving.server.config import ModelConfig, VersionPolicy
from serving.server.manager import ManagerOptions, ModelManager
from serving.server.servable import State
from serving.server.status import Code, StatusError
from tests.serving.served_models import constant, half_plus_two_tf1

Loader = Callable[[str], loader.LoadedModel]


def load(path: str) -> loader.LoadedModel:
    return loader.load(path, ["serve"], config_pb2.ConfigProto())


@pytest.fixture
def start(tmp_path):
    """Starts a manager of the model "m" in tmp_path/m, and stops it at the end."""
    started = []

    def start_manager(load: Loader = load, policy: str = "latest", **given: Any) -> ModelManager:
        model = ModelConfig("m", str(tmp_path / "m"), VersionPolicy(policy))
        options = ManagerOptions(load_retry_interval_s=0.05, max_num_load_retries=0)
        manager = ModelManager([model], load, dataclasses.replace(options, **given))
        started.append(manager)
        manager.start()
        return manager

    (tmp_path / "m").mkdir()
    yield start_manager
    for manager in started:
        manager.stop()


def states(manager: ModelManager) -> list[tuple[int, State]]:
    return [(version, state) for version, state, _ in manager.statuses("m")]


def wait_for_states(manager: ModelManager, expected: list[tuple[int, State]]) -> None:
    deadline = time.monotonic() + 10
    while states(manager) != expected:
        assert time.monotonic() < deadline, states(manager)
        time.sleep(0.01)


def test_1_2_an_unload_waits_for_the_requests(start, tmp_path):
    constant(tmp_path / "m" / "1", 1.0)
    manager = start()
    wait_for_states(manager, [(1, State.AVAILABLE)])
    with manager.borrow("m") as servable:
        constant(tmp_path / "m" / "2", 2.0)
        wait_for_states(manager, [(2, State.AVAILABLE), (1, State.UNLOADING)])
        name = servable.loaded_model.signatures["serving_default"].outputs["y"].name
        feed = servable.loaded_model.signatures["serving_default"].inputs["x"].name
        assert servable.loaded_model.run({feed: np.float32(0)}, [name]) == [1.0]
        with manager.borrow("m") as newer:
            assert newer.version == 2
        with pytest.raises(StatusError, match="Specific"), manager.borrow("m", 1):
            pass
    wait_for_states(manager, [(2, State.AVAILABLE), (1, State.END)])


def test_5_2_retries_stop_when_the_version_goes(start, tmp_path):
    attempts = []

    def fail(path):
        attempts.append(os.path.basename(path))
        raise StatusError(Code.DATA_LOSS, "broken")

    (tmp_path / "m" / "1").mkdir()
    manager = start(fail, max_num_load_retries=1000)
    while len(attempts) < 3:
        time.sleep(0.01)
    assert manager.statuses("m")[0][:2] == (1, State.LOADING)
    assert manager.statuses("m")[0][2].message == "broken"
    (tmp_path / "m" / "1").rmdir()
    wait_for_states(manager, [(1, State.END)])
    count = len(attempts)
    time.sleep(0.3)
    assert len(attempts) == count
    assert not manager.ready()  # no version: it is waited for


def test_5_2_a_failed_version_is_not_tried_again_until_it_has_gone(start, tmp_path):
    attempts = []

    def fail_at_first(path):
        attempts.append(path)
        if len(attempts) == 1:
            raise StatusError(Code.DATA_LOSS, "broken")
        return load(path)

    half_plus_two_tf1(tmp_path / "m" / "1")
    manager = start(fail_at_first)
    wait_for_states(manager, [(1, State.END)])
    with pytest.raises(StatusError) as caught:
        manager.ready()
    assert caught.value.message == (
        "1 servable(s) did not become available: {{{name: m version: 1} due to error: "
        "DATA_LOSS: broken}, }"
    )
    time.sleep(1.2)  # a poll
    assert len(attempts) == 1
    (tmp_path / "m" / "1").rename(tmp_path / "away")
    time.sleep(1.2)
    (tmp_path / "away").rename(tmp_path / "m" / "1")
    wait_for_states(manager, [(1, State.AVAILABLE)])
    assert manager.statuses("m")[0][2] is None


def test_5_3_versions_load_one_after_the_other_highest_first(start, tmp_path):
    running, order, overlaps = threading.Lock(), [], []

    def load_slowly(path):
        overlaps.append(not running.acquire(blocking=False))
        order.append(int(os.path.basename(path)))
        time.sleep(0.02)
        if not overlaps[-1]:
            running.release()
        return load(path)

    manager = start(load_slowly, policy="all")
    manager.initial_loads_done()
    staged = tmp_path / "staged"
    staged.mkdir()
    for version in (1, 2, 3):
        half_plus_two_tf1(staged / str(version))
    staged.rename(tmp_path / "m")  # in place of the empty folder: all versions at once
    wait_for_states(manager, [(3, State.AVAILABLE), (2, State.AVAILABLE), (1, State.AVAILABLE)])
    assert order == [3, 2, 1]
    assert overlaps == [False] * 3


def test_6_as_many_loads_and_unloads_at_once_as_there_are_threads(start, tmp_path):
    """Each of them waits until another one is under way."""
    loads, unloads = threading.Barrier(2, timeout=10), threading.Barrier(2, timeout=10)

    class UnloadsInPairs:
        def __init__(self, model):
            self.signatures, self.run, self._model = model.signatures, model.run, model

        def close(self):
            unloads.wait()
            self._model.close()

    def load_in_pairs(path):
        loads.wait()
        return UnloadsInPairs(load(path))

    manager = start(load_in_pairs, policy="all", num_load_threads=2, num_unload_threads=2)
    manager.initial_loads_done()
    (tmp_path / "staged").mkdir()
    for version in (1, 2):
        constant(tmp_path / "staged" / str(version), 1.0)
    (tmp_path / "staged").rename(tmp_path / "m")  # in place of the empty folder
    wait_for_states(manager, [(2, State.AVAILABLE), (1, State.AVAILABLE)])
    for version in ("1", "2"):
        (tmp_path / "m" / version).rename(tmp_path / f"gone-{version}")
    wait_for_states(manager, [(2, State.END), (1, State.END)])
    assert not unloads.broken


@pytest.mark.skipif(os.cpu_count() == 1, reason="loads one after the other on one CPU")
def test_6_the_first_loads_run_in_parallel_in_any_case(start, tmp_path):
    """Each of them waits until another one is under way."""
    loads = threading.Barrier(2, timeout=10)
    for version in (1, 2):
        (tmp_path / "staged" / str(version)).mkdir(parents=True)
    (tmp_path / "staged").rename(tmp_path / "m")  # in place of the empty folder
    manager = start(lambda path: loads.wait(), policy="all", num_load_threads=0)
    wait_for_states(manager, [(2, State.AVAILABLE), (1, State.AVAILABLE)])


def test_1_2_a_version_that_loads_is_not_there(start, tmp_path):
    (tmp_path / "m" / "1").mkdir()
    may_end = threading.Event()
    manager = start(lambda path: may_end.wait(20))
    wait_for_states(manager, [(1, State.LOADING)])
    for version, wanted in ((None, "Latest(m)"), (1, "Specific(m, 1)")):
        with pytest.raises(StatusError) as caught, manager.borrow("m", version):
            pass
        assert str(caught.value) == f"NOT_FOUND: Servable not found for request: {wanted}"
    may_end.set()
    wait_for_states(manager, [(1, State.AVAILABLE)])


def test_5_1_polling_once(start, tmp_path):
    constant(tmp_path / "m" / "1", 1.0)
    manager = start(file_system_poll_wait_seconds=0)
    wait_for_states(manager, [(1, State.AVAILABLE)])
    constant(tmp_path / "m" / "2", 2.0)
    time.sleep(1.2)
    assert states(manager) == [(1, State.AVAILABLE)]
