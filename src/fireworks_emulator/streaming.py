"""Server-sent events at a set pace, which end when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

DONE = b"data: [DONE]\n\n"


class EventStream(Response):
    """Answers with one ASGI message per event; ``rate`` is in events per second, 0 for no pause.

    The server reports a client that left only through ``receive``, so a task waits there.
    """

    media_type = "text/event-stream"

    def __init__(self, events: Iterable[bytes], *, rate: float, headers: Mapping[str, str]) -> None:
        self.events = events
        self.rate = rate
        self.status_code = 200
        self.background = None
        self.body = b""
        self.init_headers({"cache-control": "no-cache", **headers})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send every event, or as many as are wanted."""
        gone = asyncio.ensure_future(client_left(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._send_events(send, gone)
        finally:
            gone.cancel()

    async def _send_events(self, send: Send, gone: asyncio.Future[None]) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        for event in self.events:
            if self.rate:
                due += 1 / self.rate
                await asyncio.wait([gone], timeout=max(0.0, due - clock()))
            else:
                await asyncio.sleep(0)
            if gone.done():
                return
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def client_left(receive: Receive) -> None:
    """Returns when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def pause(seconds: float, receive: Receive) -> bool:
    """Wait this long, or until the client leaves; whether it is still there."""
    gone = asyncio.ensure_future(client_left(receive))
    try:
        await asyncio.wait([gone], timeout=seconds)
        return not gone.done()
    finally:
        gone.cancel()
