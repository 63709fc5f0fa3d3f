"""Collects a request's head, checks what llhttp lets pass, and makes the ASGI scope of it."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from emberway.server.limits import ServerLimits
from emberway.server.refusal import Refused, bad_http

SPECIAL = frozenset({b"host", b"connection", b"transfer-encoding", b"expect", b"upgrade"})
"""Headers with a say in how a message is read."""

_HOST_BYTES = bytes({*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B), *b"-._~!$&'()*+,;=%:[]"})
_LINE_OVERHEAD = 4
"""Bytes of a header line besides its name and value."""


class HeadReader:
    """The head that is coming in on one connection; one after another."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.method = ""
        self.keeps_alive = True
        self.awaits_go_ahead = False
        self.speaks_1_1 = True
        self._hosts = 0
        self._host = b""
        self._has_connection = False
        self._has_upgrade = False
        self._codings: list[bytes] = []
        self._is_special = False
        self.parser: Any = None
        self._common: dict[str, Any] = {}

    def begin_connection(self, parser: Any, transport: asyncio.BaseTransport) -> None:
        """What all requests of this connection have in common."""
        self.parser = parser
        self._common = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "client": _address(transport.get_extra_info("peername")),
            "server": _address(transport.get_extra_info("sockname")),
        }

    @property
    def has_begun(self) -> bool:
        """Whether any of a head has come, as far as the parser has told."""
        return bool(self.target)

    def size(self) -> int:
        """Bytes of the head so far, but for the method and version."""
        lines = sum(len(name) + len(value) + _LINE_OVERHEAD for name, value in self.headers)
        return len(self.target) + lines

    def too_large(self, size: int, limits: ServerLimits) -> Refused | None:
        """The refusal for a head beyond the bounds."""
        if len(self.target) > limits.target_bytes:
            return Refused(414, "uri_too_long", f"The path and query are longer than {limits.target_bytes} bytes.")
        if len(self.headers) > limits.headers or size > limits.head_bytes:
            most = f"{limits.headers} lines and {limits.head_bytes} bytes"
            return Refused(431, "headers_too_large", f"The headers are larger than {most}. Send fewer or shorter ones.")
        return None

    def special(self, name: bytes, value: bytes) -> None:
        """A header of `SPECIAL`."""
        if name == b"host":
            self._hosts += 1
            self._host = value
            return
        self._is_special = True
        value = value.strip().lower()
        if name == b"connection":
            self._has_connection = True
        elif name == b"transfer-encoding":
            self._codings.append(value)
        elif name == b"upgrade":
            self._has_upgrade = True
        elif value == b"100-continue":
            self.awaits_go_ahead = True

    def forget(self) -> None:
        """Make room for the next head, or drop trailers."""
        self.target = b""
        self.headers = []
        self._hosts = 0
        if self._is_special:
            self._is_special = self._has_connection = self._has_upgrade = self.awaits_go_ahead = False
            self._codings = []

    def scope(self, limits: ServerLimits) -> dict[str, Any] | None:
        """The scope of a complete head; None if it asks for another protocol. Raises Refused."""
        parser = self.parser
        target = self.target
        self.keeps_alive = keeps_alive = parser.should_keep_alive()
        self.method = method = parser.get_method().decode("ascii")
        self.speaks_1_1 = True
        if len(self.headers) > limits.headers or len(target) > limits.target_bytes:
            raise self.too_large(0, limits) or AssertionError
        # Of the versions that llhttp knows, only 1.1 keeps alive without being asked to.
        if self._is_special or not keeps_alive:
            version = parser.get_http_version()
            if version not in {"1.1", "1.0"}:
                raise Refused(505, "http_version_not_supported", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
            self.speaks_1_1 = version == "1.1"
            if self._codings and (self._codings != [b"chunked"] or not self.speaks_1_1):
                raise bad_http("its transfer-encoding is not chunked alone")
            self.awaits_go_ahead = self.awaits_go_ahead and self.speaks_1_1
            if method == "CONNECT":
                raise bad_http("CONNECT is for proxies")
            if parser.should_upgrade():
                return None
        elif method == "CONNECT":
            raise bad_http("CONNECT is for proxies")
        if self._hosts != 1 and (self._hosts or self.speaks_1_1):
            raise bad_http("it must have exactly one Host header")
        if self._host.translate(None, _HOST_BYTES + b" \t"):
            raise bad_http("its Host header is not a host")
        if target[:1] != b"/" or b"#" in target or not target.isascii():
            raise bad_http("its target must be a path that begins with a slash")
        raw, _, query = target.partition(b"?")
        path = raw.decode("ascii")
        scope = self._common.copy()
        scope["method"] = method
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw
        scope["query_string"] = query
        scope["headers"] = self.headers
        if not self.speaks_1_1:
            scope["http_version"] = "1.0"
        return scope

    def without_upgrade(self) -> bytes:
        """The head as if no other protocol had been asked for; what was collected is forgotten."""
        lines = [b"%s: %s\r\n" % header for header in self.headers if header[0] not in (b"upgrade", b"http2-settings")]
        head = b"%s %s HTTP/1.1\r\n%s\r\n" % (self.method.encode(), self.target, b"".join(lines))
        self.forget()
        return head


def _address(name: Any) -> tuple[str, int] | None:
    return (name[0], name[1]) if isinstance(name, tuple) else None
