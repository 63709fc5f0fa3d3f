"""Patterns of ``$regex``: JavaScript's dialect, in time that grows with the text alone (reliability-security, T17).

The original hands the text to ``new RegExp`` and can be stopped for ever with 25 characters. RE2 never goes back in
the text; docs/decisions/0012 has what was measured. What it may still take long over is a large pattern that is in a
new state with each character, so such a pattern gets to see less of the text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import re2  # type: ignore[import-untyped]  # it has no type stubs

from emberway.routing.characters import LAST, Characters
from emberway.routing.javascript import BadPattern, Choice, Edge, EdgeKind, Node, OneOf, Repeat, Sequence, read
from emberway.routing.states import has_few_states

__all__ = ["BadPattern", "compile_pattern"]

MOST_BYTES = 512
"""Of a pattern."""
MOST_TEXT = 64 * 1024
"""Bytes of a text, in UTF-8, that a pattern looks at: the first ones."""
LEAST_TEXT = 512
"""Bytes that a pattern must get to see; one that is too large for that is refused."""
MOST_WORK = 1 << 20
"""Instructions of RE2 times bytes of text, where each byte may lead to a new state: 12 ms at the most (measured)."""
MOST_STEPS = 16_000
"""Spent on asking whether a pattern has few states: 15 ms at the most (measured), when a config is compiled."""
MOST_PROGRAM = 8_192
"""Instructions of RE2 in a pattern that has few states."""
_KEEPS_STATES = 4 << 20
"""Bytes of memory at the most, used as states come up; a pattern with few of them stays far below (measured)."""
_DROPS_STATES = 1 << 18
"""The same where keeping them is in vain."""

_EDGES: dict[EdgeKind, str] = {
    "start": r"\A",
    "end": r"\z",
    "line_start": "(?m:^)",
    "line_end": "(?m:$)",
    "boundary": r"\b",
    "within": r"\B",
}


class _Regexp(Protocol):
    """What is used of a compiled pattern of RE2."""

    programsize: int

    def match(self, text: bytes) -> object | None: ...


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether the pattern is found anywhere in a text, as JavaScript's ``RegExp.test`` without flags says it.

    A function of the text's first 64 KiB. For a pattern that may be in a new state with each character, of its first
    ``MOST_WORK`` bytes divided by the number of its instructions: of 25 KiB for forty. Raises BadPattern.
    """
    size = len(pattern.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise BadPattern(f"it has {size:,} bytes, and at most {MOST_BYTES} are allowed")
    node = read(pattern)
    if has_few_states(node, MOST_STEPS):
        return _search(_compiled(node, _KEEPS_STATES, MOST_PROGRAM), MOST_TEXT)
    regexp = _compiled(node, _DROPS_STATES, MOST_WORK // LEAST_TEXT)
    return _search(regexp, min(MOST_WORK // regexp.programsize, MOST_TEXT))


def _search(regexp: _Regexp, longest: int) -> Callable[[str], bool]:
    match = regexp.match

    def is_in(text: str) -> bool:
        return match(_beginning(text, longest)) is not None

    return is_in


def _beginning(text: str, longest: int) -> bytes:
    """The first bytes of a text, without half a character at their end; half an emoji (JSON can hold it) passes."""
    whole = text[:longest].encode("utf-8", "surrogatepass")
    end = min(longest, len(whole))
    while end < len(whole) and whole[end] & 0xC0 == 0x80:
        end -= 1
    return whole[:end]


def _compiled(node: Node, memory: int, most_program: int) -> _Regexp:
    options = re2.Options()
    options.log_errors = False  # it would write to stderr
    options.never_capture = True
    options.longest_match = True  # then a state is a set; otherwise also an order, and there are many more of them
    options.max_mem = memory
    try:
        regexp: _Regexp = re2.compile(_whole(node).encode(), options)
    except re2.error:
        raise BadPattern(_TOO_LARGE) from None  # all else was found when it was read
    if regexp.programsize > most_program:
        raise BadPattern(_TOO_LARGE)
    return regexp


_TOO_LARGE = "its repetitions make it too large; ask for fewer, or for any number with `*` or `+`"


def _whole(node: Node) -> str:
    """RE2's text of a search. What comes before the place is said in the pattern, not left to RE2's own search: that
    would go back over the text to find where the match begins, and nobody asks."""
    return rf"\A(?:{_written(node)})" if _starts(node) else rf"\A(?s:.)*?(?:{_written(node)})"


def _starts(node: Node) -> bool:
    """Whether it can be found at the text's beginning only."""
    match node:
        case Edge(kind):
            return kind == "start"
        case Sequence(parts):
            return bool(parts) and _starts(parts[0])
        case Choice(parts):
            return all(map(_starts, parts))
        case _:
            return False


def _written(node: Node) -> str:
    match node:
        case OneOf(characters):
            return _set(characters)
        case Edge(kind):
            return _EDGES[kind]
        case Sequence(parts):
            return "".join(map(_written, parts))
        case Choice(parts):
            return f"(?:{'|'.join(map(_written, parts))})"
        case Repeat(part, least, most):
            return f"(?:{_written(part)}){{{least},{'' if most is None else most}}}"


def _set(characters: Characters) -> str:
    if not characters:
        return rf"[^\x{{0}}-\x{{{LAST:x}}}]"
    ranges = [rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in characters]
    return f"[{''.join(ranges)}]"
