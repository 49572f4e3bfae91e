import pytest

from benchmarks.server_sides import InProcess
from benchmarks.server_throughput import in_turns, main, table
from preprocessing.errors import InputError
from tests.serving import served_models


def test_a_graph_in_this_process_answers_batches_and_one_after_the_other(tmp_path):
    version = served_models.sentiment(tmp_path / "1")
    asked = InProcess(version, ["a good film"] * 40, threads=1, max_batch_size=4)
    assert asked(8)["requests_per_s"] > 0
    lone = asked(1)
    assert 0 < lone["p50"] <= lone["p99"]
    assert lone["requests_per_s"] > 0


def test_sides_run_in_turns_and_back():
    order = []

    def side(name):
        def ask(clients):
            order.append((name, clients))
            return {"requests_per_s": float(len(order))}

        return ask

    found = in_turns({"a": side("a"), "b": side("b")}, 4, 2)
    assert order == [(name, 4) for name in "ababba"]
    assert found == {
        "a": [{"requests_per_s": 3.0}, {"requests_per_s": 6.0}],
        "b": [{"requests_per_s": 4.0}, {"requests_per_s": 5.0}],
    }


def test_table_has_medians():
    waits = [{"requests_per_s": s, "p50": 5.0, "p99": 9.0} for s in (30.0, 10.0, 20.0)]
    lines = table(32, {"server": waits, "process": [{"requests_per_s": 21.0}]}).splitlines()
    assert lines[2:] == [
        "| server | 20.0 (10.0, 30.0) | 5.0 | 9.0 |",
        "| process | 21.0 (21.0, 21.0) |  |  |",
    ]


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--clients=0", "--clients is 0, expected at least 1."),
        ("--peer_python=/nowhere/python", "--peer_python /nowhere/python: cannot run it"),
    ],
)
def test_flags_that_cannot_be(flag, message):
    with pytest.raises(InputError) as caught:
        main(["--run_dir=r", "--reviews=r", "--preset=p", flag])
    assert str(caught.value).startswith(message)
