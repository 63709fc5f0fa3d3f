"""The bare relay: the least a Python process must do to stand between a client and one upstream.

asyncio + httptools on both sides, no keys, no JSON, no headers of its own. It is the yardstick: what Emberway costs is
said as a ratio to this program, measured in the same run on the same core.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import cast

import httptools
import uvloop


class UpstreamSide(asyncio.Protocol):
    """One kept-alive connection to the upstream, lent to one client at a time."""

    client: ClientSide | None = None

    def __init__(self, idle: list[UpstreamSide]) -> None:
        self.idle = idle

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class, same methods
        self.parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        if self.client is not None:
            self.client.transport.write(data)
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.client = None
        self.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.idle:
            self.idle.remove(self)
        if self.client is not None:
            self.client.transport.close()


class ClientSide(asyncio.Protocol):
    """One connection of a client; requests are passed on whole once their body is there."""

    def __init__(self, host: str, port: int, idle: list[UpstreamSide]) -> None:
        self.host, self.port, self.idle = host, port, idle
        self.loop = asyncio.get_running_loop()
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.upstream: UpstreamSide | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own class, same methods
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.headers, self.body = [], b""

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        head = b"".join(b"%s: %s\r\n" % header for header in self.headers)
        request = b"POST %s HTTP/1.1\r\n%s\r\n%s" % (self.url, head, self.body)
        if self.idle:
            self.forward(self.idle.pop(), request)
        else:
            self.loop.create_task(self.connect(request))

    async def connect(self, request: bytes) -> None:
        _, upstream = await self.loop.create_connection(lambda: UpstreamSide(self.idle), self.host, self.port)
        self.forward(upstream, request)

    def forward(self, upstream: UpstreamSide, request: bytes) -> None:
        self.upstream = upstream
        upstream.client = self
        upstream.transport.write(request)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.upstream is not None and self.upstream.client is self:
            self.upstream.transport.close()


async def main(arguments: list[str]) -> None:
    """Serve until killed; print the port once listening."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--upstream", type=int, required=True, help="port of the upstream on 127.0.0.1")
    given = options.parse_args(arguments)
    loop = asyncio.get_running_loop()
    idle: list[UpstreamSide] = []
    server = await loop.create_server(lambda: ClientSide("127.0.0.1", given.upstream, idle), "127.0.0.1", given.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
