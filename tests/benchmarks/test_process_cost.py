import sys

import pytest

from benchmarks.process_cost import measure
from preprocessing.errors import InputError

MIB = 2**20
# Holds 100 MiB, and starts a process that holds 200.
TWO_PROCESSES = f"""
import subprocess, sys, time
mine = b"x" * (100 * {MIB})
child = "import time; theirs = b'x' * (200 * {MIB}); time.sleep(1.5)"
subprocess.run([sys.executable, "-c", child], check=True)
"""


def run(tmp_path, code):
    return measure([sys.executable, "-c", code], tmp_path, tmp_path / "log")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_memory_of_the_largest_process_and_of_all(tmp_path):
    cost = run(tmp_path, TWO_PROCESSES)
    assert 200 < cost.largest_process_mib < 250
    assert 300 < cost.all_processes_mib < 400


def test_seconds_and_processor_time(tmp_path):
    cost = run(tmp_path, "import time; time.sleep(1)")
    assert cost.seconds > 1
    assert cost.cpu_s < 1


def test_processor_time_of_a_child_counts(tmp_path):
    child = "import time; [0 for _ in iter(lambda: time.process_time() < 1, False)]"
    cost = run(
        tmp_path, f'import subprocess, sys; subprocess.run([sys.executable, "-c", {child!r}])'
    )
    assert cost.cpu_s > 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_processor_time_of_a_child_that_is_not_waited_for(tmp_path):
    child = "import time; [0 for _ in iter(lambda: time.process_time() < 0.6, False)]"
    cost = run(
        tmp_path,
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]);"
        "time.sleep(4)",
    )
    assert cost.cpu_s > 0.5


def test_a_command_that_fails(tmp_path):
    with pytest.raises(InputError, match=r"exit status 3: last words"):
        run(tmp_path, "import sys; print('last words'); sys.exit(3)")


def test_a_command_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="nothing-here: cannot run it"):
        measure(["nothing-here"], tmp_path, tmp_path / "log")
