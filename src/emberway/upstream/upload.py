"""Sends a body that comes in pieces, beside the wait for the answer: a peer may answer, and hang up, half-way."""

from __future__ import annotations

from collections.abc import AsyncIterator

from emberway.errors import InvalidCall
from emberway.upstream.connection import Connection


class Upload:
    """One body on its way. ``error``: what the caller's iterator raised, to be raised to the caller as it was."""

    def __init__(self, connection: Connection, pieces: AsyncIterator[bytes], length: int | None) -> None:
        self.error: Exception | None = None
        self._connection = connection
        self._pieces = pieces
        self._length = length
        connection.is_uploading = True

    async def run(self) -> None:
        """Send all of it. Never raises: a failure ends the call through its connection."""
        try:
            await (self._chunked() if self._length is None else self._counted(self._length))
            self._connection.is_uploading = False
        except Exception as error:  # whatever the iterator raises is its owner's to understand
            self.error = error
            self._connection.fail(error)
        finally:
            if hasattr(self._pieces, "aclose"):
                await self._pieces.aclose()

    async def _chunked(self) -> None:
        async for piece in self._pieces:
            if piece:  # an empty chunk would end the body
                await self._connection.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await self._connection.write(b"0\r\n\r\n")

    async def _counted(self, length: int) -> None:
        left = length
        async for piece in self._pieces:
            left -= len(piece)
            if left < 0:
                raise InvalidCall("The body is longer than its content-length says.")
            await self._connection.write(piece)
        if left:
            raise InvalidCall("The body is shorter than its content-length says.")
