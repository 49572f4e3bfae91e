"""`assets.extra/provenance.json`: where a model version comes from, and what it is known to do.

Imports no TensorFlow.
"""

import datetime
import importlib.metadata
import json
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any

from preprocessing.dataset_info import load_info, sha256_of_file
from preprocessing.errors import InputError
from trainer.run_files import WEIGHTS_FILE

PROVENANCE_FILE = pathlib.Path("assets.extra", "provenance.json")
_PACKAGES = ("bertline", "tensorflow", "tensorflow-text", "keras", "keras-nlp")
_PACKAGE_FOLDERS = ("preprocessing", "trainer", "serving")


def read(version: pathlib.Path) -> dict[str, Any]:
    """The provenance of a version that `serving.export` has written.

    Returns:
        The content; docs/formats.md lists its fields. `run` holds at least the `task`.

    Raises:
        InputError: there is none, or it is not one.
    """
    content = read_if_there(version)
    path = version / PROVENANCE_FILE
    if content is None:
        raise InputError(f"{path}: no such file, {_EXPECTED}")
    run = content.get("run")
    if not isinstance(run, dict) or run.get("task") not in ("imdb", "squad"):
        raise InputError(f"{path}: there is no run of imdb or squad in it, {_EXPECTED}")
    return content


_EXPECTED = "expected a version that `python -m serving.export` has written."


def read_if_there(version: pathlib.Path) -> dict[str, Any] | None:
    """The content of any version's provenance; None for a version that came without one.

    Raises:
        InputError: it cannot be read, or is not a JSON object.
    """
    path = version / PROVENANCE_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not JSON ({error}), {_EXPECTED}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: a JSON {type(content).__name__}, {_EXPECTED}")
    return content


def write(version: pathlib.Path, content: Mapping[str, Any]) -> None:
    """Writes it into a version that is not published yet."""
    path = version / PROVENANCE_FILE
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


def of_run(
    run_dir: pathlib.Path, config: Mapping[str, Any], line: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known of a run: its code, data, weights and figures.

    Args:
        run_dir: of the run.
        config: the content of its config.json.
        line: of history.jsonl, of the epoch whose weights it ends with.
    """
    now = datetime.datetime.now(datetime.UTC)
    return {
        "created": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "code": _code(),
        "run_dir": str(run_dir.absolute()),
        "weights_sha256": sha256_of_file(run_dir / WEIGHTS_FILE),
        "vocabulary_sha256": config["vocabulary_sha256"],
        "data": {"digest": config["data_digest"], "sources": _sources(config)},
        "run": dict(config),
        "epoch": dict(line),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def _sources(config: Mapping[str, Any]) -> dict[str, str] | None:
    """File -> SHA-256 of what the data set was made of; None when it is gone, or another now."""
    try:
        info = load_info(pathlib.Path(config["data_dir"]))
    except (InputError, OSError):
        return None
    return info.sources if info.digest == config["data_digest"] else None


def _code() -> dict[str, Any]:
    """The version of Bertline, and the commit where this file is one of a git repository."""
    code: dict[str, Any] = {"version": importlib.metadata.version("bertline")}
    tracked = _git("ls-files", "--error-unmatch", str(pathlib.Path(__file__).resolve()))
    commit = _git("rev-parse", "HEAD")
    if tracked is None or commit is None:
        return code
    changes = _git("status", "--porcelain", "--", *_PACKAGE_FOLDERS)
    return code | {"commit": commit, "has_changes": bool(changes)}


def _git(*arguments: str) -> str | None:
    """What git prints; None where there is no git, or it fails."""
    root = pathlib.Path(__file__).resolve().parent.parent
    try:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
