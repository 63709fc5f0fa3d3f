"""The operators of conditional routing: what each takes, and how it compares a value of a call with that.

Portkey's rules (specification 4.3.1). Equality knows no coercion and, unlike the original's, looks into lists and
objects. Order is that of the numbers that ``parseFloat`` reads. What is missing is unequal to all, and in no list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isnan, nan
from typing import Any

from emberway.routing.patterns import BadPattern, compile_pattern

Compare = Callable[[Any], bool]

MISSING = object()
"""Stands for a value that is not there: no JSON value, so it is equal to none and neither number nor text."""
MOST_LEVELS = 32
"""Lists and objects inside each other in an operand: how deep a comparison goes at the most."""

_NUMBER = re.compile(r"\s*([+-]?(?:Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))")
_WRITTEN_OUT = 1e21
"""The number from which on JavaScript writes an exponent."""


class BadOperand(Exception):
    """An operator does not take such a value; the text is a sentence that begins with what it takes."""


def is_equal(one: Any, other: Any) -> bool:
    """JSON's equality: ``1`` is ``1.0`` and not ``true``; lists in order, objects in any."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_equal(value, other[key]) for key, value in one.items())
    return type(one) is type(other) and bool(one == other)


def number(value: Any) -> float:
    """The number that a value is, or that a text begins with, as ``parseFloat`` reads it; not a number for all else."""
    if isinstance(value, str):
        found = _NUMBER.match(value)
        return float(found[1].replace("Infinity", "inf")) if found else nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        return nan
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def text(value: Any) -> str | None:
    """What a pattern looks at: a text, or a number or truth value as JavaScript writes it; ``None`` for all else.

    The original looks at the word ``undefined`` where nothing is, and at ``[object Object]`` for an object.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float):
        return None
    return str(int(value)) if abs(value) < _WRITTEN_OUT and value == int(value) else repr(number(value))


def _equal(wanted: Any) -> Compare:
    if not _is_shallow(wanted, MOST_LEVELS):
        raise BadOperand(f"It takes a value of at most {MOST_LEVELS} lists and objects inside each other.")
    if isinstance(wanted, str):
        return lambda value: bool(value == wanted)  # a text is equal to texts alone
    return lambda value: is_equal(value, wanted)


def _listed(wanted: Any) -> Compare:
    if not isinstance(wanted, list) or not _is_shallow(wanted, MOST_LEVELS):
        raise BadOperand("It takes a list of values.")
    texts = frozenset(each for each in wanted if isinstance(each, str))
    numbers = frozenset(each for each in wanted if isinstance(each, int | float) and not isinstance(each, bool))
    others = [each for each in wanted if isinstance(each, bool) or not isinstance(each, str | int | float)]

    def is_listed(value: Any) -> bool:
        if isinstance(value, str):
            return value in texts
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value in numbers
        return any(is_equal(value, each) for each in others)

    return is_listed


def _ordered(holds: Callable[[float, float], bool]) -> Callable[[Any], Compare]:
    def make(wanted: Any) -> Compare:
        bound = number(wanted)
        if isnan(bound):
            raise BadOperand("It takes a number, or a text that begins with one.")
        return lambda value: holds(number(value), bound)  # with no number on the other side nothing holds

    return make


def _not(make: Callable[[Any], Compare]) -> Callable[[Any], Compare]:
    def make_opposite(wanted: Any) -> Compare:
        holds = make(wanted)
        return lambda value: not holds(value)

    return make_opposite


def _pattern(wanted: Any) -> Compare:
    if not isinstance(wanted, str):
        raise BadOperand("It takes a pattern as a text.")
    try:
        is_in = compile_pattern(wanted)
    except BadPattern as error:
        raise BadOperand(f"The pattern cannot be used: {error}.") from None

    def matches(value: Any) -> bool:
        seen = text(value)
        return seen is not None and is_in(seen)

    return matches


def _is_shallow(value: Any, levels: int) -> bool:
    """Recursion of Python is bounded, and a body may be as deep as it likes."""
    if isinstance(value, dict):
        return levels > 0 and all(_is_shallow(each, levels - 1) for each in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_is_shallow(each, levels - 1) for each in value)
    return True


OPERATORS: Mapping[str, Callable[[Any], Compare]] = {
    "$eq": _equal,
    "$ne": _not(_equal),
    "$gt": _ordered(lambda value, bound: value > bound),
    "$gte": _ordered(lambda value, bound: value >= bound),
    "$lt": _ordered(lambda value, bound: value < bound),
    "$lte": _ordered(lambda value, bound: value <= bound),
    "$in": _listed,
    "$nin": _not(_listed),
    "$regex": _pattern,
}
"""What makes a comparison out of an operand. Raises BadOperand."""
