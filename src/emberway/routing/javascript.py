"""Reads JavaScript's regular expressions into a tree: configs are written in that dialect, and RE2 speaks another.

What RE2 would read otherwise is read here as JavaScript does without flags: ``\\s`` is also the space that does not
break, ``[]`` is a set of nothing, ``[[:a]`` holds a bracket, ``\\cJ`` is a line feed. Two things are taken from its
``u`` flag, since nobody can mean the alternative: a character is a whole code point, never half of an emoji, and
``\\u{1F600}`` is one. ``(?i)`` at the beginning is ours, because a routing pattern has no place for flags.

Refused are look-around and back-references, for which no engine promises time that grows with the text alone, and
escapes that are none of JavaScript's, such as ``\\A`` and ``\\pL``: there they stand for a plain letter, and whoever
writes them does not mean that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from emberway.routing import characters
from emberway.routing.characters import Characters

MOST_GROUPS = 50
"""Groups inside each other."""
MOST_TIMES = 1_000
"""What a counted repetition may ask for: RE2's own bound."""

EdgeKind = Literal["start", "end", "line_start", "line_end", "boundary", "within"]


@dataclass(frozen=True, slots=True, eq=False)
class OneOf:
    """One character of a set."""

    characters: Characters


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """A place between two characters: ``^``, ``$``, ``\\b``, ``\\B``."""

    kind: EdgeKind


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One part after the other; nothing at all if there are none."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Any of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """The part, as often as that; ``most``: ``None`` for any number."""

    part: Node
    least: int
    most: int | None


Node = OneOf | Edge | Sequence | Choice | Repeat


class BadPattern(Exception):
    """The pattern cannot be used; the text says why, and what to write instead."""


def read(pattern: str) -> Node:
    """The tree of a pattern. Greedy and lazy repetition are the same in it: whether something is found is all we ask.

    Raises BadPattern.
    """
    reader = _Reader(pattern)
    node = reader.choice()
    if not reader.is_done:
        raise BadPattern("a `)` closes nothing; write `\\)` for the character")
    return node


_TIMES = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_GROUP = re.compile(r"\(\?(?:<([\w$]+)>|([ims]*)(?:-([ims]+))?:)")
_FLAGS = re.compile(r"\(\?([ims]+)\)")
_LOOKS_AROUND = re.compile(r"\(\?<?[=!]")
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,8})\}")
_SECOND_HALF = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")

_CLASSES = {
    "d": characters.DIGITS,
    "D": characters.complement(characters.DIGITS),
    "w": characters.WORDS,
    "W": characters.complement(characters.WORDS),
    "s": characters.SPACES,
    "S": characters.complement(characters.SPACES),
}
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D, "0": 0x00}
_BACKSPACE = 0x08
_DOT = characters.complement(characters.LINE_ENDS)
_TIMES_OF = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_INSTEAD = {
    "A": "write `^`",
    "z": "write `$`",
    "Z": "write `$`",
    "p": "write the range of characters, such as `[\\u4e00-\\u9fff]`",
    "P": "write the range of characters, such as `[^\\u4e00-\\u9fff]`",
    "h": "write `[ \\t]`",
    "Q": "write a `\\` before each special character",
}


class _Reader:
    """Reads from left to right; each method reads what its name says, from where the one before it stopped."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0
        self._groups = 0
        self._flags = frozenset[str]()
        if leading := _FLAGS.match(pattern):
            self._flags = frozenset(leading[1])
            self._at = leading.end()

    @property
    def is_done(self) -> bool:
        return self._at == len(self._text)

    def choice(self) -> Node:
        parts = [self._sequence()]
        while self._takes("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while not self.is_done and self._next not in "|)":
            parts.append(self._repeated())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self) -> Node:
        began = self._at
        node = self._part()
        times = self._times()
        if times is None:
            return node
        if isinstance(node, Edge) and self._text[began] != "(":
            raise BadPattern(f"`{self._text[began : self._at]}` repeats a place, which has no length")
        self._takes("?")
        if self._times() is not None:
            raise BadPattern(f"`{self._text[began : self._at]}` repeats a repetition; put the inner one in `(?:…)`")
        return Repeat(node, *times)

    def _times(self) -> tuple[int, int | None] | None:
        """How often what stands before is repeated; ``None`` where nothing says so, as with a ``{`` without number."""
        if self.is_done:
            return None
        if self._next in _TIMES_OF:
            return _TIMES_OF[self._take()]
        found = _TIMES.match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        if any(len(digits or "") > 9 for digits in (found[1], found[3])):
            raise BadPattern(f"`{found[0][:40]}` repeats more than {MOST_TIMES:,} times")
        least = int(found[1])
        most = None if found[2] and not found[3] else int(found[3] or least)
        if max(least, most or 0) > MOST_TIMES:
            raise BadPattern(f"`{found[0]}` repeats more than {MOST_TIMES:,} times")
        if most is not None and most < least:
            raise BadPattern(f"`{found[0]}` has its larger number first")
        return least, most

    def _part(self) -> Node:
        if _TIMES.match(self._text, self._at) or self._next in _TIMES_OF:
            sign = self._next
            raise BadPattern(f"before `{sign}` stands nothing to repeat; write `\\{sign}` for the character")
        match self._take():
            case "^":
                return Edge("line_start" if "m" in self._flags else "start")
            case "$":
                return Edge("line_end" if "m" in self._flags else "end")
            case ".":
                return OneOf(characters.ALL if "s" in self._flags else _DOT)
            case "(":
                return self._group()
            case "[":
                return self._set()
            case "\\":
                return self._escaped()
            case character:
                return self._one_of(characters.one(ord(character)))

    def _escaped(self) -> Node:
        if not self.is_done and self._next in "bB":
            return Edge("boundary" if self._take() == "b" else "within")
        escape = self._escape()
        return self._one_of(characters.one(escape)) if isinstance(escape, int) else OneOf(escape)

    def _one_of(self, found: Characters) -> OneOf:
        return OneOf(characters.without_case(found) if "i" in self._flags else found)

    # ------------------------------------------------------------------------------------------------------ groups

    def _group(self) -> Node:
        if self._groups == MOST_GROUPS:
            raise BadPattern(f"more than {MOST_GROUPS} groups stand inside each other")
        with self._inside(self._opened()):
            node = self.choice()
        if not self._takes(")"):
            raise BadPattern("a `(` is not closed; write `\\(` for the character")
        return node

    def _opened(self) -> frozenset[str]:
        """Read the rest of a group's beginning; the flags that count within."""
        if not self._text.startswith("?", self._at):
            return self._flags
        found = _GROUP.match(self._text, self._at - 1)
        if found is None:
            raise BadPattern(self._why_no_group())
        self._at = found.end()
        return (self._flags | set(found[2] or "")) - set(found[3] or "")

    def _why_no_group(self) -> str:
        if _LOOKS_AROUND.match(self._text, self._at - 1):
            return "look-ahead and look-behind are not supported, because they can take for ever; write it without them"
        if self._text.startswith("?>", self._at):
            return "atomic groups are not supported, nor needed: no pattern takes for ever here; write `(?:`"
        if self._text.startswith("?P<", self._at):
            return "`(?P<` is not JavaScript's; write `(?<`"
        if _FLAGS.match(self._text, self._at - 1):
            return "flags stand at the very beginning, or in a group of their own: `(?i:…)`"
        return f"`({self._text[self._at : self._at + 3]}` begins no group that JavaScript knows"

    @contextmanager
    def _inside(self, flags: frozenset[str]) -> Iterator[None]:
        outside, self._flags = self._flags, flags
        self._groups += 1
        yield
        self._groups -= 1
        self._flags = outside

    # -------------------------------------------------------------------------------------------------------- sets

    def _set(self) -> OneOf:
        is_negated = self._takes("^")
        ranges: list[characters.Range] = []
        while not self._takes("]"):
            ranges += self._range()
        found = characters.union(ranges)
        if "i" in self._flags:  # before it is negated: [^k] is neither k nor K
            found = characters.without_case(found)
        return OneOf(characters.complement(found) if is_negated else found)

    def _range(self) -> Characters:
        """``a-z``, or what stands alone; beside a class such as ``\\w`` a hyphen is one."""
        began = self._at
        low = self._member()
        if not self._text.startswith("-", self._at) or self._text.startswith("-]", self._at):
            return characters.one(low) if isinstance(low, int) else low
        self._at += 1
        high = self._member()
        if isinstance(low, int) and isinstance(high, int):
            if low > high:
                raise BadPattern(f"`{self._text[began : self._at]}` has its larger end first")
            return ((low, high),)
        ends = [characters.one(end) if isinstance(end, int) else end for end in (low, high)]
        return (*ends[0], *characters.one(ord("-")), *ends[1])

    def _member(self) -> int | Characters:
        if self.is_done:
            raise BadPattern("a `[` is not closed; write `\\[` for the character")
        character = self._take()
        if character != "\\":
            return ord(character)
        if self._takes("b"):
            return _BACKSPACE
        return self._escape()

    # ----------------------------------------------------------------------------------------------------- escapes

    def _escape(self) -> int | Characters:
        """What stands after a backslash: one character, or a class of them."""
        if self.is_done:
            raise BadPattern("nothing stands after its last `\\`; write `\\\\` for the character")
        if found := _HEX.match(self._text, self._at):
            return self._by_number(found)
        character = self._take()
        if character in _CLASSES:
            return _CLASSES[character]
        if character in _CONTROLS and not (character == "0" and not self.is_done and self._next in "0123456789"):
            return _CONTROLS[character]
        if character == "c" and not self.is_done and self._next.isascii() and self._next.isalpha():
            return ord(self._take()) % 32
        if character.isascii() and character.isalnum():
            raise BadPattern(self._why_no_escape(character))
        return ord(character)

    def _by_number(self, found: re.Match[str]) -> int:
        self._at = found.end()
        code = int(found[1] or found[2] or found[3], 16)
        if code > characters.LAST:
            raise BadPattern(f"`\\{found[0]}` is beyond the last character there is")
        if found[2] and 0xD800 <= code < 0xDC00 and (low := _SECOND_HALF.match(self._text, self._at)):
            self._at = low.end()
            return 0x10000 + (code - 0xD800) * 0x400 + int(low[1], 16) - 0xDC00
        return code

    def _why_no_escape(self, character: str) -> str:
        if character == "k" or character in "123456789":
            return "back-references are not supported, because they can take for ever; write it without them"
        instead = _INSTEAD.get(character, f"write `{character}` alone if you mean the character")
        return f"`\\{character}` is no escape of a JavaScript pattern without flags; {instead}"

    # -------------------------------------------------------------------------------------------------- characters

    @property
    def _next(self) -> str:
        return self._text[self._at]

    def _take(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _takes(self, character: str) -> bool:
        is_there = self._text.startswith(character, self._at)
        self._at += is_there
        return is_there
