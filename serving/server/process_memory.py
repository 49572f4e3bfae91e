"""The process's memory: how much there may be, and what the allocator does with it."""

import contextlib
import ctypes
import os
import pathlib
import threading

# Of mallopt(3). A model is many allocations of megabytes; the defaults map each anew, page by page.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MALLOC = {
    _M_MMAP_THRESHOLD: 32 * 2**20,  # the most that glibc takes
    _M_TRIM_THRESHOLD: 2**30,
    _M_TOP_PAD: 64 * 2**20,
}
_AGAIN_S = (2.0, 10.0, 30.0)
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limit_bytes() -> int:
    """The memory this process may use: the machine's, or less if its container has less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # "max" is no limit
            limits.append(int(pathlib.Path(path).read_text()))
    return min(limits)


def reuse() -> None:
    """Has the allocator keep what models leave for those that follow, until `give_back` (glibc).

    The same as the environment's MALLOC_MMAP_THRESHOLD_, MALLOC_TRIM_THRESHOLD_ and
    MALLOC_TOP_PAD_, from the call on.
    """
    with contextlib.suppress(AttributeError):
        for option, value in _MALLOC.items():
            ctypes.CDLL(None).mallopt(option, value)


def give_back() -> None:
    """Gives free memory back to the system, where the C library can (glibc).

    And again a little later: TensorFlow's threads let go of a closed session when they get to it,
    which on a busy machine is not at once.
    """
    _trim()
    for seconds in _AGAIN_S:
        again = threading.Timer(seconds, _trim)
        again.daemon = True
        again.start()


def _trim() -> None:
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
