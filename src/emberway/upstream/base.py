"""What the rest of the house knows of the HTTP client: one call out, one answer in.

``Upstream`` is one of the few protocols here with several implementations: the pooled client (`client.py`) and the
scripted double that tests drive (`scripted.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from msgspec import Struct


class Origin(Struct, frozen=True):
    """Where a connection goes. ``trusted``: the operator named this origin, so it may be private or plain http."""

    scheme: Literal["http", "https"]
    host: str
    """Lower-case ASCII name (IDNA 2008) or address literal; an IPv6 literal without brackets."""
    port: int
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each stage may take, in seconds; each has its own error message."""

    connect: float = 5.0
    """Name resolution, TCP and TLS together."""
    first_byte: float = 600.0
    """From the request's first byte out to the answer's head."""
    idle: float = 60.0
    """Between two reads of an answer's body."""
    total: float = 3600.0
    """From the start of the call to the answer's last byte."""


class Outbound(Struct, eq=False):
    """One HTTP request to a provider."""

    method: str
    origin: Origin
    target: bytes
    """Path and query in origin form, percent-encoded, ASCII."""
    headers: Sequence[tuple[bytes, bytes]]
    """Without host, content-length, transfer-encoding, connection and accept-encoding: the client adds those."""
    body: bytes | AsyncIterator[bytes] = b""
    content_length: int | None = None
    """Only for an iterator body: its length where known; otherwise it is sent chunked."""
    deadlines: Deadlines = Deadlines()
    may_repeat: bool = False
    """Whether a request that died on a stale kept-alive connection, before any byte came back, is sent once more."""
    start: bytes | None = None
    """What ``upstream.request.head_start`` made of method, target and headers for an earlier call."""


class Inbound(Protocol):
    """One answer, its head already there. Whoever holds it closes it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    """Names in lower case, in wire order, framing and hop-by-hop headers removed."""

    async def chunk(self) -> bytes:
        """The next bytes of the body, all that have come; ``b""`` once, at its end. Raises UpstreamError."""

    async def read(self, limit: int) -> bytes:
        """The rest of the body; BadAnswer beyond ``limit`` bytes."""

    def abort(self) -> None:
        """Close the connection now and wake a waiting ``chunk`` with StreamBroken; safe to call at any time."""

    def close(self) -> None:
        """Give the connection back if the answer was read whole, else close it. Idempotent."""


class Upstream(Protocol):
    """Sends requests to providers."""

    async def send(self, outbound: Outbound) -> Inbound:
        """Answer's status and headers, body unread. Raises UpstreamError."""

    async def aclose(self) -> None:
        """Close every connection."""
