"""Sets of characters as JavaScript means them, which is not always as other engines do.

A set is a tuple of ranges of code points, both ends within, sorted, none touching the next. Sources: ECMAScript 2024,
sections 22.2.2.7 (``Canonicalize``), 22.2.2.9 (``CharacterClassEscape``), 12.2 and 12.3 (white space, line ends).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import chain, pairwise

Range = tuple[int, int]
Characters = tuple[Range, ...]

LAST = 0x10FFFF
ALL: Characters = ((0, LAST),)
NONE: Characters = ()
DIGITS: Characters = ((0x30, 0x39),)
LETTERS: Characters = ((0x41, 0x5A), (0x61, 0x7A))
"""Of ASCII."""
WORDS: Characters = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
"""``\\w``: ASCII alone."""
LINE_ENDS: Characters = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
SPACES: Characters = (
    (0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
"""``\\s``: also the space that does not break, which texts copied from elsewhere are full of."""

_FEW = 256
"""Characters of a set up to which each is looked up by itself."""


def one(code: int) -> Characters:
    """The set of a single character."""
    return ((code, code),)


def union(ranges: Iterable[Range]) -> Characters:
    """The set of all that lies in any of ``ranges``, which may overlap and stand in any order."""
    joined: list[Range] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def complement(characters: Characters) -> Characters:
    """Every character but these."""
    edges = ((-1, -1), *characters, (LAST + 1, LAST + 1))
    return tuple((low + 1, high - 1) for (_, low), (high, _) in pairwise(edges) if low + 1 < high)


def contains(characters: Characters, code: int) -> bool:
    """Whether ``code`` lies in the set."""
    at = bisect_right(characters, (code, LAST))
    return at > 0 and code <= characters[at - 1][1]


def without_case(characters: Characters) -> Characters:
    """The set, and all that differs from one of it in nothing but case."""
    alike = _ASCII_LETTERS if not characters or characters[-1][1] < 0x80 else _letters()
    if sum(high - low + 1 for low, high in characters) <= _FEW:
        members = [code for low, high in characters for code in range(low, high + 1)]
    else:
        members = [code for code in alike if contains(characters, code)]
    found = chain.from_iterable(alike.get(code, ()) for code in members)
    return union((*characters, *((code, code) for code in found)))


_ASCII_LETTERS = {code: (code, code ^ 0x20) for low, high in LETTERS for code in range(low, high + 1)}
"""Each character that has others beside it which differ in case alone → all of them; here none lies beyond ASCII."""


@cache
def _letters() -> dict[int, tuple[int, ...]]:
    """The same for all characters; found when the first pattern asks, which takes 12 ms (measured).

    JavaScript without its ``u`` flag: two are alike if their upper case is, where that is one character, and an upper
    case in ASCII counts for ASCII alone (so the sign for kelvin is no k). Beyond the first plane there is no case.
    """
    groups: defaultdict[int, set[int]] = defaultdict(set)
    for code in range(0x80, 0x10000):
        upper = chr(code).upper()
        if len(upper) == 1 and ord(upper) >= 0x80 and ord(upper) != code:
            groups[ord(upper)] |= {ord(upper), code}
    return _ASCII_LETTERS | {code: tuple(group) for group in groups.values() for code in group}
