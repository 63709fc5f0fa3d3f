"""The ASGI application: one request in, one answer out, whatever happens."""

from __future__ import annotations

import asyncio
import difflib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emberway.edge import failure
from emberway.edge.body import ClientGone
from emberway.edge.callers import Callers
from emberway.edge.endpoints import ENDPOINTS, PASSTHROUGH, Endpoint, Tools
from emberway.edge.headers import named as read_names
from emberway.edge.headers import trace_id
from emberway.edge.path import ApiPath, read_path
from emberway.edge.request import AnswerCut, Request, Send
from emberway.edge.watch import Receive, Rounds
from emberway.errors import BodyTimeout, GatewayError, GatewayFault, MethodNotAllowed, NotFound
from emberway.exchange import Exchange
from emberway.ids import new_id
from emberway.telemetry import AccessLog

Scope = Mapping[str, Any]

_log = logging.getLogger("emberway")
_EXACT = {endpoint.path: endpoint for endpoint in ENDPOINTS}
UNLOGGED = frozenset({"livez", "readyz", "health"})
"""Endpoints that are asked every few seconds by machines: their lines would hide all others."""
_BEGINNINGS = tuple(endpoint for endpoint in ENDPOINTS if endpoint.path.endswith("/") and endpoint.path != "/")
# The usual spellings cost one look-up; every other goes through read_path (2 µs).
_USUAL = {
    prefix + path: ApiPath(path, path, versioned=bool(prefix))
    for prefix in ("/v1", "")
    for path in _EXACT
    if not path.endswith("/")
}


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
        self._callers = Callers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection scope."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        request_id = new_id()
        exchange = Exchange(request_id, request_id, time.monotonic(), scope["method"], scope["path"])
        request = Request(scope["method"], scope["query_string"], scope["headers"], receive, send, exchange)
        self._rounds.add(request)
        try:
            endpoint = self._endpoint(scope, request)
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

    def _endpoint(self, scope: Scope, request: Request) -> Endpoint:
        """The endpoint that will answer, for a caller who may use it: default deny."""
        exchange = request.exchange
        request.named = named = read_names(request.headers)
        if (b"x-portkey-trace-id" in named or b"traceparent" in named) and (given := trace_id(named)) is not None:
            exchange.trace_id = given
        path = None if request.query else _USUAL.get(scope["path"])
        if path is None:
            raw = scope.get("raw_path") or scope["path"].encode()
            path = read_path(raw.decode("latin-1").partition("?")[0], request.query)
        request.path = path
        endpoint = _EXACT.get(path.below)
        if endpoint is None:
            endpoint = next((one for one in _BEGINNINGS if path.below.startswith(one.path)), None)
        if endpoint is None and path.versioned:
            endpoint = PASSTHROUGH
        if endpoint is None or not endpoint.anonymous:
            request.options = options = self._callers.options(named, exchange.started)
            if options.identity is None:
                options.identity = self._tools.pipeline.resolver.identify(options)
            exchange.identity = options.identity
        if endpoint is None:
            raise _no_such_route(path.below)
        if request.method not in endpoint.methods:
            allowed = ", ".join(endpoint.methods)
            raise MethodNotAllowed(f"{path.below} does not take {request.method}. Send {allowed}.", endpoint.methods)
        return endpoint

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


def _no_such_route(path: str) -> NotFound:
    """A 404 that names the right path where one is near."""
    near = difflib.get_close_matches(path, _EXACT, n=1, cutoff=0.75)
    ends = [known for known in _EXACT if path.endswith(known) and known != "/"]
    known = max(ends, key=len) if ends else near[0] if near else None
    hint = f"Did you mean /v1{known}?" if known else "The API's paths begin with /v1."
    return NotFound(f"There is no route {path}. {hint}", code="unknown_route")


async def _answer(request: Request, error: GatewayError) -> None:
    exchange = request.exchange
    exchange.error = error.code
    if request.is_started:
        raise AnswerCut from error
    exchange.changed = ()
    await request.own(error.status, failure.headers_of(error), failure.body_of(error, exchange.request_id))
