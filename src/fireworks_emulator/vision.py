"""Pictures in a conversation: those in the request are really decoded, addresses are never fetched."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from fireworks_emulator.catalogue import Model
from fireworks_emulator.errors import envelope_a
from fireworks_emulator.requests import Message, Part
from fireworks_emulator.validation import invalid

MOST_PICTURES = 30
MOST_BYTES = 10_000_000
"""Of all base64 text together. Both limits are the provider's documented ones."""

PART_TYPES = frozenset({"text", "image_url", "video_url", "audio_url"})


def look_at(messages: Sequence[Message], model: Model) -> tuple[str, ...]:
    """What the pictures of a conversation show, in words. Raises 400 where the provider would."""
    parts = [
        (part, f"messages[{number}].content[{place}]")
        for number, message in enumerate(messages)
        for place, part in enumerate(message.content if isinstance(message.content, list) else ())
    ]
    for part, where in parts:
        _check(part, where, model)
    addresses = [(part.image_url.url, where) for part, where in parts if part.image_url]
    return look_at_addresses(addresses, model)


def look_at_addresses(addresses: Sequence[tuple[str, str]], model: Model) -> tuple[str, ...]:
    """The same for pictures by address, each with the field it came from."""
    if addresses and model.vision is False:
        raise envelope_a(400, f"Model {model.id} does not support image inputs.")
    if len(addresses) > MOST_PICTURES:
        raise envelope_a(400, f"Too many images: {len(addresses)}, at most {MOST_PICTURES} are allowed in a request.")
    if sum(len(address) for address, _ in addresses if address.startswith("data:")) > MOST_BYTES:
        raise envelope_a(400, "The images of a request may be at most 10 MB of base64 together.")
    return tuple(_describe(address, where) for address, where in addresses)


def _check(part: Part, where: str, model: Model) -> None:
    if part.type not in PART_TYPES:
        raise invalid("Unsupported content type", f"{where}.type", part.type)
    if part.type == "text":
        if part.text is None:
            raise invalid("Field required", f"{where}.text")
    elif getattr(part, part.type) is None:
        raise invalid("Field required", f"{where}.{part.type}")
    elif part.type != "image_url":
        raise envelope_a(400, f"Model {model.id} does not support {part.type} inputs.")


def _describe(address: str, where: str) -> str:
    from fireworks_emulator.pictures import NotAPicture, look  # the decoder takes long to import

    if address.startswith(("http://", "https://")):
        return f"The emulator makes no connections and cannot fetch {address.partition('?')[0]}"
    data = _decoded(address, where)
    try:
        seen = look(data)
    except NotAPicture:
        raise envelope_a(400, f"Cannot decode image, field: '{where}.image_url.url'") from None
    article = "an" if str(seen.width).startswith("8") else "a"
    return f"{article} {seen.width} by {seen.height} {seen.format}, mostly {seen.colour}"


def _decoded(address: str, where: str) -> bytes:
    """The bytes of a data URI or of bare base64; a fragment such as ``#transform=inline`` is ignored."""
    plain = address.partition("#")[0]
    head, comma, text = plain.partition(",")
    if plain.startswith("data:") and not (comma and head.endswith(";base64")):
        raise envelope_a(400, f"Only base64 data URIs are supported, field: '{where}.image_url.url'")
    try:
        return base64.b64decode(text if comma else plain, validate=True)
    except (binascii.Error, ValueError):
        raise envelope_a(400, f"Incorrect base64 in image, field: '{where}.image_url.url'") from None
