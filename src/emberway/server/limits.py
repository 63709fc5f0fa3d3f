"""What one client may cost: sizes, counts and times, each with the value that production uses."""

from __future__ import annotations

import resource
from dataclasses import dataclass, field

SPARE_DESCRIPTORS = 64
"""Kept free of clients: databases, spool, listeners and the connections to providers need descriptors too."""

UNLIMITED = 1_000_000
"""Clients where the system sets no limit of its own."""


def connections_for(descriptors: int) -> int:
    """How many clients a process may have that may open so many files (RLIMIT_NOFILE)."""
    if descriptors == resource.RLIM_INFINITY:
        return UNLIMITED
    return max(1, descriptors - SPARE_DESCRIPTORS)


def _connections_here() -> int:
    return connections_for(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of one server process. Times are in seconds, sizes in bytes."""

    head_bytes: int = 64 * 1024
    """Request line and headers together, trailers likewise; 431 beyond."""
    headers: int = 200
    """Lines of headers in one request; 431 beyond."""
    target_bytes: int = 16 * 1024
    """Path and query; 414 beyond."""
    buffered_body: int = 64 * 1024
    """Body that the application has not taken yet; beyond, the client is not read from."""
    waiting: int = 16
    """Pipelined requests that wait for their turn; with that many, the client is not read from."""
    connections: int = field(default_factory=_connections_here)
    """Open at once; each one more is told 503 and closed."""
    first_byte: float = 10.0
    """From the connection's start to its first byte."""
    head: float = 10.0
    """From a head's first byte to its last, however steadily it drips."""
    idle: float = 75.0
    """Between an answer and the next request."""
    stall: float = 60.0
    """Without the client taking a byte of what is ready for it."""
    linger: float = 2.0
    """For a client to read our last words while it is still sending; see `linger_bytes`."""
    linger_bytes: int = 256 * 1024
    """What such a client may go on to send before it is cut off."""
    sweep: float = 0.5
    """Between two looks at the deadlines: how late one may be noticed. Also the age of the ``date`` header."""
