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
from emberway.edge.endpoints import ENDPOINTS, PASSTHROUGH, Endpoint, Tools
from emberway.edge.headers import read_options
from emberway.edge.path import ApiPath, read_path
from emberway.edge.request import AnswerCut, AsgiClient, Request, Send
from emberway.edge.watch import Receive, Rounds, Watch
from emberway.errors import BodyTimeout, GatewayError, GatewayFault, MethodNotAllowed, NotFound
from emberway.exchange import CallOptions, Exchange
from emberway.ids import new_id
from emberway.telemetry import AccessLog

Scope = Mapping[str, Any]

_log = logging.getLogger("emberway")
_EXACT = {endpoint.path: endpoint for endpoint in ENDPOINTS}
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
        self._rounds = Rounds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection scope."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
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

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_id()
        exchange = Exchange(request_id, request_id, time.monotonic())
        watch = Watch(self._rounds, receive, exchange, self._tools.limits.body_seconds)
        client = AsgiClient(send, exchange, watch)
        try:
            await self._answer(scope, receive, exchange, watch, client)
        except GatewayError as error:
            await _fail(client, exchange, error)
        except ClientGone:
            exchange.client_gone = True
        except asyncio.CancelledError:
            if watch.late:
                await _fail(
                    client, exchange, BodyTimeout("The request's body did not arrive in time. Send it at once.")
                )
            elif not exchange.client_gone:
                raise
        except AnswerCut:
            raise
        except Exception:  # the outermost boundary: whatever it is, the client gets an answer
            _log.exception("request %s failed", request_id)
            if client.started:
                raise
            message = f"The gateway failed on this request; its log has the details under {request_id}."
            await _fail(client, exchange, GatewayFault(message))
        finally:
            watch.close()
            if self._access_log is not None:
                self._access_log.write(exchange, time.monotonic() - exchange.started)

    async def _answer(
        self, scope: Scope, receive: Receive, exchange: Exchange, watch: Watch, client: AsgiClient
    ) -> None:
        exchange.method = method = scope["method"]
        exchange.path = scope["path"]
        headers = scope["headers"]
        options = read_options(headers)
        if options.trace_id is not None:
            exchange.trace_id = options.trace_id[:256]
        query = scope["query_string"]
        path = None if query else _USUAL.get(scope["path"])
        if path is None:
            raw = scope.get("raw_path") or scope["path"].encode()
            path = read_path(raw.decode("latin-1").partition("?")[0], query)
        endpoint = _endpoint(method, path, self._tools, options, exchange)
        exchange.endpoint = endpoint.name
        request = Request(method, path, query, headers, options, exchange, receive, client, watch)
        await endpoint.handler(request, self._tools)


def _endpoint(method: str, path: ApiPath, tools: Tools, options: CallOptions, exchange: Exchange) -> Endpoint:
    """The endpoint for a request whose caller may use it: default deny, decided on the endpoint that will answer."""
    endpoint = _EXACT.get(path.below)
    if endpoint is None:
        endpoint = next((one for one in _BEGINNINGS if path.below.startswith(one.path)), None)
    if endpoint is None and path.versioned:
        endpoint = PASSTHROUGH
    if endpoint is None or not endpoint.anonymous:
        exchange.identity = tools.pipeline.resolver.identify(options)
    if endpoint is None:
        raise _no_such_route(path.below)
    if method not in endpoint.methods:
        allowed = ", ".join(endpoint.methods)
        raise MethodNotAllowed(f"{path.below} does not take {method}. Send {allowed}.", endpoint.methods)
    return endpoint


def _no_such_route(path: str) -> NotFound:
    """A 404 that names the right path where one is near."""
    near = difflib.get_close_matches(path, _EXACT, n=1, cutoff=0.75)
    ends = [known for known in _EXACT if path.endswith(known) and known != "/"]
    known = max(ends, key=len) if ends else near[0] if near else None
    hint = f"Did you mean /v1{known}?" if known else "The API's paths begin with /v1."
    return NotFound(f"There is no route {path}. {hint}", code="unknown_route")


async def _fail(client: AsgiClient, exchange: Exchange, error: GatewayError) -> None:
    exchange.error = error.code
    if client.started:
        raise AnswerCut from error
    exchange.changed = ()
    await client.own(error.status, failure.headers_of(error), failure.body_of(error, exchange.request_id))
