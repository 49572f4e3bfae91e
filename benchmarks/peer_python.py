"""The Python that runs a benchmark's peer, with packages that Bertline does not need."""

import json
import subprocess
from collections.abc import Sequence

from preprocessing.errors import InputError


def check_peer_python(
    python: str | None, packages: Sequence[str], module: str, without: str
) -> None:
    """Checks that a Python runs and has the packages.

    Args:
        python: of --peer_python.
        packages: names to import.
        module: the file whose docstring tells how to set it up.
        without: the flag that leaves the peer out.

    Raises:
        InputError: none is given, it cannot be run, or a package is missing.
    """
    if python is None:
        raise InputError(
            f"--peer_python is missing: the Python with the packages that {module} names in its "
            f"docstring. With {without} only Bertline is measured."
        )
    code = f"import {', '.join(packages)}"
    try:
        found = subprocess.run([python, "-c", code], capture_output=True, text=True)
    except OSError as error:
        raise InputError(f"--peer_python {python}: cannot run it ({error.strerror}).") from error
    if found.returncode:
        reason = found.stderr.strip().rpartition("\n")[2]
        raise InputError(
            f"--peer_python {python}: {reason}. {module} tells in its docstring what to install."
        )


def package_versions(python: str, packages: Sequence[str]) -> dict[str, str]:
    """Package -> the version that a Python has."""
    code = (
        "import importlib.metadata as m, json; "
        f"print(json.dumps({{name: m.version(name) for name in {tuple(packages)}}}))"
    )
    return json.loads(subprocess.check_output([python, "-c", code], text=True))
