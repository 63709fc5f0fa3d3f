"""The smallest HTTP client that `emberway demo` needs: one call on one connection, read to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

MOST_BYTES = 64 * 1024**2
"""Of an answer."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the gateway is."""

    host: str
    port: int
    tls: bool

    @property
    def url(self) -> str:
        """For people."""
        return f"{'https' if self.tls else 'http'}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``body`` still has its framing: whoever reads it looks for words in it."""

    status: int
    body: bytes
    seconds: float


def site_of(url: str) -> Site:
    """The gateway's address from what a person types, with or without ``/v1``; ValueError if it is none."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8787")
    tls = parts.scheme == "https"
    return Site(parts.hostname, parts.port or (443 if tls else 80), tls)


async def post(site: Site, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send ``body`` and read the answer until the gateway closes the connection. Raises OSError."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(site.host, site.port, ssl=site.tls or None)
    try:
        lines = {"host": site.host, "connection": "close", "content-length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        await writer.drain()
        whole = bytearray()
        while (piece := await reader.read(65536)) and len(whole) < MOST_BYTES:
            whole += piece
    finally:
        writer.close()
    head_bytes, _, rest = bytes(whole).partition(b"\r\n\r\n")
    words = head_bytes.split(b" ", 2)
    if len(words) < 3 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise ConnectionError("what answered does not speak HTTP")
    return Answer(int(words[1]), rest, time.perf_counter() - began)
