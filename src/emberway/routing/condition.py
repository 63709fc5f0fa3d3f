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
from itertools import islice
from typing import Any

from emberway.errors import InvalidConfig
from emberway.routing.comparison import MISSING, OPERATORS, BadOperand, Compare
from emberway.routing.config_error import nearest, shown
from emberway.routing.facts import Facts, Finding, Seen

MOST_LEVELS = 32
"""Queries inside each other."""
MOST_COMPARISONS = 1_000
"""In one query; what compares nothing, such as ``{}``, counts as one, so that nothing is free."""
LONGEST_SEEN = 200
"""Characters of a text that a finding repeats; a quarter of it within lists and objects."""
MOST_SEEN = 5
"""Members of a list or object that a finding repeats, and of those within it."""

Examine = Callable[[Facts], Finding]
_Check = Callable[[Facts, list[Seen]], bool]
"""Whether it holds; what it compares until that is certain, it adds to the list."""

_LONGEST_KEY = 64
_PATH = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[(?:0|[1-9][0-9]{0,8})\])*")
_STEP = re.compile(r"[^.\[\]]+")


def compile_query(query: object, at: str) -> Examine:
    """What the query finds in a call. ``at``: its JSON path in the config.

    Raises InvalidConfig, whose ``param`` is the path of what is wrong. What it gives back raises nothing, whatever the
    call holds: its values are those of decoded JSON.
    """
    check = _Compiler().query(query, at, 0)

    def examine(facts: Facts) -> Finding:
        seen: list[Seen] = []
        holds = check(facts, seen)
        return Finding(holds, tuple(seen))

    return examine


def reads_params(query: object) -> bool:
    """Whether a query, or one within it, asks about the body."""
    waiting = [query]
    while waiting:
        each = waiting.pop()
        for key, value in each.items() if isinstance(each, Mapping) else ():
            if key.startswith("params."):
                return True
            if key in ("$and", "$or") and isinstance(value, list):
                waiting += value
    return False


class _Compiler:
    def __init__(self) -> None:
        self._comparisons = 0

    def query(self, query: object, at: str, level: int) -> _Check:
        """All that the query demands must hold."""
        if level > MOST_LEVELS:
            raise _wrong(at, f"Queries stand inside each other {MOST_LEVELS} times at most.")
        if not isinstance(query, Mapping):
            raise _wrong(at, f'A query is an object such as {{"metadata.plan": {{"$eq": "pro"}}}}, not {shown(query)}.')
        self._count(at, len(query) == 0)
        return _all([self._part(key, value, f"{at}.{key[:_LONGEST_KEY]}", level) for key, value in query.items()])

    def _part(self, key: str, value: object, at: str, level: int) -> _Check:
        if key in ("$and", "$or"):
            if not isinstance(value, list):
                raise _wrong(at, f"{key} takes a list of queries, not {shown(value)}.")
            self._count(at, len(value) == 0)
            parts = [self.query(each, f"{at}[{index}]", level + 1) for index, each in enumerate(value)]
            return _all(parts) if key == "$and" else _any(parts)
        if key.startswith("$"):
            raise _wrong(at, f"There is no {_name(key)} here. {_advice_for(key)}")
        wanted = value if isinstance(value, Mapping) else {"$eq": value}
        self._count(at, len(wanted) == 0)
        tests = [self._test(name, operand, at) for name, operand in wanted.items()]
        return _field(key, _reader(key, at), tests)

    def _test(self, name: str, operand: object, at: str) -> tuple[str, Any, Compare]:
        self._count(at)
        place = f"{at}.{name[:_LONGEST_KEY]}"
        make = OPERATORS.get(name)
        if make is None:
            near = nearest(name, OPERATORS)
            advice = f"Did you mean '{near}'?" if near else f"There are {', '.join(OPERATORS)}."
            raise _wrong(place, f"There is no operator '{_name(name)}'. {advice}")
        try:
            return name, _short(operand), make(operand)
        except BadOperand as error:
            # A pattern is shown as it is: it would look like a credential to what hides those.
            value = f'"{_name(operand)}"' if isinstance(operand, str) and name == "$regex" else shown(operand)
            raise _wrong(place, f"{error} Here stands {value}.") from None

    def _count(self, at: str, is_one: bool = True) -> None:
        self._comparisons += is_one
        if self._comparisons > MOST_COMPARISONS:
            raise _wrong(at, f"A query makes {MOST_COMPARISONS:,} comparisons at most.")


def _all(parts: Sequence[_Check]) -> _Check:
    if len(parts) == 1:
        return parts[0]
    return lambda facts, seen: all(part(facts, seen) for part in parts)


def _any(parts: Sequence[_Check]) -> _Check:
    return lambda facts, seen: any(part(facts, seen) for part in parts)


def _field(where: str, read: Callable[[Facts], Any], tests: Sequence[tuple[str, Any, Compare]]) -> _Check:
    def check(facts: Facts, seen: list[Seen]) -> bool:
        value = read(facts)
        found = None if value is MISSING else _short(value)
        for operator, wanted, compare in tests:
            holds = compare(value)
            seen.append(Seen(where, operator, wanted, found, holds))
            if not holds:
                return False
        return True

    return check


# ---------------------------------------------------------------------------------------------------------- values


def _reader(key: str, at: str) -> Callable[[Facts], Any]:
    """The value that a path names in a call, or MISSING. A key that is spelt with the dots comes first."""
    if key == "url.pathname":
        return lambda facts: facts.path
    root, _, rest = key.partition(".")
    if root not in ("metadata", "params") or not rest:
        near = nearest(root, ("metadata", "params", "url")) or "metadata"
        example = "url.pathname" if near == "url" else f"{near}.{rest[:_LONGEST_KEY] or 'plan'}"
        raise _wrong(
            at, f"The field '{_name(key)}' is none of metadata.…, params.… and url.pathname. Write '{example}'."
        )
    steps = _steps(rest)
    if not steps:
        raise _wrong(at, f"The path '{_name(key)}' cannot be read. Write it like 'params.messages[0].role'.")
    if root == "metadata":
        return lambda facts: _value(facts.metadata, rest, steps)
    return lambda facts: _value(facts.params, rest, steps)


def _steps(path: str) -> tuple[tuple[str, int | None], ...]:
    """Each step as a key and, where it can be one, as a position; none at all if the path cannot be read."""
    keys: list[str] = _STEP.findall(path) if _PATH.fullmatch(path) else []
    return tuple((key, int(key) if key.isascii() and key.isdecimal() and len(key) < 10 else None) for key in keys)


def _value(values: Mapping[str, Any], whole: str, steps: tuple[tuple[str, int | None], ...]) -> Any:
    if whole in values:
        return values[whole]
    value: Any = values
    for key, position in steps:
        if isinstance(value, Mapping):
            value = value.get(key, MISSING)
        elif isinstance(value, list) and position is not None and position < len(value):
            value = value[position]
        else:
            return MISSING
    return value


# -------------------------------------------------------------------------------------------------------- messages


def _short(value: Any, levels: int = 2) -> Any:
    """A value as a finding tells it: bodies are long, and their beginning tells enough."""
    if isinstance(value, str):
        longest = LONGEST_SEEN if levels == 2 else LONGEST_SEEN // 4
        return value if len(value) <= longest else value[:longest] + "…"
    if isinstance(value, Mapping):
        members = islice(value.items(), MOST_SEEN if levels else 0)
        return {_short(key, 0): _short(each, levels - 1) for key, each in members}
    if isinstance(value, list):
        return [_short(each, levels - 1) for each in value[: MOST_SEEN if levels else 0]]
    return value


def _advice_for(key: str) -> str:
    near = nearest(key, ("$and", "$or", *OPERATORS))
    if near is None:
        return "A query's keys are fields, $and and $or."
    if near in OPERATORS:
        return f'{near} belongs to a field: {{"metadata.plan": {{"{near}": …}}}}.'
    return f"Did you mean '{near}'?"


def _name(text: str) -> str:
    return text if len(text) <= _LONGEST_KEY else f"{text[:_LONGEST_KEY]}…"


def _wrong(at: str, sentence: str) -> InvalidConfig:
    return InvalidConfig(f"{at}: {sentence}", param=at)
