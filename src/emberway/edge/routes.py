"""From a request's head to the endpoint that answers it, for a caller who may ask; equal heads share one reading."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from msgspec.structs import replace

from emberway.edge.callers import Callers
from emberway.edge.endpoints import ENDPOINTS, PASSTHROUGH, Endpoint
from emberway.edge.head import Head
from emberway.edge.headers import named as read_names
from emberway.edge.headers import trace_id
from emberway.edge.path import ApiPath, read_path
from emberway.edge.request import Scope
from emberway.errors import MethodNotAllowed, NotFound
from emberway.exchange import CallOptions, Exchange
from emberway.pipeline.resolve import Resolver

_EXACT = {endpoint.path: endpoint for endpoint in ENDPOINTS}
_BEGINNINGS = tuple(endpoint for endpoint in ENDPOINTS if endpoint.path.endswith("/") and endpoint.path != "/")
# The usual spellings cost one look-up; every other goes through read_path (2 µs).
_USUAL = {
    prefix + path: ApiPath(path, path, versioned=bool(prefix))
    for prefix in ("/v1", "")
    for path in _EXACT
    if not path.endswith("/")
}
_KEPT = "emberway.kept"
"""The extension in which our server says where to keep what was found out from a head that comes again."""
_ANONYMOUS = CallOptions()


class Route(NamedTuple):
    """An endpoint, and a head that leads to it from a caller who may go there."""

    endpoint: Endpoint
    head: Head
    callers: Callers
    """Whose memory of the caller this is."""
    good_until: float
    """Monotonic seconds: then the caller is asked about again."""


class Routes:
    """Reads heads, and keeps what it read where the server has a place for that."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._callers = Callers()

    def find(self, scope: Scope, exchange: Exchange) -> Route:
        """The route of the request that ``scope`` describes; notes in ``exchange`` who calls, and their trace id.

        Raises a CallerError where it leads nowhere or comes from nobody we know: default deny.
        """
        kept = scope["extensions"].get(_KEPT) if "extensions" in scope else None
        if kept is None:
            return self._find(scope, exchange)
        route: Route | None = kept.get("route")
        if route is None or route.good_until < exchange.started or route.callers is not self._callers:
            kept["route"] = route = self._find(scope, exchange)
            return route
        head = route.head
        exchange.identity = head.options.identity
        if head.trace_id is not None:
            exchange.trace_id = head.trace_id
        headers = scope["headers"]
        if head.headers is not headers:  # the same but for the body's length
            head = replace(head, headers=headers, named=read_names(headers))
            kept["route"] = route = route._replace(head=head)
        return route

    def _find(self, scope: Scope, exchange: Exchange) -> Route:
        headers, query, method = scope["headers"], scope["query_string"], scope["method"]
        named = read_names(headers)
        given = trace_id(named) if b"x-portkey-trace-id" in named or b"traceparent" in named else None
        if given is not None:
            exchange.trace_id = given
        path = None if query else _USUAL.get(scope["path"])
        if path is None:
            raw = scope.get("raw_path") or scope["path"].encode()
            path = read_path(raw.decode("latin-1").partition("?")[0], query)
        endpoint = _EXACT.get(path.below)
        if endpoint is None:
            endpoint = next((one for one in _BEGINNINGS if path.below.startswith(one.path)), None)
        if endpoint is None and path.versioned:
            endpoint = PASSTHROUGH
        callers = self._callers
        if endpoint is not None and endpoint.anonymous:
            options = _ANONYMOUS
        else:
            options = callers.options(named, exchange.started)
            if options.identity is None:
                options.identity = self._resolver.identify(options)
            exchange.identity = options.identity
        if endpoint is None:
            raise _no_such_route(path.below)
        if method not in endpoint.methods:
            allowed = ", ".join(endpoint.methods)
            raise MethodNotAllowed(f"{path.below} does not take {method}. Send {allowed}.", endpoint.methods)
        head = Head(method, path, query, headers, named, given, options)
        return Route(endpoint, head, callers, callers.forget_at)


def _no_such_route(path: str) -> NotFound:
    """A 404 that names the right path where one is near."""
    near = difflib.get_close_matches(path, _EXACT, n=1, cutoff=0.75)
    ends = [known for known in _EXACT if path.endswith(known) and known != "/"]
    known = max(ends, key=len) if ends else near[0] if near else None
    hint = f"Did you mean /v1{known}?" if known else "The API's paths begin with /v1."
    return NotFound(f"There is no route {path}. {hint}", code="unknown_route")
