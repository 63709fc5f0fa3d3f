"""A request's head, read: where it points, and what its headers ask for."""

from __future__ import annotations

from msgspec import Struct

from emberway.edge.headers import Named
from emberway.edge.path import ApiPath
from emberway.exchange import CallOptions, Headers


class Head(Struct, frozen=True, eq=False):
    """Shared by all requests of a connection whose heads are equal, so nothing in it is about a single one."""

    method: str
    path: ApiPath
    query: bytes
    headers: Headers
    named: Named
    trace_id: str | None
    """The caller's own."""
    options: CallOptions


NO_HEAD = Head("", ApiPath("/", "/", versioned=False), b"", [], {}, None, CallOptions())
