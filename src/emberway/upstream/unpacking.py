"""Unpacks a body that a provider compressed unasked, in bounded steps: a bomb is refused before it fills the memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from emberway.upstream.failures import Malformed

if TYPE_CHECKING:
    from zlib import _Decompress  # named in the type stubs only

WINDOW = 256 * 1024
"""The most that one step yields, in bytes."""
MOST_RATIO = 200
"""How often larger than what came the unpacked body may be; text rarely passes 20."""
FREE_OF_RATIO = 1024 * 1024
"""Bytes unpacked before the ratio counts, so that a short, repetitive answer is not refused."""


class Unpacker:
    """One layer of gzip or deflate. Raises Malformed or zlib.error where the body is not what it says."""

    __slots__ = ("_came", "_inflater", "_is_full", "_is_gzip", "_pending", "_yielded")

    def __init__(self, packing: bytes) -> None:
        self._is_gzip = packing == b"gzip"
        self._inflater: _Decompress | None = None
        self._pending = b""
        self._is_full = False
        self._came = 0
        self._yielded = 0

    @property
    def has_more(self) -> bool:
        """Whether :meth:`unpack` may yield more without new data."""
        return self._is_full or bool(self._pending)

    def unpack(self, data: bytes) -> bytes:
        """At most WINDOW unpacked bytes; what is left of ``data`` waits for the next call."""
        self._came += len(data)
        pending = self._pending + data
        inflater = self._member(pending)
        unpacked = inflater.decompress(pending, WINDOW)
        self._pending = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        self._is_full = len(unpacked) == WINDOW
        self._yielded += len(unpacked)
        if self._yielded > max(FREE_OF_RATIO, MOST_RATIO * self._came):
            raise Malformed(f"it unpacks to more than {MOST_RATIO} times its size")
        return unpacked

    def finish(self) -> None:
        """The body has ended; it must be whole. One of no bytes at all counts as whole."""
        if self._inflater is not None and not self._inflater.eof:
            raise Malformed("its packed body ends early")

    def _member(self, pending: bytes) -> _Decompress:
        """The inflater at work; a gzip body may consist of several members (RFC 1952, section 2.2)."""
        inflater = self._inflater
        if inflater is not None and inflater.eof and pending:
            if not self._is_gzip:
                raise Malformed("bytes follow its packed body")
            inflater = None
        if inflater is None:
            inflater = self._inflater = zlib.decompressobj(self._window_bits(pending))
        return inflater

    def _window_bits(self, pending: bytes) -> int:
        """zlib's name for the format. "deflate" means zlib (RFC 9110, 8.4.1.2), yet some send it bare: see the first
        byte, whose low half is 8 in every zlib header and in hardly any bare stream."""
        if self._is_gzip:
            return 16 + zlib.MAX_WBITS
        return zlib.MAX_WBITS if pending[0] & 0x0F == 8 else -zlib.MAX_WBITS
