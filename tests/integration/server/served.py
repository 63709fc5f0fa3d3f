"""An application behind our server on a port of its own, and a client that sends and reads raw bytes."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from emberway.server.limits import ServerLimits
from emberway.server.server import Server

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

QUICK = ServerLimits(sweep=0.01)
"""Deadlines as in production, noticed within 10 ms."""


def http(handler: App) -> App:
    """An application that knows of lifespans and gives everything else to ``handler``."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await handler(scope, receive, send)
            return
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    return app


async def body_of(receive: Receive) -> bytes:
    """The request's whole body."""
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += message["body"]
        if not message["more_body"]:
            return body


async def answer(send: Send, body: bytes = b"ok", status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    """A whole answer with its length."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def start(send: Send, *headers: tuple[bytes, bytes], status: int = 200) -> None:
    """The head of an answer."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def piece(send: Send, body: bytes, *, more: bool = True) -> None:
    """A piece of an answer's body."""
    await send({"type": "http.response.body", "body": body, "more_body": more})


@http
async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Say what was understood."""
    body = await body_of(receive)
    head = f"{scope['method']} {scope['path']} ?".encode() + scope["query_string"]
    await answer(send, head + b"= =" + body)


@dataclass(slots=True)
class Answer:
    """One answer as it came over the wire, its body without framing."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    is_whole: bool = True


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def get(self, path: str = "/", *headers: str) -> Answer:
        lines = [f"GET {path} HTTP/1.1", "Host: a", *headers, "", ""]
        await self.send("\r\n".join(lines).encode())
        return await self.answer()

    def half_close(self) -> None:
        """Send no more (FIN), but go on reading."""
        self.writer.write_eof()

    async def answers(self) -> list[Answer]:
        """Every answer up to the connection's end."""
        found = []
        while not (await self.is_at_end()):
            found.append(await self.answer())
        return found

    async def is_at_end(self) -> bool:
        """Wait for a byte or the connection's end; whether it was the end."""
        while not self.reader._buffer:  # type: ignore[attr-defined]  # StreamReader has no way of peeking
            if self.reader.at_eof():
                return True
            await self.reader._wait_for_data("peek")  # type: ignore[attr-defined]  # same
        return False

    async def answer(self, *, to_head: bool = False) -> Answer:
        """The next answer, interim ones left out; EOFError if the connection ends before its head."""
        while (found := await self.head()).status == 100:
            pass
        if to_head or found.status in (204, 304):
            return found
        if "content-length" in found.headers:
            await self._fill(found, int(found.headers["content-length"]))
        elif found.headers.get("transfer-encoding") == "chunked":
            await self._fill_from_chunks(found)
        else:
            found.body = await self.rest()
        return found

    async def head(self) -> Answer:
        """A status line and headers."""
        try:
            lines = (await self.reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
        except asyncio.IncompleteReadError as error:
            raise EOFError(error.partial) from None
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        headers = dict(line.split(": ", 1) for line in lines[1:])
        assert len(headers) == len(lines) - 1, "a header came twice"
        return Answer(int(status), headers)

    async def _fill(self, found: Answer, size: int) -> None:
        try:
            found.body = await self.reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            found.body, found.is_whole = error.partial, False

    async def _fill_from_chunks(self, found: Answer) -> None:
        try:
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                found.body += await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        except asyncio.IncompleteReadError:
            found.is_whole = False

    async def chunk(self) -> bytes:
        """The next chunk of an answer whose head was read."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def rest(self) -> bytes:
        """Everything up to the connection's end."""
        return await self.reader.read()

    async def is_closed(self) -> bool:
        """Wait for the connection's end; whether nothing came before it."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        descriptor = os.dup(self.writer.get_extra_info("socket").fileno())
        with socket.socket(fileno=descriptor) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.transport.abort()

    async def flood(self, piece: bytes) -> None:
        """Send until the connection breaks."""
        with suppress(ConnectionError):
            while True:
                await self.send(piece)


class Served:
    """A server under test."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.port = port
        self._clients: list[Client] = []

    @property
    def hub(self) -> Any:
        return self.server.hub

    async def client(self, receive_buffer: int | None = None) -> Client:
        """A new connection; ``receive_buffer``: bytes that the kernel may hold for a client that does not read."""
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        except OSError:
            sock.close()
            raise
        limit = receive_buffer or 2**16
        client = Client(*await asyncio.open_connection(sock=sock, limit=limit))
        self._clients.append(client)
        return client

    def close_clients(self) -> None:
        for client in self._clients:
            client.close()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the loop turn until ``holds``; for what shows only on the server's side."""
        async with asyncio.timeout(5):
            while not holds():
                await asyncio.sleep(0.002)


@asynccontextmanager
async def serving(
    app: App,
    limits: ServerLimits = QUICK,
    *,
    on_stop: Callable[[], None] = lambda: None,
    drain_delay: float = 0.0,
    drain_timeout: float = 5.0,
) -> AsyncIterator[Served]:
    """Serve ``app``; afterwards no connection, request or task may be left."""
    before = asyncio.all_tasks()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = Server(app, limits, on_stop=on_stop, drain_delay=drain_delay, drain_timeout=drain_timeout)
    served = Served(server, listener.getsockname()[1])
    await server.start([listener])
    serve = asyncio.ensure_future(server.serve())
    try:
        yield served
    finally:
        served.close_clients()
        server.stop()
        server.stop()
        await serve
    assert (len(server.hub.connections), len(server.hub.cycles)) == (0, 0)
    assert asyncio.all_tasks() == before
