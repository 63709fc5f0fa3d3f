"""Reads a request's body within bounds."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Any

from emberway.edge.headers import Named
from emberway.edge.watch import Receive
from emberway.errors import InvalidCall, TooLarge, UnsupportedEncoding

Message = dict[str, Any]

MAX_RATIO = 100
"""How many times larger a packed body may become."""


class ClientGone(Exception):
    """The client went away while its request was still being read: there is nobody to answer."""


def declared_length(named: Named, limit: int) -> int | None:
    """``content-length`` as a number; TooLarge beyond ``limit`` before anything is read."""
    text = named.get(b"content-length")
    if text is None:
        return None
    if not text.isdigit():
        raise InvalidCall("The header content-length is not a number.", param="content-length")
    length = int(text)
    if length > limit:
        raise too_large(limit)
    return length


def too_large(limit: int) -> TooLarge:
    """The error for a body beyond ``limit`` bytes."""
    return TooLarge(
        f"The request body is larger than {limit} bytes, the most that is accepted here. Send less at once, or ask the "
        "operator to raise EMBERWAY_MAX_BODY_BYTES (JSON) or EMBERWAY_MAX_UPLOAD_BYTES (files)."
    )


async def read_whole(receive: Receive, named: Named, limit: int) -> bytes:
    """The body, unpacked if it came as gzip. TooLarge beyond ``limit``, before and while reading."""
    return await read_rest(await receive(), receive, named, limit)


async def read_rest(first: Message, receive: Receive, named: Named, limit: int) -> bytes:
    """The body of which ``first`` is the first message, unpacked if it came as gzip. TooLarge beyond ``limit``."""
    declared_length(named, limit)
    message = first
    parts = [message.get("body", b"")]
    size = len(parts[0])
    while message.get("more_body") and size <= limit:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if message["type"] == "http.disconnect":
        raise ClientGone
    if size > limit:
        raise too_large(limit)
    encoding = named.get(b"content-encoding")
    body = b"".join(parts)
    return body if encoding is None else unpack(body, encoding, limit)


def no_body(message: Message) -> Exception:
    """Why there is no body: the client has gone, or sent none."""
    if message["type"] == "http.disconnect":
        return ClientGone()
    return InvalidCall("The request has no body. Send one JSON object.", code="missing_body")


def unpack(body: bytes, encoding: bytes, limit: int) -> bytes:
    """One layer of gzip, to at most ``limit`` bytes and 100 times its packed size."""
    if encoding.strip().lower() in (b"identity", b""):
        return body
    if encoding.strip().lower() != b"gzip":
        raise UnsupportedEncoding(
            "This content-encoding is not accepted. Send the body as it is, or packed once with gzip.",
            param="content-encoding",
        )
    allowed = min(limit, max(len(body) * MAX_RATIO, 1024))
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(body, allowed)
    except zlib.error:
        raise InvalidCall("The body is said to be gzip and is not.", param="content-encoding") from None
    if reader.unconsumed_tail or (not reader.eof and len(plain) >= allowed):
        raise too_large(allowed)
    if not reader.eof or reader.unused_data:
        raise InvalidCall("The gzip body is cut short or followed by something else.", param="content-encoding")
    return plain


async def stream(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """The body in the pieces in which it comes, for an upload that is passed on as it is."""
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        if piece:
            yield piece
