"""trainer/checkpoints.py: variables that are saved, and what is restored of them."""

import numpy as np
import pytest

from preprocessing.errors import InputError
from trainer.checkpoint_files import newest_first
from trainer.checkpoints import Checkpoints, Place
from trainer.tensorflow_keras import keras


def variables(*values, dtype="float32"):
    return [keras.Variable(np.array(value), dtype=dtype, name="variable") for value in values]


def saved_places(folder):
    return [int(path.name.split("-")[1]) for path in newest_first(folder / "checkpoints")]


def test_everything_comes_back(tmp_path):
    line = {"epoch": 1, "validation_loss": 0.1 + 0.2, "worst": float("inf")}
    place = Place(epoch=1, step=2, total_steps=8, seconds=1.25, sums={"loss": 0.1}, lines=[line])
    groups = {
        "model": variables([[1.5, -0.0]], 3),
        "optimizer": variables(2**53 + 1, dtype="int64"),
    }
    with Checkpoints(tmp_path, groups) as checkpoints:
        checkpoints.save(place)
    found = {"model": variables([[0, 0]], 0), "optimizer": variables(0, dtype="int64")}
    assert Checkpoints(tmp_path, found).restore() == place
    for group, members in groups.items():
        for variable, expected in zip(found[group], members, strict=True):
            assert variable.numpy().tobytes() == expected.numpy().tobytes()


def test_nothing_to_restore(tmp_path):
    assert Checkpoints(tmp_path, {"model": variables(1)}).restore() is None


def test_a_copy_is_written_while_the_steps_go_on(tmp_path):
    (large,) = variables(np.zeros(30_000_000))  # 120 MB
    with Checkpoints(tmp_path, {"model": [large]}) as checkpoints:
        checkpoints.save(Place(total_steps=1))
        assert saved_places(tmp_path) == []
        large.assign_add(np.ones(30_000_000, np.float32))
        checkpoints.finish()
        assert saved_places(tmp_path) == [1]
        checkpoints.restore()
    assert not large.numpy().any()


@pytest.mark.parametrize(("kept", "expected"), [(1, [4]), (2, [4, 3]), (9, [4, 3, 2, 1])])
def test_the_last_ones_and_the_best_are_kept(tmp_path, kept, expected):
    (variable,) = variables(0)
    with Checkpoints(tmp_path, {"model": [variable]}, kept) as checkpoints:
        for step in (1, 2, 3, 4):
            variable.assign(step)
            checkpoints.save(Place(total_steps=step))
            if step == 2:
                checkpoints.save_best()
        checkpoints.finish()
        assert saved_places(tmp_path) == expected
        checkpoints.restore_best()
    assert variable.numpy() == 2


def test_a_process_that_does_not_write(tmp_path):
    with Checkpoints(tmp_path, {"model": variables(1)}, writes=False) as checkpoints:
        checkpoints.save(Place())
        checkpoints.save_best()
    assert list(tmp_path.iterdir()) == []


def _save(folder, *steps, group="model", values=(1.0,)):
    with Checkpoints(folder, {group: variables(*values)}) as checkpoints:
        for step in steps:
            checkpoints.save(Place(total_steps=step))


def test_a_broken_checkpoint_falls_back_to_the_one_before(tmp_path, caplog):
    _save(tmp_path, 1, 2)
    newest, _ = newest_first(tmp_path / "checkpoints")
    newest.write_bytes(newest.read_bytes()[:-1])
    with Checkpoints(tmp_path, {"model": variables(0)}) as checkpoints:
        place = checkpoints.restore()
        assert (place.total_steps, len(caplog.messages)) == (1, 1)
        assert caplog.messages[0].startswith(f"{newest}: broken, its ")
        assert caplog.messages[0].endswith("Trying the checkpoint before it.")
        checkpoints.save(Place(total_steps=2, step=2))  # the last two that are whole are kept
    assert saved_places(tmp_path) == [2, 1]
    assert not newest.exists()


def test_all_broken(tmp_path):
    _save(tmp_path, 1, 2)
    for path in newest_first(tmp_path / "checkpoints"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"every checkpoint is broken \(step-0{8}2-.*--overwrite"):
        Checkpoints(tmp_path, {"model": variables(0)}).restore()


def test_no_best_checkpoint(tmp_path):
    _save(tmp_path, 1)
    with pytest.raises(InputError, match=r"no best-… checkpoint. Give --overwrite"):
        Checkpoints(tmp_path, {"model": variables(0)}).restore_best()


@pytest.mark.parametrize(
    ("group", "values", "message"),
    [
        ("model", ([1.0, 2.0],), r"model/000/variable is float32\[2\], expected float32\[\]"),
        ("model", (1.0, 2.0), r"model/001/variable is float32\[\], expected no such variable"),
        ("other", (1.0,), r"model/000/variable is not there, expected float32\[\]"),
    ],
)
def test_a_checkpoint_of_another_model(tmp_path, group, values, message):
    _save(tmp_path, 1, group=group, values=values)
    own = [keras.Variable(0.0, name="variable")]
    with pytest.raises(InputError, match=f"another model or optimizer: {message}"):
        Checkpoints(tmp_path, {"model": own}).restore()


def test_a_write_that_fails_ends_the_run(tmp_path):
    (tmp_path / "checkpoints").write_text("a file in the way")
    checkpoints = Checkpoints(tmp_path, {"model": variables(1)})
    checkpoints.save(Place())
    with pytest.raises(InputError, match="could not be written: File exists"):
        checkpoints.finish()
    checkpoints.check()
