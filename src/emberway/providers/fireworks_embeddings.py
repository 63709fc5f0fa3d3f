"""Gives embeddings in the encoding that was asked for, also where the provider answered with numbers."""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode

import msgspec
from msgspec import Raw

from emberway.providers.base import Call
from emberway.wire.body import update

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_floats = msgspec.json.Decoder(list[float])


def base64_asked(call: Call) -> bool:
    """Whether the client decodes base64 itself; OpenAI's JavaScript client does so without looking at the answer."""
    return call.fields.encoding_format == "base64" and not call.options.package_version


def floats_to_base64(call: Call, answer: bytes) -> bytes:
    """``answer`` with every list of numbers as base64 of little-endian float32; the same object if it holds none.

    An answer of another shape is left as it is: it is the provider's, and the client may know what to do with it.
    """
    try:
        items = _list.decode(_object.decode(answer)["data"])
        encoded = [_item_encoded(item) for item in items]
    except (msgspec.DecodeError, KeyError):
        return answer
    if all(new is old for new, old in zip(encoded, items, strict=True)):
        return answer
    return update(answer, {"data": msgspec.json.encode(encoded)})


def _item_encoded(item: Raw) -> Raw:
    embedding = _object.decode(item)["embedding"]
    if not bytes(embedding).startswith(b"["):
        return item
    numbers = array("f", _floats.decode(embedding))
    if sys.byteorder == "big":
        numbers.byteswap()
    return Raw(update(bytes(item), {"embedding": msgspec.json.encode(b64encode(numbers).decode())}))
