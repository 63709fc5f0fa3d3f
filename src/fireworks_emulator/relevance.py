"""What texts are about, as far as their letters tell: words and pieces of words, compared and turned into vectors."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

_WORD = re.compile(r"[^\W_]+")
_COMMON = frozenset(
    _WORD.findall(
        "a an and are as at be but by can could did do does for from had has have how i if in is it its me my no not "
        "of on or our she that the their them they this to was we were what when where which who why will with would "
        "you your"
    )
)
WORD_WEIGHT = 2.0
COMMON_WEIGHT = 0.2
PIECE = 4
"""Letters of a word piece; a word's boundaries count as letters, so that "cat" and "cats" share one."""

FIRST_BLOCK = 16
PLACES = 3
"""Each feature adds to so many places of each block, the blocks doubling in size: a shortened vector still tells texts
apart, as those of models that allow it do."""


def features(text: str) -> Counter[str]:
    """Words and pieces of words with their weights."""
    found: Counter[str] = Counter()
    for word in _WORD.findall(text.casefold()):
        weights = COMMON_WEIGHT if word in _COMMON else WORD_WEIGHT
        found[word] += weights  # type: ignore[assignment]  # a Counter adds floats as well
        if word not in _COMMON:
            bounded = f"<{word}>"
            found.update("#" + bounded[at : at + PIECE] for at in range(max(1, len(bounded) - PIECE + 1)))
    return found


def id_features(ids: Iterable[int]) -> Counter[str]:
    """The features of a text that came as token ids."""
    return Counter(f"@{identifier}" for identifier in ids)


def vector(found: Mapping[str, float], dimensions: int) -> list[float]:
    """A direction of unit length in which similar texts are near each other; the same in every process."""
    values = [0.0] * dimensions
    for feature, weight in (found or {"": 1.0}).items():
        amount = math.sqrt(weight)
        for place, sign in _places(feature, dimensions):
            values[place] += amount * sign
    return unit(values)


def unit(values: list[float]) -> list[float]:
    """The same direction with length 1."""
    length = math.sqrt(sum(value * value for value in values))
    if not length:
        return [1.0, *([0.0] * (len(values) - 1))]
    return [value / length for value in values]


def score(query: str, document: str) -> float:
    """How well a document answers a query, between 0 and 1: how much of the query it covers, and likeness."""
    asked, told = features(query), features(document)
    total = sum(asked.values())
    if not total:
        return 0.0
    covered = sum(weight for feature, weight in asked.items() if feature in told) / total
    return 1 / (1 + math.exp(4 - 8 * (0.7 * covered + 0.3 * _cosine(asked, told))))


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    shared = sum(weight * other[feature] for feature, weight in one.items() if feature in other)
    lengths = math.sqrt(sum(w * w for w in one.values()) * sum(w * w for w in other.values()))
    return shared / lengths if lengths else 0.0


def _places(feature: str, dimensions: int) -> list[tuple[int, int]]:
    """Where a feature counts in a vector, and with which sign. Eight bytes of its digest choose one place."""
    digest = hashlib.shake_128(feature.encode("utf-8", "surrogatepass")).digest(8 * PLACES * 16)
    found: list[tuple[int, int]] = []
    begin, end, at = 0, min(FIRST_BLOCK, dimensions), 0
    while begin < dimensions:
        for _ in range(PLACES):
            number = int.from_bytes(digest[at : at + 8], "little")
            found.append((begin + (number >> 1) % (end - begin), 1 if number & 1 else -1))
            at += 8
        begin, end = end, min(2 * end, dimensions)
    return found
