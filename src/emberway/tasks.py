"""The one place that starts background tasks: each is named, kept until it ends, and its death is reported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger("emberway")
_running: set[asyncio.Task[Any]] = set()


def start(name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Run ``work`` beside the caller; an exception that nobody awaits is logged under ``name``."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("background task %s died", task.get_name(), exc_info=error)
