"""The seam where exceptions of sockets, TLS and the parser become ours: one table, by kind and by stage."""

from __future__ import annotations

import errno
import socket
import ssl
import zlib
from enum import Enum
from typing import NamedTuple

import httptools

from emberway.errors import BadAnswer, ConnectFailed, GatewayError, StreamBroken, UpstreamBusy, UpstreamError


class Stage(Enum):
    """How far a call had come when it failed."""

    CONNECTING = "connecting"
    """No connection yet."""
    WAITING = "waiting"
    """The request is on its way, no whole head has come back."""
    OPENED = "opened"
    """Status and headers were handed over, no byte of the body was."""
    READING = "reading"
    """Bytes of the body were handed over."""


class PeerClosed(ConnectionError):
    """The peer closed in an orderly way (FIN) in the middle of an answer, or before one."""


class Malformed(Exception):
    """The answer breaks a rule of HTTP that the parser itself does not check; the text says which."""


Outcome = dict[Stage, type[UpstreamError]]

UNREACHED: Outcome = dict.fromkeys(Stage, ConnectFailed)
BUSY: Outcome = dict.fromkeys(Stage, UpstreamBusy)
CLOSED: Outcome = {
    Stage.CONNECTING: ConnectFailed,
    Stage.WAITING: BadAnswer,
    Stage.OPENED: StreamBroken,
    Stage.READING: StreamBroken,
}
WRONG: Outcome = {
    Stage.CONNECTING: ConnectFailed,
    Stage.WAITING: BadAnswer,
    Stage.OPENED: BadAnswer,
    Stage.READING: StreamBroken,
}


class Row(NamedTuple):
    """What one kind of exception means; ``code`` None takes the error class's own."""

    kind: type[BaseException]
    outcome: Outcome
    sentence: str
    code: str | None = None


TABLE = (
    Row(socket.gaierror, UNREACHED, "the name could not be resolved"),
    Row(UnicodeError, UNREACHED, "the name is not a host name"),
    Row(ssl.SSLCertVerificationError, UNREACHED, "its certificate could not be verified", "upstream_tls"),
    Row(ssl.SSLError, CLOSED, "TLS failed", "upstream_tls"),
    Row(ConnectionRefusedError, UNREACHED, "it refused the connection"),
    Row(PeerClosed, CLOSED, "it closed the connection before the answer was whole", "upstream_closed"),
    Row(ConnectionError, CLOSED, "it reset the connection before the answer was whole", "upstream_closed"),
    Row(TimeoutError, CLOSED, "the network gave the connection up", "upstream_closed"),
    Row(OSError, CLOSED, "the network failed", "upstream_unreachable"),
    Row(Malformed, WRONG, "its answer is not valid HTTP"),
    Row(httptools.HttpParserError, WRONG, "its answer is not valid HTTP"),
    Row(httptools.HttpParserUpgrade, WRONG, "it tried to switch to another protocol"),
    Row(zlib.error, WRONG, "its answer could not be unpacked"),
)
"""First match wins, so special kinds stand above general ones."""

OUT_OF_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
"""The machine we run on has no descriptor, port or memory left for one more connection."""

NO_ROOM = Row(OSError, BUSY, "this machine has no room for another connection")


def upstream_error(error: BaseException, stage: Stage, where: str) -> GatewayError:
    """Our error for ``error`` at ``stage`` of a call to ``where`` (host, safe to show); our own come back as they are.

    A kind that the table does not know is a fault of ours: it is raised on unchanged.
    """
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, httptools.HttpParserCallbackError) and error.__context__ is not None:
        error = error.__context__  # what a callback of ours raised, wrapped by the parser
    row = _row(error)
    if row is None:
        raise error
    detail = f" ({error})" if isinstance(error, Malformed) else ""
    told = row.outcome[stage](f"No usable answer from {where}: {row.sentence}{detail}.", code=row.code)
    told.__cause__ = error
    return told


def _row(error: BaseException) -> Row | None:
    if isinstance(error, OSError) and error.errno in OUT_OF_ROOM:
        return NO_ROOM
    return next((row for row in TABLE if isinstance(error, row.kind)), None)
