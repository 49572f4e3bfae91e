"""Strategy x precision x accumulation: each cell learns, and equal mathematics gives equal losses.

One process trains on one device and on two logical devices, a pair of processes as two workers.
Without dropout, the loss of each epoch depends on the precision alone, but for rounding: the
same sums are taken in another order.
"""

import json
import sys

import pytest

from tests.trainer.test_distribution import free_ports
from tests.trainer.tiny import start, write_dataset

# Of bits of the mantissa: 24, 8 and 11.
TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-3, "float16": 1e-4}
ROWS = 83  # in batches of 16: the last has 3, for 2 replicas with 2 micro-batches each


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("matrix"), "squad", {"train": ROWS})


def trained(*processes):
    """What the driver printed in each process."""
    ended = [(process.communicate(timeout=400), process.returncode) for process in processes]
    assert {status for _, status in ended} == {0}, ended
    return [json.loads(out.splitlines()[-1]) for (out, _), _ in ended]


def driver(data, *arguments, **environment):
    command = [sys.executable, "-m", "tests.trainer.matrix", str(data), *arguments]
    return start(command, **environment)


def workers(data, cells):
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    tasks = [{"type": "worker", "index": index} for index in range(2)]
    clusters = [json.dumps({"cluster": {"worker": addresses}, "task": task}) for task in tasks]
    return [driver(data, cells, "multi_worker", TF_CONFIG=cluster) for cluster in clusters]


@pytest.fixture(scope="module")
def one_process(data):
    return trained(driver(data, "all", "one_device", "mirrored"))[0]


def check(cells, expected):
    for name, cell in cells.items():
        losses, precision = cell["losses"], name.split()[0]
        assert losses[1] < 0.9 * losses[0], name
        reference = expected[f"{precision} 1"]["losses"]
        assert losses == pytest.approx(reference, rel=TOLERANCE[precision]), name
    evaluated, reference = cells["float32 1"]["sums"], expected["float32 1"]["sums"]
    assert evaluated["examples"] == ROWS
    assert evaluated["padding"] >= reference["padding"]  # rows that fill up count, too
    assert evaluated == pytest.approx(reference | {"padding": evaluated["padding"]}, rel=1e-5)


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_cells_of_one_process(one_process, strategy):
    assert len(one_process[strategy]) == 6
    check(one_process[strategy], one_process["one_device"])


def test_low_precisions_learn_as_float32_does(one_process):
    cells = one_process["one_device"]
    for precision in ("bfloat16", "float16"):
        found, expected = cells[f"{precision} 1"]["losses"], cells["float32 1"]["losses"]
        assert found == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(
    ("cells", "number"), [("few", 3), pytest.param("all", 6, marks=pytest.mark.slow)]
)
def test_cells_of_two_workers(data, one_process, cells, number):
    first, second = trained(*workers(data, cells))
    assert first == second
    assert len(first["multi_worker"]) == number
    check(first["multi_worker"], one_process["one_device"])
