"""What our processes ask of the operating system: privacy, room for many connections, and a common end.

CPython cannot wipe a text from its memory; these measures close the ways by which a secret would leave the process.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
"""linux/prctl.h"""

_MOST_FILES = 65_536
"""Open files are worth having up to here: two sockets for each of 32 thousand streams."""


def harden() -> None:
    """New files belong to this user alone; no core dump and no debugger of the same user sees the memory."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_PR_SET_DUMPABLE, 0)


def allow_many_files() -> None:
    """Raise the soft limit of open files, often 1024 and so 500 streams, as far as the hard limit lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def end_with_parent() -> None:
    """Get SIGTERM when the parent dies, however it dies: no worker goes on without its supervisor."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def wipe_initial_environment(names: Iterable[str]) -> None:
    """Overwrite the values of variables where the kernel shows them (`/proc/PID/environ`, `ps e`).

    Removing a variable from ``os.environ`` leaves the block that the process was started with as it was, and a forked
    child shows the same block. Call this before the variables are removed: afterwards nobody knows where they lie.
    """
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    getenv.argtypes = [ctypes.c_char_p]
    for name in names:
        if address := getenv(name.encode()):
            ctypes.memset(address, ord("*"), len(ctypes.string_at(address)))


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
