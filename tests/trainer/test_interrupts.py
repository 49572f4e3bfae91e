"""trainer/interrupts.py: real signals to real processes; no TensorFlow in them."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
START = """
import hashlib, logging, time
from trainer.interrupts import Interrupts
logging.basicConfig(level=logging.INFO, format="%(message)s")
with Interrupts() as interrupts:
    with interrupts.left_to_system():
        pass
"""
BEFORE = "    print('ready', flush=True); time.sleep(60)"
ASKED = """
    interrupts.defer(); print('ready', flush=True)
    while not interrupts.requested:
        time.sleep(0.01)
    print('step done', flush=True); interrupts.leave()
"""
# A call that takes minutes and runs no signal handler of Python's, as TensorFlow's do.
IN_C = """
    interrupts.defer(); print('ready', flush=True)
    hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)
"""


@pytest.mark.parametrize(
    ("code", "signals", "status", "stdout", "stderr"),
    [
        (BEFORE, [signal.SIGTERM], 0, "", "stopped before the first step"),
        (BEFORE, [signal.SIGINT], -signal.SIGINT, "", "KeyboardInterrupt"),
        (
            IN_C.replace("interrupts.defer(); ", ""),
            [signal.SIGTERM],
            0,
            "",
            "before the first step",
        ),
        (ASKED, [signal.SIGTERM], 0, "step done\n", ""),
        (ASKED, [signal.SIGINT], -signal.SIGINT, "step done\n", "KeyboardInterrupt"),
        (IN_C, [signal.SIGTERM, signal.SIGTERM], 143, "", "ended at once; the last checkpoint is"),
        (IN_C, [signal.SIGTERM, signal.SIGINT], 130, "", "ended at once; the last checkpoint is"),
    ],
    ids=[
        "term-before",
        "int-before",
        "term-before-in-c",
        "term",
        "int",
        "term-twice",
        "term-then-int",
    ],
)
def test_signals(code, signals, status, stdout, stderr):
    with subprocess.Popen(
        [sys.executable, "-c", START + code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        for number in signals:
            process.send_signal(number)
            time.sleep(0.3)  # equal signals that come together are one
        shown, errors = process.communicate(timeout=30)
    assert process.returncode == status
    assert shown == stdout
    assert stderr in errors


def test_signals_are_as_before_afterwards():
    code = "import signal\nfrom trainer.interrupts import Interrupts, SIGNALS\n"
    code += "def kept(): return [signal.getsignal(n) for n in SIGNALS]\nbefore = kept()\n"
    code += "with Interrupts() as interrupts:\n"
    code += "    with interrupts.left_to_system(): pass\n"
    code += "    assert not set(kept()) & set(before)\n"
    code += "assert kept() == before and signal.set_wakeup_fd(-1) == -1"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
