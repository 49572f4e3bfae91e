"""trainer/memory.py."""

import os
import pathlib
import sys

import numpy as np
import pytest

from preprocessing.errors import InputError
from tests.trainer.test_resume import finish
from tests.trainer.tiny import ARCHITECTURE, start, trainer_command
from trainer.config import TrainConfig
from trainer.hardware import memory_limit_mib
from trainer.input_pipeline import Sharding
from trainer.memory import (
    BatchSize,
    check_memory,
    largest_batch,
    least_memory_mib,
    memory_errors,
)
from trainer.presets import new_backbone

SIZE = BatchSize(rows=64, length=512, replicas=1)
BASE = {  # BERT-base (Devlin et al. 2018, section 3)
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "intermediate_dim": 3072,
}
# oneDNN's kernels crash where TensorFlow's own raise; 2 GiB more than what TensorFlow takes.
LIMITED = """
import resource
from preprocessing.command_line import configure_logging, load_tensorflow, run
configure_logging(verbose=False)
load_tensorflow()
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 2 * 2**30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from trainer.__main__ import main
run(main)
"""


def config(**fields):
    needed = {"task": "imdb", "data_dir": "data", "output_dir": "run", "global_batch_size": 64}
    return TrainConfig(**(needed | fields))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # 32,768 tokens of 12 * (3072 + 4 * 768) + 12 * 512 numbers of 4 bytes
        pytest.param({"task": "squad"}, 32768 * (12 * 6144 + 6144) * 4 / 2**20, id="float32"),
        pytest.param({}, 32768 * (11 * 6144 + 6144) * 4 / 2**20, id="first-token-alone"),
        pytest.param({"precision": "bfloat16"}, 32768 * 12 * 6144 * 2 / 2**20, id="bfloat16"),
        pytest.param({"freeze_encoder": True}, 32768 * 2 * 6144 * 4 / 2**20, id="frozen"),
    ],
)
def test_least_memory(fields, expected):
    assert least_memory_mib(config(**fields), SIZE, BASE) == pytest.approx(expected)


def test_a_batch_that_no_memory_can_hold_names_what_to_lower():
    check_memory(config(), BatchSize(rows=1, length=32, replicas=1), ARCHITECTURE)
    with pytest.raises(InputError) as caught:
        check_memory(config(), BatchSize(rows=10**6, length=512, replicas=2), BASE)
    for part in (
        "a step takes more than",
        "1000000 examples of 512 tokens at once (--global_batch_size 64 over 2 replicas)",
        "--precision float32",
        "Give a higher --accumulation_steps, a lower --global_batch_size, --precision bfloat16",
        "a smaller --max_seq_length",
    ):
        assert part in str(caught.value)


def test_a_batch_that_may_not_fit_is_warned_of(caplog):
    of_row = least_memory_mib(config(), BatchSize(rows=1, length=512, replicas=1), BASE)
    rows = int(0.5 * memory_limit_mib() / of_row)
    check_memory(config(), BatchSize(rows=rows // 2, length=512, replicas=1), BASE)
    assert not caplog.messages
    check_memory(config(), BatchSize(rows=rows, length=512, replicas=1), BASE)
    (message,) = caplog.messages
    assert message.startswith("a step takes about ")
    assert f"with {rows} examples of 512 tokens at once" in message


def test_the_largest_batch_has_the_most_tokens():
    plan = [np.array([0]), np.array([1, 2, 3]), np.array([4, 5])]
    lengths = np.array([40, 9, 10, 11, 20, 20])  # 48, 48 and 64 tokens, padded to 16s
    assert largest_batch(plan, lengths, Sharding(), 1) == BatchSize(rows=2, length=32, replicas=1)
    found = largest_batch(plan, lengths, Sharding(replicas=4), 2)
    assert found == BatchSize(rows=2, length=48, replicas=4)
    found = largest_batch(plan[1:], lengths, Sharding(micro_batches=2), 1)
    assert found == BatchSize(rows=2, length=16, replicas=1)


def test_a_memory_error_is_an_input_error():
    expected = r"out of memory \(Unable to allocate .* with 64 examples of 512 tokens at once"
    with pytest.raises(InputError, match=expected), memory_errors(config(), SIZE):
        np.zeros(2**56)
    expected = "while --data_dir data and --preset minilm were loaded. Give a smaller --preset"
    with pytest.raises(InputError, match=expected), memory_errors(config()):
        np.zeros(2**56)


@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="needs Linux")
def test_a_run_out_of_memory_ends_in_one_line(tiny_config, tiny_preset, squad_data, tmp_path):
    wide = tmp_path / "wide"  # its inner values alone take 64 * 32 * 2**19 * 4 bytes, 4 GiB
    new_backbone(ARCHITECTURE | {"intermediate_dim": 2**19}, "float32").save_to_preset(str(wide))
    os.symlink(tiny_preset / "assets", wide / "assets")
    fields = {"task": "squad", "data_dir": str(squad_data), "preset": str(wide)}
    flags = trainer_command(tiny_config(global_batch_size=64, **fields))[3:]
    process = start([sys.executable, "-c", LIMITED, *flags], TF_ENABLE_ONEDNN_OPTS="0")
    status, log = finish(process)
    assert (status, "Traceback" in log) == (2, False), log
    last = log.splitlines()[-1]
    assert last.startswith("error: out of memory (OOM when allocating tensor with shape[")
    assert "--global_batch_size 64 over 1 replicas) and --precision float32. Give a " in last
