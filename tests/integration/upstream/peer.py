"""A provider made of raw bytes: each connection runs a small program that reads, writes and breaks off as told."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from emberway.upstream.base import Deadlines, Origin, Outbound


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire; a chunked body is put together."""

    head: bytes
    body: bytes

    @property
    def lines(self) -> list[bytes]:
        return self.head.split(b"\r\n")


class Wire:
    """One accepted connection in the hands of a program."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: list[Received]) -> None:
        self.reader = reader
        self.writer = writer
        self._received = received

    async def request(self) -> Received:
        head = (await self.reader.readuntil(b"\r\n\r\n"))[:-4]
        lowered = head.lower()
        body = b""
        if b"transfer-encoding: chunked" in lowered:
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
        elif b"content-length: " in lowered:
            length = int(lowered.split(b"content-length: ")[1].split(b"\r\n")[0])
            body = await self.reader.readexactly(length)
        self._received.append(Received(head, body))
        return self._received[-1]

    async def head(self) -> bytes:
        """Read a request's head and leave its body on the wire."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def send(self, *pieces: bytes) -> None:
        """Each piece in a turn of the loop of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def answer(self, body: bytes = b"{}", status: bytes = b"200 OK", *headers: bytes) -> None:
        lines = b"".join(b"%b\r\n" % header for header in headers)
        await self.send(b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, lines, len(body), body))

    async def reset(self) -> None:
        """Close with RST instead of FIN."""
        descriptor = os.dup(self.writer.get_extra_info("socket").fileno())
        with socket.socket(fileno=descriptor) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_closed(self) -> None:
        """Wait for the other side to close."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Program = Callable[[Wire], Awaitable[None]]


class Peer:
    """A listening provider; ``requests`` and ``connections`` say what reached it."""

    def __init__(self, program: Program) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self.closed = 0
        self.port = 0
        self.scheme: str = "http"
        self.failures: list[BaseException] = []
        self.conversations: set[asyncio.Task[None]] = set()
        self._program = program

    @property
    def origin(self) -> Origin:
        return Origin("https" if self.scheme == "https" else "http", "127.0.0.1", self.port, trusted=True)

    def post(self, body: bytes = b"{}", *, may_repeat: bool = False, deadlines: Deadlines | None = None) -> Outbound:
        headers = [(b"content-type", b"application/json")]
        return Outbound("POST", self.origin, b"/v1/x", headers, body, None, deadlines or Deadlines(), may_repeat)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.conversations.add(task)
        try:
            await self._program(Wire(reader, writer, self.requests))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up, or the test is over
        except RuntimeError as error:
            if "the handler is closed" not in str(error):  # uvloop's word for a client that hung up
                self.failures.append(error)
        except BaseException as failure:
            self.failures.append(failure)
        finally:
            self.closed += 1
            self.conversations.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


@asynccontextmanager
async def peer(program: Program, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Run ``program`` for each connection to a free port of 127.0.0.1 until the block ends."""
    provider = Peer(program)
    server = await asyncio.start_server(provider.converse, "127.0.0.1", 0, ssl=tls)
    provider.port = server.sockets[0].getsockname()[1]
    provider.scheme = "https" if tls else "http"
    try:
        yield provider
    finally:
        server.close()
        for conversation in list(provider.conversations):
            conversation.cancel()
        await asyncio.gather(*provider.conversations, return_exceptions=True)
        await server.wait_closed()
    assert not provider.failures, provider.failures


def once(*pieces: bytes) -> Program:
    """Read a request, send the pieces, hang up."""

    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(*pieces)

    return program


def then_silence(*pieces: bytes) -> Program:
    """Read a request, send the pieces, say nothing more until the client hangs up."""

    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(*pieces)
        await wire.until_closed()

    return program


async def polite(wire: Wire) -> None:
    """Answer every request with ``{}`` and keep the connection."""
    while True:
        await wire.request()
        await wire.answer()
