"""Takes out the one field that Fireworks' closed request schema refused, so that the call can be sent once more.

Other SDKs leave private keys in a conversation's history (``tool_name``, ``timestamp``, ``cache_control`` …). The
provider names the first it meets and refuses every later turn; what it names is removed from all messages alike,
because a call is repeated only once.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from emberway.providers.base import Written
from emberway.providers.fireworks_errors import invalid_paths, read_error

Step = str | None
"""A key, or ``None`` for every item of a list."""

_EXTRA = re.compile(r"Extra inputs are not permitted, field: '(?P<field>[^']+)'")
_STEPS = re.compile(r"\[(?P<index>[0-9]+)\]|(?P<key>[^.\[\]]+)")

ESSENTIAL = frozenset(
    {"model", "messages", "prompt", "input", "query", "documents", "stream", "tools", "response_format"}
)
"""Top-level fields without which it would be another call; where one of these is refused, the refusal is the answer."""
_ESSENTIAL_OF_MESSAGE = frozenset({"role", "content"})

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])


def without_refused_fields(written: Written, status: int, answer: bytes) -> Written | None:
    """The call less the fields that ``answer`` calls extra inputs; ``None`` if it names none that may go."""
    if status not in (400, 422):
        return None
    body = written.body
    rules = []
    for path in _refused(body, answer):
        shorter = _removed(body, path)
        if shorter is not body:
            body = shorter
            rules.append(f"extra_input:{_name(path)}")
    return replace(written, body=body, changed=(*written.changed, *rules)) if rules else None


def _refused(body: bytes, answer: bytes) -> list[tuple[Step, ...]]:
    paths = [tuple(path) for path in invalid_paths(answer, "extra_forbidden")]
    match = _EXTRA.search(read_error(answer).message)
    if match is not None:
        # One field is taken from a message: what follows quotes the client's own value, which may say anything.
        paths.append(_steps(match["field"]))
    generic = [tuple(None if isinstance(step, int) else step for step in path) for path in paths]
    return [path for path in dict.fromkeys(generic) if path and _may_go(path)]


def _steps(field: str) -> tuple[str | int, ...]:
    """``messages[2].content[0].cache_control`` → its keys and positions."""
    return tuple(match["key"] if match["key"] is not None else int(match["index"]) for match in _STEPS.finditer(field))


def _may_go(path: tuple[Step, ...]) -> bool:
    if path[-1] is None:
        return False  # an item of a list is content, not a field too many
    if len(path) == 1:
        return path[0] not in ESSENTIAL
    return not (path[:2] == ("messages", None) and len(path) == 3 and path[2] in _ESSENTIAL_OF_MESSAGE)


def _name(path: tuple[Step, ...]) -> str:
    return "".join("[]" if step is None else f".{step}" for step in path).removeprefix(".")


def _removed(text: bytes, path: tuple[Step, ...]) -> bytes:
    """``text`` without what stands at ``path``; the same object where nothing does, or where the way is missing."""
    step, *rest = path
    if step is None:
        return _removed_from_items(text, tuple(rest))
    try:
        fields = _object.decode(text)
    except msgspec.DecodeError:
        return text
    if step not in fields:
        return text
    if not rest:
        del fields[step]
        return msgspec.json.encode(fields)
    inner = bytes(fields[step])
    shorter = _removed(inner, tuple(rest))
    return text if shorter is inner else msgspec.json.encode({**fields, step: Raw(shorter)})


def _removed_from_items(text: bytes, path: tuple[Step, ...]) -> bytes:
    try:
        items = [bytes(item) for item in _list.decode(text)]
    except msgspec.DecodeError:
        return text
    shorter = [_removed(item, path) for item in items]
    if all(new is old for new, old in zip(shorter, items, strict=True)):
        return text
    return msgspec.json.encode([Raw(item) for item in shorter])
