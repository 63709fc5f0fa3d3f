"""Tells the application that the server starts and stops (the lifespan protocol of ASGI)."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from emberway import tasks
from emberway.server.hub import ASGIApp

_log = logging.getLogger("emberway")
LAST_WORDS = 2.0
"""Seconds for an application to return after it has said that it is done."""


class StartFailed(Exception):
    """The application could not start."""


class Lifespan:
    """One application's life. One that raises before it listens knows nothing of lifespans, and is served without."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._has_listened = False
        self._error: Exception | None = None
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Raises StartFailed with the application's reason."""
        self._task = tasks.start("lifespan", self._run())
        if await self._tell("lifespan.startup") == "lifespan.startup.complete":
            return
        await self._end(within=0)
        if self._has_listened:
            raise StartFailed(self._reason or "the application ended while it was starting") from self._error

    async def shutdown(self) -> None:
        """Let the application close what it opened."""
        if self._task is None or self._task.done():
            return
        if await self._tell("lifespan.shutdown") != "lifespan.shutdown.complete":
            _log.error("the application did not stop in good order: %s", self._reason, exc_info=self._error)
        await self._end(within=LAST_WORDS)

    async def _tell(self, kind: str) -> str:
        self._heard.put_nowait({"type": kind})
        answer = await self._said.get()
        self._reason: str = answer.get("message", "")
        return str(answer["type"])

    async def _end(self, within: float) -> None:
        assert self._task is not None, "called after startup"
        await asyncio.wait([self._task], timeout=within)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception as error:  # what it is, the caller of `_tell` says
            self._error = error
        self._said.put_nowait({"type": "ended", "message": repr(self._error) if self._error else ""})

    async def _receive(self) -> dict[str, Any]:
        self._has_listened = True
        return await self._heard.get()

    async def _send(self, message: dict[str, Any]) -> None:
        self._said.put_nowait(message)
