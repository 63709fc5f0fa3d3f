"""Connections that send any bytes at all and read answers with a strictness that no HTTP library has."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

DEADLINE = 20.0
"""Seconds in which an answer, or a connection's end, has to come."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_NO_BODY = (204, 304)


class BrokenAnswer(AssertionError):
    """What came back is no HTTP, or not whole, or not in time."""


class Hung(BrokenAnswer):
    """Nothing came in time."""


@dataclass(frozen=True, slots=True)
class Raw:
    """One answer, taken apart."""

    status: int
    headers: dict[str, str]
    """Names in lower case; the last of equal ones."""
    body: bytes
    closes: bool
    """Whether the server said, or showed, that the connection ends here."""


class Wire:
    """One connection to a server, kept alive as long as the server lets it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def send(self, data: bytes) -> None:
        """Send all of it; a server that hangs up in the middle may have answered already."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return
        except TimeoutError:
            raise Hung("the server does not read") from None

    def receive(self, method: bytes) -> Raw:
        """The next final answer. BrokenAnswer where there is none."""
        answer = self._final(method)
        if answer is None:
            raise BrokenAnswer("the server hung up without an answer")
        return answer

    def first_bytes(self) -> bytes:
        """The beginning of an answer, as soon as there is any."""
        return self._more()

    def everything(self) -> Iterator[Raw]:
        """End our side and read the answers that still come, until the server ends its own."""
        with suppress(OSError):  # The server was first.
            self._socket.shutdown(socket.SHUT_WR)
        while (answer := self._final(b"")) is not None:
            yield answer

    def is_idle(self) -> bool:
        """Whether the connection is open and holds nothing that nobody asked for."""
        return not self._unread and not select.select([self._socket], [], [], 0)[0]

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _final(self, method: bytes) -> Raw | None:
        while (answer := self._answer(method)) is not None and 100 <= answer.status < 200:
            continue
        return answer

    def _answer(self, method: bytes) -> Raw | None:
        head = self._until(b"\r\n\r\n", whole=False)
        if head is None:
            return None
        line, *fields = head.split(b"\r\n")
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise BrokenAnswer(f"no status line: {line[:200]!r}")
        status = int(match[1])
        headers = {}
        for field in fields:
            name, colon, value = field.decode("latin-1").partition(":")
            if not colon or name.strip() != name:
                raise BrokenAnswer(f"no header: {field[:200]!r}")
            headers[name.lower()] = value.strip()
        closes = headers.get("connection", "").lower() == "close"
        if method == b"HEAD" or status in _NO_BODY or status < 200:
            return Raw(status, headers, b"", closes)
        if headers.get("transfer-encoding") == "chunked":
            return Raw(status, headers, self._chunks(), closes)
        if "content-length" in headers:
            return Raw(status, headers, self._exactly(int(headers["content-length"])), closes)
        return Raw(status, headers, self._rest(), closes=True)

    def _chunks(self) -> bytes:
        body = b""
        while True:
            line = self._until(b"\r\n")
            assert line is not None
            size = int(line.partition(b";")[0], 16)
            data = self._exactly(size + 2)
            if not data.endswith(b"\r\n"):
                raise BrokenAnswer("a chunk is longer than it says")
            if size == 0:
                return body
            body += data[:-2]

    def _until(self, end: bytes, *, whole: bool = True) -> bytes | None:
        while end not in self._unread:
            data = self._more()
            if not data:
                if self._unread or whole:
                    raise BrokenAnswer(f"ends early: {self._unread[:200]!r}")
                return None
            self._unread += data
        found, _, self._unread = self._unread.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            data = self._more()
            if not data:
                raise BrokenAnswer(f"{len(self._unread)} of {size} bytes came")
            self._unread += data
        found, self._unread = self._unread[:size], self._unread[size:]
        return found

    def _rest(self) -> bytes:
        body, self._unread = self._unread, b""
        while data := self._more():
            body += data
        return body

    def _more(self) -> bytes:
        try:
            return self._socket.recv(65_536)
        except ConnectionResetError:
            return b""
        except TimeoutError:
            raise Hung(f"nothing came in {DEADLINE:.0f} s") from None
