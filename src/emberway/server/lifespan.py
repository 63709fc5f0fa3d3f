"""Tells the application that the server starts and stops (ASGI lifespan)."""

from __future__ import annotations

import asyncio
from typing import Any

from emberway import tasks
from emberway.server.hub import ASGIApp


class StartFailed(Exception):
    """The application could not start."""


class Lifespan:
    """One application's lifespan. An application that knows of none is served without."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._has_listened = False
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Raises StartFailed with the application's reason."""
        self._task = tasks.start("lifespan", self._run())
        self._messages.put_nowait({"type": "lifespan.startup"})
        answer = await self._said.get()
        if answer["type"] == "lifespan.startup.failed":
            await self._task
            raise StartFailed(answer.get("message") or "the application did not start")

    async def shutdown(self) -> None:
        """Let the application close what it opened. Raises what it raises."""
        task = self._task
        if task is None or task.done():
            return
        self._messages.put_nowait({"type": "lifespan.shutdown"})
        await self._said.get()
        await task

    async def _run(self) -> None:
        try:
            await self._app(
                {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}, self._hear, self._say
            )
        except Exception as error:
            if not self._has_listened:
                self._said.put_nowait({"type": "lifespan.unsupported"})
                return
            self._said.put_nowait({"type": "lifespan.startup.failed", "message": repr(error)})
            raise
        self._said.put_nowait({"type": "lifespan.ended"})

    async def _hear(self) -> dict[str, Any]:
        self._has_listened = True
        return await self._messages.get()

    async def _say(self, message: dict[str, Any]) -> None:
        self._said.put_nowait(message)
