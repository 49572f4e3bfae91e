"""Nothing outlives the demo: real processes, real signals."""

import os
import signal
import subprocess
import sys
import time

import pytest

from demo.processes import child

# Starts a grandchild in its group, ignores the polite signal, says both ids.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(other.pid, flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys
from demo.processes import child, interrupt_on_termination
interrupt_on_termination()
with child([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
    print(process.pid, flush=True)
    process.wait()
"""


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that has ended but was not waited for by its parent still has its id.
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


def ends(pid):
    """Whether the process is gone within 5 s; a signal takes a moment to arrive."""
    deadline = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_running(pid)


def test_group_of_a_stubborn_child_ends(monkeypatch):
    monkeypatch.setattr("demo.processes.GRACE_S", 0.5)
    with child([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True) as process:
        grandchild = int(process.stdout.readline())
        assert is_running(grandchild)
    assert process.returncode == -signal.SIGKILL
    assert ends(grandchild)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_to_the_parent_ends_the_child(number):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    parent.send_signal(number)
    parent.communicate(timeout=20)
    assert ends(pid)
