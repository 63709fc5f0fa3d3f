"""Changes single places of a JSON text and leaves the bytes of every other value as they came."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw

Path = Sequence[str | int]
"""Keys and list positions from the outside in, e.g. ``("messages", 2, "timestamp")``."""

_object = msgspec.json.Decoder(dict[str, Raw])
_array = msgspec.json.Decoder(list[Raw])


def set_value(text: bytes, path: Path, value: bytes) -> bytes:
    """``text`` with the JSON ``value`` at ``path``; a missing last key is added.

    KeyError or IndexError if the way there is missing.
    """
    return _edit(text, path, value)


def remove(text: bytes, path: Path) -> bytes:
    """``text`` without the object key or list item at ``path``; KeyError or IndexError if it is not there."""
    return _edit(text, path, None)


def update(text: bytes, values: dict[str, bytes | None]) -> bytes:
    """The object ``text`` with top-level keys replaced, added, or removed where the new value is ``None``."""
    fields = _object.decode(text)
    for key, value in values.items():
        if value is None:
            fields.pop(key, None)
        else:
            fields[key] = Raw(value)
    return msgspec.json.encode(fields)


EVERY = None
"""A step that stands for each item of a list."""


def drop(text: bytes, path: Sequence[str | int | None]) -> bytes:
    """``text`` without what stands at ``path``, where ``EVERY`` may be a step; what is not there is not missed."""
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if text[:1] != b"{":
            return text
        fields = _object.decode(text)
        if step in fields:
            if rest:
                fields[step] = Raw(drop(bytes(fields[step]), rest))
            else:
                del fields[step]
        return msgspec.json.encode(fields)
    if text[:1] != b"[":
        return text
    items = _array.decode(text)
    chosen = range(len(items)) if step is None else [step] if step < len(items) else []
    if not rest:
        dropped = set(chosen)
        return msgspec.json.encode([item for index, item in enumerate(items) if index not in dropped])
    for index in chosen:
        items[index] = Raw(drop(bytes(items[index]), rest))
    return msgspec.json.encode(items)


def _edit(text: bytes, path: Path, value: bytes | None) -> bytes:
    step, *rest = path
    container: dict[str, Raw] | list[Raw]
    container = _array.decode(text) if isinstance(step, int) else _object.decode(text)
    if rest:
        container[step] = Raw(_edit(bytes(container[step]), rest, value))  # type: ignore[index]  # step fits container
    elif value is None:
        del container[step]  # type: ignore[arg-type]  # same
    else:
        container[step] = Raw(value)  # type: ignore[index]  # same
    return msgspec.json.encode(container)
