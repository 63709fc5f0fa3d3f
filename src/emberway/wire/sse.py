"""Writes the one server-sent event that is our own: the error that ends a broken stream."""

from __future__ import annotations

import msgspec


def error_event(message: str, kind: str, code: str, *, inside_event: bool) -> bytes:
    """The named event on which all four official clients raise (an unnamed one passes as a chunk in two of them).

    ``inside_event``: the stream broke within an event; an empty line ends that one first.
    """
    data = msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": code}})
    return (b"\n\n" if inside_event else b"") + b"event: error\ndata: " + data + b"\n\n"
