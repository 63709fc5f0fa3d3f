"""The query language of conditional routing, compiled: ``{"metadata.plan": {"$in": ["pro", "team"]}}``.

Portkey's language (specification 4.3.1) with its defects mended. All keys of a query must hold, also those that stand
beside ``$and`` and ``$or``; all operators of a field must, also beside ``$regex``; a path may be of any depth, with
positions in lists (``params.messages[0].role`` or ``params.messages.0.role``); ``$eq`` compares lists and objects by
what is in them. As at Portkey, equality knows no coercion, ``$gt`` and its kin read numbers out of texts, and ``$ne``
and ``$nin`` hold where there is no value (its documentation says otherwise, its code does this).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from math import isnan
from typing import Any

import msgspec

from emberway.errors import InvalidConfig
from emberway.routing.facts import Facts, Finding, Seen
from emberway.routing.patterns import BadPattern, compile_pattern

MOST_LEVELS = 32
"""Queries inside each other."""
MOST_COMPARISONS = 1_000
"""In one query."""
LONGEST_SEEN = 200
"""Characters of a value that a finding repeats."""

Examine = Callable[[Facts], Finding]
_Compare = Callable[[Any], bool]

_MISSING = object()
_NUMBER = re.compile(r"\s*([+-]?(?:Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([0-9]{1,9})\]")
_ROOTS = ("metadata", "params", "url")


def compile_query(query: object, at: str) -> Examine:
    """What the query finds in a call. ``at``: its JSON path in the config.

    Raises InvalidConfig, whose ``param`` is the path of what is wrong.
    """
    return _Compiler().query(query, at, 0)


def reads_params(query: object) -> bool:
    """Whether a query, or one within it, asks about the body."""
    if isinstance(query, Mapping):
        return any(str(key).startswith("params") or reads_params(value) for key, value in query.items())
    return isinstance(query, list) and any(map(reads_params, query))


class _Compiler:
    def __init__(self) -> None:
        self._comparisons = 0

    def query(self, query: object, at: str, level: int) -> Examine:
        """All that the query demands must hold."""
        if level > MOST_LEVELS:
            raise _wrong(at, f"Queries stand inside each other {MOST_LEVELS} times at most.")
        if not isinstance(query, Mapping):
            raise _wrong(
                at, f'A query is an object such as {{"metadata.plan": {{"$eq": "pro"}}}}, not {_shown(query)}.'
            )
        return _all([self._part(key, value, f"{at}.{key}", level) for key, value in query.items()])

    def _part(self, key: str, value: object, at: str, level: int) -> Examine:
        if key in ("$and", "$or"):
            if not isinstance(value, list):
                raise _wrong(at, f"{key} takes a list of queries, not {_shown(value)}.")
            parts = [self.query(each, f"{at}[{index}]", level + 1) for index, each in enumerate(value)]
            return _all(parts) if key == "$and" else _any(parts)
        if key.startswith("$"):
            near = _nearest(key, ("$and", "$or", *_OPERATORS))
            advice = f"Did you mean '{near}'?" if near else "A query's keys are fields, $and and $or."
            if near in _OPERATORS:
                advice = f'{near} belongs to a field: {{"metadata.plan": {{"{near}": …}}}}.'
            raise _wrong(at, f"There is no {key} here. {advice}")
        read = _reader(key, at)
        wanted = value if isinstance(value, Mapping) else {"$eq": value}
        return _all([self._comparison(key, name, operand, at, read) for name, operand in wanted.items()])

    def _comparison(self, where: str, name: str, operand: object, at: str, read: Callable[[Facts], Any]) -> Examine:
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            raise _wrong(at, f"A query makes {MOST_COMPARISONS:,} comparisons at most.")
        make = _OPERATORS.get(name)
        if make is None:
            near = _nearest(name, _OPERATORS)
            advice = f"Did you mean '{near}'?" if near else f"There are {', '.join(_OPERATORS)}."
            raise _wrong(f"{at}.{name}", f"There is no operator {_shown(name)}. {advice}")
        compare = make(operand, f"{at}.{name}")
        shown = _short(operand)

        def examine(facts: Facts) -> Finding:
            value = read(facts)
            holds = compare(value)
            return Finding(holds, (Seen(where, name, shown, None if value is _MISSING else _short(value), holds),))

        return examine


def _all(parts: Sequence[Examine]) -> Examine:
    if len(parts) == 1:
        return parts[0]

    def examine(facts: Facts) -> Finding:
        seen: tuple[Seen, ...] = ()
        for part in parts:
            found = part(facts)
            seen += found.seen
            if not found.holds:
                return Finding(False, seen)
        return Finding(True, seen)

    return examine


def _any(parts: Sequence[Examine]) -> Examine:
    def examine(facts: Facts) -> Finding:
        seen: tuple[Seen, ...] = ()
        for part in parts:
            found = part(facts)
            seen += found.seen
            if found.holds:
                return Finding(True, seen)
        return Finding(False, seen)

    return examine


# ---------------------------------------------------------------------------------------------------------- values


def _reader(key: str, at: str) -> Callable[[Facts], Any]:
    """The value that a path names in a call."""
    if key == "url.pathname":
        return lambda facts: facts.path
    root, _, rest = key.partition(".")
    if root not in ("metadata", "params") or not rest:
        near = _nearest(root, _ROOTS) or "metadata"
        example = "url.pathname" if near == "url" else f"{near}.{rest or 'plan'}"
        raise _wrong(
            at, f"The field {_shown(key)} is none of metadata.…, params.… and url.pathname. Write '{example}'."
        )
    steps = [each[1] or int(each[2]) for each in _STEP.finditer(rest)]
    if "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".") != rest.lstrip("."):
        raise _wrong(at, f"The path {_shown(key)} cannot be read. Write it like 'params.messages[0].role'.")
    if root == "metadata":
        return lambda facts: _value(facts.metadata, steps)
    return lambda facts: _value(facts.params, steps)


def _value(value: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(str(step), _MISSING)
        elif isinstance(value, list) and str(step).isdecimal() and str(step).isascii():
            value = value[int(step)] if int(step) < len(value) else _MISSING
        else:
            return _MISSING
    return value


def _is_equal(one: Any, other: Any) -> bool:
    """Equality without coercion: a truth value is no number, and a whole float is one with an integer (JSON's)."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_is_equal(value, other[key]) for key, value in one.items())
    return type(one) is type(other) and bool(one == other)


def _number(value: Any) -> float:
    """As JavaScript's ``parseFloat`` reads it; not a number where it finds none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return float("nan")
    if isinstance(value, str):
        found = _NUMBER.match(value)
        return float(found[1].replace("Infinity", "inf")) if found else float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


# ------------------------------------------------------------------------------------------------------- operators


def _eq(wanted: Any, at: str) -> _Compare:
    return lambda value: _is_equal(value, wanted)


def _ne(wanted: Any, at: str) -> _Compare:
    return lambda value: not _is_equal(value, wanted)


def _ordered(holds: Callable[[float, float], bool]) -> Callable[[Any, str], _Compare]:
    def make(wanted: Any, at: str) -> _Compare:
        bound = _number(wanted)
        if isnan(bound):
            raise _wrong(at, f"It takes a number, or a text that begins with one, not {_shown(wanted)}.")
        return lambda value: holds(_number(value), bound)  # with no number on the other side nothing holds

    return make


def _in(wanted: Any, at: str) -> _Compare:
    listed = _listed(wanted, at)
    return lambda value: any(_is_equal(value, each) for each in listed)


def _nin(wanted: Any, at: str) -> _Compare:
    listed = _listed(wanted, at)
    return lambda value: not any(_is_equal(value, each) for each in listed)


def _listed(wanted: Any, at: str) -> list[Any]:
    if not isinstance(wanted, list):
        raise _wrong(at, f"It takes a list of values, not {_shown(wanted)}.")
    return wanted


def _regex(wanted: Any, at: str) -> _Compare:
    if not isinstance(wanted, str):
        raise _wrong(at, f"It takes a pattern as a text, not {_shown(wanted)}.")
    try:
        found = compile_pattern(wanted)
    except BadPattern as error:
        raise _wrong(at, f"The pattern {_shown(wanted)} cannot be used: {error}.") from None

    def matches(value: Any) -> bool:
        if isinstance(value, bool | int | float):
            value = msgspec.json.encode(value).decode()
        return isinstance(value, str) and found(value)

    return matches


_OPERATORS: Mapping[str, Callable[[Any, str], _Compare]] = {
    "$eq": _eq,
    "$ne": _ne,
    "$gt": _ordered(lambda value, bound: value > bound),
    "$gte": _ordered(lambda value, bound: value >= bound),
    "$lt": _ordered(lambda value, bound: value < bound),
    "$lte": _ordered(lambda value, bound: value <= bound),
    "$in": _in,
    "$nin": _nin,
    "$regex": _regex,
}

# -------------------------------------------------------------------------------------------------------- messages


def _short(value: Any) -> Any:
    """A value as a finding tells it."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_SEEN else value[:LONGEST_SEEN] + "…"
    if isinstance(value, Mapping | list):
        return _short(_json(value))
    return value


def _json(value: Any) -> str:
    """A value as JSON, cut before it is written: bodies are long, and their beginning tells enough."""
    try:
        return msgspec.json.encode(_cut(value, 3)).decode()
    except (msgspec.EncodeError, UnicodeEncodeError):
        return type(value).__name__


def _cut(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_SEEN]
    if isinstance(value, Mapping):
        return {key: _cut(each, levels - 1) for key, each in islice(value.items(), 10 if levels else 0)}
    if isinstance(value, list):
        return [_cut(each, levels - 1) for each in value[: 10 if levels else 0]]
    return value


def _shown(value: object) -> str:
    text = _json(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _nearest(word: str, words: Sequence[str] | Mapping[str, object]) -> str | None:
    near = get_close_matches(word[:64], list(words), n=1)
    return near[0] if near else None


def _wrong(at: str, sentence: str) -> InvalidConfig:
    return InvalidConfig(f"{at}: {sentence}", param=at)
