"""Walks over the schemas inside a JSON Schema: the places that hold schemas, not examples, constants or names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

Steps = tuple[str | int, ...]
"""Keys and list positions from the root to a place."""

IN_VALUE: Final = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""Keywords whose value is a schema."""

IN_LIST: Final = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
"""Keywords whose value is a list of schemas; ``items`` up to draft 2019-09."""

IN_MAP: Final = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)
"""Keywords whose value maps names to schemas; the values of ``dependencies`` may be lists of names instead."""

MAX_DEPTH: Final = 200
"""Deepest nesting of values that is checked; jsonschema-rs stops at about 250."""


def subschemas(schema: object, at: Steps = ()) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Yield each schema that is an object, with its place, from the outside in."""
    waiting: list[tuple[Steps, object]] = [(at, schema)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            yield place, value
            waiting.extend(reversed(list(_children(place, value))))


def _children(place: Steps, schema: dict[str, Any]) -> Iterator[tuple[Steps, object]]:
    for keyword, value in schema.items():
        if keyword in IN_VALUE and isinstance(value, dict):
            yield (*place, keyword), value
        elif keyword in IN_LIST and isinstance(value, list):
            yield from (((*place, keyword, index), each) for index, each in enumerate(value))
        elif keyword in IN_MAP and isinstance(value, dict):
            yield from (((*place, keyword, name), each) for name, each in value.items())


def nests_deeper_than(value: object, limit: int) -> bool:
    """Whether lists and objects stand in each other more than ``limit`` levels deep."""
    level = [value]
    for _ in range(limit + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> list[object]:
    """The containers in a container; plain values are of no interest."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [member for member in members if isinstance(member, dict | list)]
