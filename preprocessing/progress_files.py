"""How far the workers are: each appends to files of its own, which the starting process adds up.

On this machine only. A cluster's workers write to its own file system, and its runner has a page.
"""

import os
import pathlib

from preprocessing import storage


def add(work: str, what: str, count: int) -> None:
    """Counts elements that this process is done with."""
    if storage.is_local(work):
        with open(os.path.join(work, f"progress-{what}-{os.getpid()}"), "a") as file:
            file.write(f"{count}\n")


def total(work: str, what: str) -> int:
    """What all processes have counted so far."""
    files = pathlib.Path(work).glob(f"progress-{what}-*")
    # A line that is being written lacks its end.
    lines = [line for file in files for line in file.read_text().split("\n")[:-1]]
    return sum(map(int, lines))
