"""trainer/history.py, curves.py, events.py and measures.py."""

import gc
import json
import resource

import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainer.curves import curves_figure, draw_curves
from trainer.history import History
from trainer.measures import split_measures


def line(epoch):
    return {
        "epoch": epoch,
        "step": 10 * epoch,
        "train_loss": 1 / epoch,
        "seconds": 2.0,
        "validation_loss": 2 / epoch,
    }


def lines(epochs):
    return [line(epoch) for epoch in range(1, epochs + 1)]


def train(history, steps, epoch=None):
    """Adds steps of 4 examples and 80 tokens, and the line of an epoch."""
    for step in steps:
        history.add_step(step, 4, 80, loss=1 / step, learning_rate=0.1)
    if epoch:
        history.add_epoch(lines(epoch))


def points(run_dir, run):
    """Tag -> [(step, value)] by step, as TensorBoard itself reads and thins the files.

    Two files of one second and one process are not in the order of time there.
    """
    events = EventAccumulator(str(run_dir / "tensorboard" / run), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: sorted(
            (each.step, float(tf.make_ndarray(each.tensor_proto))) for each in events.Tensors(tag)
        )
        for tag in events.Tags()["tensors"]
    }


def test_a_resumed_history_forgets_what_the_checkpoint_does_not_know(tmp_path):
    def epochs():
        written = (tmp_path / "history.jsonl").read_text().splitlines()
        return [json.loads(each)["epoch"] for each in written]

    history = History(tmp_path, [], step=0, total_steps=30)
    for epoch in (1, 2, 3):
        history.add_epoch(lines(epoch))
    assert epochs() == [1, 2, 3]
    resumed = History(tmp_path, lines(1), step=10, total_steps=30)
    assert epochs() == [1]
    resumed.add_epoch(lines(2))
    assert epochs() == [1, 2]
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_training_and_validation_overlay_in_tensorboard(tmp_path):
    train(History(tmp_path, [], 0, total_steps=30), range(1, 11), epoch=1)
    of_training, of_validation = points(tmp_path, "train"), points(tmp_path, "validation")
    assert of_validation == {"epoch/loss": [(10, 2.0)]}
    assert of_training["epoch/loss"] == [(10, 1.0)]
    assert of_training["epoch/seconds"] == [(10, 2.0)]
    assert of_training["step/loss"] == [(n, pytest.approx(1 / n)) for n in range(1, 11)]
    assert [step for step, _ in of_training["step/learning_rate"]] == list(range(1, 11))
    # The first step traces the graph: it has no rate.
    assert [step for step, _ in of_training["step/examples_per_second"]] == list(range(2, 11))
    (_, examples), *_ = of_training["step/examples_per_second"]
    (_, tokens), *_ = of_training["step/tokens_per_second"]
    assert tokens == pytest.approx(20 * examples)


@pytest.mark.parametrize(
    ("done", "epochs"),
    [pytest.param(13, 1, id="in-an-epoch"), pytest.param(20, 1, id="before-the-epoch's-line")],
)
def test_a_resumed_run_has_no_point_twice(tmp_path, done, epochs):
    stopped = History(tmp_path, [], 0, total_steps=30)
    train(stopped, range(1, 11), epoch=1)
    train(stopped, range(11, 21), epoch=2)
    train(stopped, range(21, 26))
    stopped.flush()
    resumed = History(tmp_path, lines(epochs), done, total_steps=30)
    train(resumed, range(done + 1, 21), epoch=2)
    found = points(tmp_path, "train")
    assert [step for step, _ in found["step/loss"]] == list(range(1, 21))
    assert [step for step, _ in found["epoch/loss"]] == [10, 20]
    assert [step for step, _ in points(tmp_path, "validation")["epoch/loss"]] == [10, 20]


def test_events_cut_short_by_a_kill_are_kept_up_to_there(tmp_path):
    train(History(tmp_path, [], 0, total_steps=30), range(1, 11), epoch=1)
    (path,) = (tmp_path / "tensorboard" / "train").iterdir()
    path.write_bytes(path.read_bytes()[:-3])  # the last event is of the epoch's seconds
    train(History(tmp_path, lines(1), 10, total_steps=30), range(11, 13), epoch=2)
    found = points(tmp_path, "train")
    assert [step for step, _ in found["step/loss"]] == list(range(1, 13))
    assert found["epoch/seconds"] == [(20, 2.0)]


def test_steps_of_a_long_run_are_thinned(tmp_path):
    history = History(tmp_path, [], 0, total_steps=4000)
    train(history, range(1, 11))
    history.flush()
    found = points(tmp_path, "train")
    assert [step for step, _ in found["step/loss"]] == [4, 8]


def test_a_full_disk_is_an_os_error(tmp_path):
    history = History(tmp_path, [], 0, total_steps=1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:  # noqa: PT012
            train(history, range(1, 1000))
            history.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.filename == str(tmp_path / "tensorboard")


def test_measures_are_told_by_their_split():
    fields = line(1) | {"validation_f1": 80.0, "evaluation_seconds": 1.0}
    assert split_measures(fields, "train") == {"loss": 1.0}
    assert split_measures(fields, "validation") == {"loss": 2.0, "f1": 80.0}


SQUAD = {
    "train_start_accuracy": 0.5,
    "train_end_accuracy": 0.5,
    "validation_exact_match": 60.0,
    "validation_best_f1": 80.0,
}


@pytest.mark.parametrize(
    ("fields", "titles", "labels"),
    [
        pytest.param({}, ["loss"], [["train", "validation"]], id="loss"),
        pytest.param(
            SQUAD,
            ["loss", "accuracy", "exact match and F1 (%)"],
            [["train", "validation"], ["train: start accuracy", "train: end accuracy"]],
            id="squad",
        ),
    ],
)
def test_curves_have_a_panel_for_each_kind_of_measure(fields, titles, labels):
    figure = curves_figure([line(epoch) | fields for epoch in (1, 2)])
    assert [axes.get_title() for axes in figure.axes] == titles
    found = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in figure.axes]
    assert found[:2] == labels
    assert figure.axes[0].lines[1].get_xydata().tolist() == [[1, 2], [2, 1]]


@pytest.mark.parametrize("epochs", [1, 100])
def test_curves_number_whole_epochs(epochs):
    figure = curves_figure([line(epoch) for epoch in range(1, epochs + 1)])
    ticks = [tick for tick in figure.axes[0].get_xticks() if 1 <= tick <= epochs]
    assert ticks
    assert all(tick == int(tick) for tick in ticks)


def test_a_picture_leaves_no_figure_in_memory(tmp_path):
    gc.disable()
    try:
        draw_curves([line(1)], tmp_path / "curves.png")
        assert not [each for each in gc.get_objects() if isinstance(each, Figure)]
    finally:
        gc.enable()
