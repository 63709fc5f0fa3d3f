"""The ASGI application: one request in, one answer out, whatever happens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from emberway.edge import failure
from emberway.edge.body import ClientGone
from emberway.edge.endpoints import Tools
from emberway.edge.request import AnswerCut, Request, Scope, Send
from emberway.edge.routes import Routes
from emberway.edge.watch import Receive, Rounds
from emberway.errors import BodyTimeout, GatewayError, GatewayFault
from emberway.exchange import Exchange
from emberway.ids import new_id
from emberway.telemetry import AccessLog

_log = logging.getLogger("emberway")
UNLOGGED = frozenset({"livez", "readyz", "health"})
"""Endpoints that are asked every few seconds by machines: their lines would hide all others."""


class Edge:
    """HTTP for API clients. ``open`` and ``close`` run with the server's start and stop."""

    def __init__(
        self,
        tools: Tools,
        access_log: AccessLog | None,
        on_start: Callable[[], Awaitable[None]],
        on_stop: Callable[[], Awaitable[None]],
    ) -> None:
        self._tools = tools
        self._access_log = access_log
        self._on_start = on_start
        self._on_stop = on_stop
        self._rounds = Rounds(tools.limits.body_seconds)
        self._routes = Routes(tools.pipeline.resolver)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection scope."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        request_id = new_id()
        exchange = Exchange(request_id, request_id, time.monotonic(), scope["method"], scope["path"])
        request = Request(exchange, receive, scope=scope, reply=send)
        self._rounds.add(request)
        try:
            route = self._routes.find(scope, exchange)
            request.head = route.head
            endpoint = route.endpoint
            exchange.endpoint = endpoint.name
            await endpoint.handler(request, self._tools)
        except asyncio.CancelledError:
            await self._cancelled(request)
        except Exception as error:  # the outermost boundary: whatever it is, the client gets an answer
            await self._failed(request, error)
        finally:
            self._rounds.discard(request)
            request.stop_watching()
            if self._access_log is not None and exchange.endpoint not in UNLOGGED:
                self._access_log.write(exchange, time.monotonic() - exchange.started)

    async def _cancelled(self, request: Request) -> None:
        """By the watch, or by the server that is shutting down."""
        if request.is_late:
            await _answer(request, BodyTimeout("The request's body did not arrive in time. Send it at once."))
        elif not request.exchange.client_gone:
            raise asyncio.CancelledError

    async def _failed(self, request: Request, error: Exception) -> None:
        if isinstance(error, ClientGone | OSError):
            # An ASGI server lets `send` raise OSError when there is nobody to answer any more; no other reaches us.
            request.exchange.client_gone = True
        elif isinstance(error, GatewayError):
            await _answer(request, error)
        elif isinstance(error, AnswerCut):
            raise error
        else:
            request_id = request.exchange.request_id
            _log.error("request %s failed", request_id, exc_info=error)
            message = f"The gateway failed on this request; its log has the details under {request_id}."
            await _answer(request, GatewayFault(message))

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "There are no WebSocket endpoints here."})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._on_start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._on_stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _answer(request: Request, error: GatewayError) -> None:
    exchange = request.exchange
    exchange.error = error.code
    if request.is_started:
        raise AnswerCut from error
    exchange.changed = ()
    await request.own(error.status, failure.headers_of(error), failure.body_of(error, exchange.request_id))
