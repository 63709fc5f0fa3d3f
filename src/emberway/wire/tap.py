"""Watches a stream of server-sent events pass and notes what the log needs; it never holds or changes a byte."""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct

from emberway.exchange import NO_USAGE, Usage

MAX_EVENT = 256 * 1024
"""Bytes of one event up to which it is read; a longer one passes unread, and so does what follows."""

_CONTENT = re.compile(rb'"(?:content|reasoning_content|text|arguments|delta)"\s*:\s*"[^"]')
_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class _Choice(Struct):
    finish_reason: str | None = None


class Said(Struct):
    """A whole answer or one event of a stream, as far as the log is concerned."""

    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Usage | None = None


_NOTHING = Said()
_decode = msgspec.json.Decoder(Said).decode


class Tap:
    """Fed each chunk of one stream, in order; the attributes say what was seen so far."""

    __slots__ = ("_blind", "_pending", "finish_reason", "first_content", "model", "usage")

    def __init__(self) -> None:
        self.usage = NO_USAGE
        self.finish_reason = ""
        self.model = ""
        self.first_content: float | None = None
        """When the first content passed, in the clock of ``now``."""
        self._pending = b""
        self._blind = False

    def feed(self, chunk: bytes, now: float) -> None:
        """Look at the next bytes; ``now`` is the moment of their arrival."""
        if self._blind:
            return
        # Events are looked at whole: a field may straddle two chunks. The usual chunk is whole events, nothing pending.
        data = self._pending + chunk if self._pending else chunk
        if self.first_content is None and _CONTENT.search(data):
            self.first_content = now
        if data[-2:] == b"\n\n":
            self._pending = b""
        else:
            end = max((match.end() for match in _BOUNDARY.finditer(data)), default=0)
            data, self._pending = data[:end], data[end:]
            if len(self._pending) > MAX_EVENT:
                self._blind, self._pending = True, b""
        # Most events bring no news; looking costs less than half of reading each (benchmarks/edge.py).
        if b"prompt_tokens" in data or data.count(b'"finish_reason"') != data.count(b'"finish_reason":null'):
            for event in _BOUNDARY.split(data):
                self._read(event)

    @property
    def inside_event(self) -> bool:
        """Whether the stream stands in the middle of an event, so that whatever follows must first end it."""
        return bool(self._pending) or self._blind

    def _read(self, event: bytes) -> None:
        data = b"\n".join(line[5:].lstrip() for line in event.splitlines() if line.startswith(b"data:"))
        said = read_answer(data)
        if said.model:
            self.model = said.model
        if said.choices and said.choices[0].finish_reason:
            self.finish_reason = said.choices[0].finish_reason
        if said.usage is not None:
            self.usage = said.usage


def read_answer(answer: bytes) -> Said:
    """What one event's JSON or a whole answer says for the log; nothing, where it is no such answer."""
    try:
        return _decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NOTHING
