"""One line on stderr for each request, for people or for programs, and our own process log."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from typing import Literal, TextIO

import msgspec
from msgspec import Struct

from emberway.exchange import NO_USAGE, AttemptNote, Exchange, Usage

FLUSH_EVERY = 0.1
"""Seconds that a line may wait for its neighbours: one write for many requests."""

_encode = msgspec.json.Encoder().encode


class AccessLog:
    """Collects a line for each finished exchange and writes them many at once."""

    def __init__(self, form: Literal["pretty", "json"], stream: TextIO) -> None:
        self._line = json_line if form == "json" else pretty_line
        self._stream = stream
        self._waiting: list[str] = []

    def write(self, exchange: Exchange, seconds: float) -> None:
        """Note ``exchange``, which took ``seconds`` in all and ends now."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(FLUSH_EVERY, self.flush)
        # Made at once: kept until the flush, the exchanges would have to be fetched into the processor's cache again.
        self._waiting.append(self._line(exchange, seconds, time.time()))

    def flush(self) -> None:
        """Write what waits."""
        lines, self._waiting = self._waiting, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()


class _Line(Struct, omit_defaults=True):
    """The JSON form: times in milliseconds, fields without a value left out."""

    time: float
    request_id: str
    trace_id: str
    status: int
    ms: float
    method: str = ""
    path: str = ""
    key: str = ""
    provider: str = ""
    model: str = ""
    response_model: str = ""
    error: str = ""
    upstream_ms: float | None = None
    """Left out where no provider was asked."""
    first_token_ms: float | None = None
    usage: Usage = NO_USAGE
    finish_reason: str = ""
    changed: tuple[str, ...] = ()
    client_gone: bool = False
    shadow: str = ""
    shadow_of: str = ""
    option: str = "config"
    retries: int = 0
    attempts: Sequence[AttemptNote] = ()


def json_line(exchange: Exchange, seconds: float, at: float) -> str:
    """One JSON object and a line's end."""
    line = _Line(
        int(at * 1000) / 1000,
        exchange.request_id,
        exchange.trace_id,
        exchange.status,
        int(seconds * 100_000) / 100,
        exchange.method,
        exchange.path,
        exchange.identity.key_id if exchange.identity else "",
        exchange.provider,
        exchange.model,
        exchange.response_model,
        exchange.error,
        int(exchange.upstream_seconds(exchange.started + seconds) * 100_000) / 100 if exchange.sent else None,
        None if exchange.first_token is None else int(exchange.first_token * 100_000) / 100,
        exchange.usage,
        exchange.finish_reason,
        exchange.changed,
        exchange.client_gone,
        exchange.shadow,
        exchange.shadow_of,
        exchange.option_path,
        exchange.retries,
        exchange.attempts if len(exchange.attempts) > 1 else (),
    )
    return _encode(line).decode() + "\n"


def pretty_line(exchange: Exchange, seconds: float, at: float) -> str:
    """One line for a terminal; control characters of a client's text are shown escaped."""
    usage = exchange.usage
    tokens = f" {usage.prompt}+{usage.completion} tokens" if usage.completion is not None else ""
    first = f", first token {exchange.first_token * 1000:.0f} ms" if exchange.first_token is not None else ""
    text = (
        f"{time.strftime('%H:%M:%S', time.localtime(at))} {exchange.status or '---'} {exchange.method} {exchange.path}"
        f" {exchange.provider} {exchange.model} {seconds * 1000:.1f} ms{first}{tokens}"
        f"{' ' + exchange.error if exchange.error else ''}{' client gone' if exchange.client_gone else ''}"
    )
    return (text if text.isprintable() else text.encode("unicode_escape").decode("ascii")) + "\n"


class JsonFormatter(logging.Formatter):
    """A log record as one JSON line."""

    def format(self, record: logging.LogRecord) -> str:
        """Message, level and, where there is one, the traceback as one escaped text."""
        fields = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return _encode(fields).decode()


def log_form(asked: Literal["auto", "pretty", "json"]) -> Literal["pretty", "json"]:
    """The form of the log on stderr; ``auto``: for people on a terminal, for programs elsewhere."""
    if asked == "auto":
        return "pretty" if sys.stderr.isatty() else "json"
    return asked


def set_up_log(form: Literal["pretty", "json"]) -> None:
    """Send this process's own log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter("%(levelname)s %(message)s"))
    log = logging.getLogger("emberway")
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
