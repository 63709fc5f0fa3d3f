"""Server-sent events that tell of an error: our own, and a provider's that some clients would miss."""

from __future__ import annotations

import re

import msgspec


def error_event(message: str, kind: str, code: str, *, inside_event: bool) -> bytes:
    """The named event on which all four official clients raise (an unnamed one passes as a chunk in two of them).

    ``inside_event``: the stream broke within an event; an empty line ends that one first.
    """
    data = msgspec.json.encode({"error": {"message": message, "type": kind, "param": None, "code": code}})
    return (b"\n\n" if inside_event else b"") + b"event: error\ndata: " + data + b"\n\n"


def name_errors(chunk: bytes, *, inside_event: bool) -> bytes:
    """``chunk`` with ``event: error`` put in front of a provider's unnamed error events, all other bytes as they were.

    Unnamed, they pass as ordinary chunks in Portkey's Node client, and a broken answer looks like a whole one. A line
    break cannot stand inside a JSON text, so the pattern is an event's beginning and nothing else. ``inside_event``:
    the chunk does not begin at an event's beginning.
    """
    named = _ERROR_AFTER_EVENT.sub(rb"\1event: error\n\2", chunk)
    return named if inside_event or not named.startswith(_ERROR) else b"event: error\n" + named


_ERROR = b'data: {"error"'
_ERROR_AFTER_EVENT = re.compile(rb'(\n\n|\r\n\r\n)(data: \{"error")')
