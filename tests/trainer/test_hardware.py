"""trainer/hardware.py."""

import os

import numpy as np
import pytest
import tensorflow as tf

from trainer.hardware import hardware, peak_gpu_memory_mib, peak_memory_mib


def test_hardware_is_this_machine():
    found = hardware()
    assert found.cores == len(os.sched_getaffinity(0))
    assert found.cpu
    assert peak_memory_mib() < found.memory_mib


def test_peak_memory_does_not_fall():
    before = peak_memory_mib()
    held = np.ones(2**23)  # 64 MiB
    during = peak_memory_mib()
    del held
    # Linux counts a few pages late.
    assert peak_memory_mib() > during - 1 > before - 2
    assert during > 64


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there is a GPU")
def test_without_a_gpu_there_is_no_gpu_memory():
    assert (peak_gpu_memory_mib(), hardware().gpus) == (None, ())
