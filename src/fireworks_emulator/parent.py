"""Lets the emulator die with the process that started it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

POLL = 0.5
"""Seconds between two looks where the system cannot tell by itself."""


async def gone(pid: int) -> None:
    """Returns once the process ``pid`` has ended, at once if there is none."""
    if sys.platform == "linux":
        await _announced(pid)
    else:
        while _lives(pid):  # noqa: ASYNC110 - nothing announces it here
            await asyncio.sleep(POLL)


async def _announced(pid: int) -> None:
    """Linux makes a process's descriptor readable when it ends; unlike a death signal, whichever thread started us."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    tell: Callable[[], None] = ended.set
    loop.add_reader(descriptor, tell)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
