import json
import re

import pytest

from preprocessing import fetch
from preprocessing.errors import InputError


def test_sample_is_written_where_it_is_told(tmp_path, caplog):
    caplog.set_level("INFO", logger="preprocessing.fetch")
    fetch.main(["sample", "--output_dir", str(tmp_path / "sample"), "--seed", "7"])
    assert (tmp_path / "sample" / "aclImdb" / "train" / "pos").is_dir()
    assert json.loads((tmp_path / "sample" / "squad-v1.1-train.json").read_text())["data"]
    assert str(tmp_path / "sample") in caplog.messages[-1]


def test_every_official_file_has_a_pinned_checksum():
    files = {url: sha256 for urls in fetch.DATASETS.values() for url, sha256 in urls.items()}
    assert len(files) == 5
    assert all(url.startswith("https://") for url in files)
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in files.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: what"),
        (["mnist"], "invalid choice: 'mnist'"),
        (["sample", "--seed", "x"], "argument --seed: invalid int value: 'x'"),
        (["weights", "--seed", "1"], "unrecognized arguments: --seed 1"),
    ],
    ids=["nothing", "unknown", "bad-seed", "unknown-flag"],
)
def test_bad_flags(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        fetch.main(arguments)
