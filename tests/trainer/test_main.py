"""python -m trainer: what a user's mistakes look like, on real processes."""

import subprocess
import sys

import pytest

from tests.trainer.test_resume import finish
from tests.trainer.tiny import start

NEEDED = ["--task", "imdb", "--data_dir", "nowhere", "--output_dir", "out"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--epochs", "0"], "error: --epochs is 0, expected a whole number of at least 1."),
        (
            ["--preset", "minilm", "--no_pretrained"],
            "error: --no_pretrained and --preset minilm exclude each other. Give one of them.",
        ),
        (
            ["--no_pretrained", "--no_preset"],
            "error: --no_pretrained and --no_preset exclude each other. Give one of them.",
        ),
        ([], "error: nowhere: no info.json, so this is not a finished data set."),
    ],
)
def test_a_mistake_is_one_line_and_status_2(flags, message):
    status, log = finish(start([sys.executable, "-m", "trainer", *NEEDED, *flags]))
    own = [line for line in log.splitlines() if line.startswith("error:")]
    assert (status, len(own)) == (2, 1)
    assert own[0].startswith(message)
    assert "Traceback" not in log


def test_help_needs_no_tensorflow():
    code = "import sys; from trainer.__main__ import main\ntry: main(['--help'])\n"
    code += "except SystemExit: pass\nsys.exit('tensorflow' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for flag in ("--preset", "--freeze_encoder", "--precision", "--strategy", "--overwrite"):
        assert flag in shown.stdout
    assert "imdb_base (BERT-base on IMDB), imdb_minilm (" in " ".join(shown.stdout.split())
