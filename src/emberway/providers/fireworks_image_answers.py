"""Reads the images in Fireworks' answers, in all the ways they come, and writes them the way OpenAI's clients read."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from emberway.errors import BadAnswer, InvalidCall
from emberway.providers.base import Answer

FILTERED = "CONTENT_FILTERED"

_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
)
_DATA_HEAD = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?;base64,", re.ASCII)


@dataclass(frozen=True, slots=True)
class Image:
    """One image of an answer, or the word that there is none."""

    base64: str
    """Empty where the provider's filter left nothing."""
    media_type: str = ""
    seed: int | None = None
    finish_reason: str | None = None


class _Item(Struct, rename={"finish_reason": "finishReason"}):
    base64: str | list[str] | None = None
    finish_reason: str | None = None
    seed: int | None = None


_items = msgspec.json.Decoder(list[_Item] | _Item)


def read_images(answer: Answer) -> list[Image]:
    """The images of a good answer: binary, SDXL's array, or FLUX's object with one text or several.

    BadAnswer if it holds none and does not say that the filter took them.
    """
    if media_type(answer.body) or answer.headers.get(b"content-type", b"").startswith(b"image/"):
        return [binary_image(answer)]
    try:
        items = _items.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadAnswer("The provider's answer to an image call is neither an image nor a list of images.") from None
    images = [image for item in (items if isinstance(items, list) else [items]) for image in _of_item(item)]
    if not images:
        raise BadAnswer("The provider's answer to an image call holds no image.")
    return images


def binary_image(answer: Answer) -> Image:
    """An answer whose body is the image, its seed and finish reason in headers."""
    kind = media_type(answer.body)
    finish_reason = answer.headers.get(b"finish-reason", b"").decode("latin-1") or None
    if not kind and finish_reason != FILTERED:
        raise BadAnswer("The provider's answer to an image call is not a PNG, JPEG or WebP image.")
    seed = answer.headers.get(b"seed", b"")
    return Image(
        b64encode(answer.body).decode() if kind else "", kind, int(seed) if seed.isdigit() else None, finish_reason
    )


def text_image(text: str, seed: int | None = None, finish_reason: str | None = None) -> Image:
    """An image as base64, with or without the head of a ``data:`` address; BadAnswer if it is not base64."""
    head = _DATA_HEAD.match(text)
    base64 = text[head.end() :] if head else text
    try:
        kind = media_type(b64decode(base64[:32], validate=True))
    except (NotBase64, ValueError):
        raise BadAnswer("The provider's answer to an image call holds an image that is not base64.") from None
    named = head["type"] if head else None
    return Image(base64, kind or named or "application/octet-stream", seed, finish_reason)


def media_type(start: bytes) -> str:
    """What kind of image begins with these bytes; empty if none that we know."""
    return next((kind for magic, kind in _MAGIC if magic.match(start)), "")


def openai_answer(images: Sequence[Image], *, created: float, links: bool) -> bytes:
    """OpenAI's answer to an image call; with ``links`` each image has a ``data:`` address in ``url`` as well.

    InvalidCall if the provider's filter took every one of them.
    """
    if all(image.finish_reason == FILTERED for image in images):
        raise InvalidCall(
            "The provider's safety filter took every image of this call. Send another prompt.",
            param="prompt",
            code="content_filtered",
        )
    data = [_entry(image, links) for image in images]
    return msgspec.json.encode({"created": int(created), "data": data})


def _of_item(item: _Item) -> list[Image]:
    texts = item.base64 if isinstance(item.base64, list) else [item.base64 or ""]
    if item.finish_reason == FILTERED and not any(texts):
        return [Image("", "", item.seed, FILTERED)]
    return [text_image(text, item.seed, item.finish_reason) for text in texts if text]


def _entry(image: Image, links: bool) -> dict[str, str | int]:
    entry: dict[str, str | int] = {}
    if image.base64:
        entry["b64_json"] = image.base64
    if image.base64 and links:
        entry["url"] = f"data:{image.media_type};base64,{image.base64}"
    if image.seed is not None:
        entry["seed"] = image.seed
    if image.finish_reason is not None:
        entry["finish_reason"] = image.finish_reason
    return entry
