"""Joins two JSON Schemas into one that means both, for ``allOf``, and for ``$ref`` or choices beside other keywords."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fireworks_emulator.schemas import Schema


def merge(one: Schema, other: Schema) -> Schema:
    """What both ask, keyword by keyword; where no single keyword can say it, ``allOf`` keeps the rest."""
    merged = dict(one)
    for keyword, value in other.items():
        if keyword not in merged:
            merged[keyword] = value
        elif keyword in _JOIN:
            merged[keyword] = _JOIN[keyword](merged[keyword], value)
        elif keyword in ("anyOf", "oneOf", "$ref") and merged[keyword] != value:
            merged = {**merged, "allOf": [*merged.get("allOf", []), {keyword: value}]}
    _close(merged, one, other)
    return merged


def _close(merged: Schema, one: Schema, other: Schema) -> None:
    """``additionalProperties: false`` beside one side's properties forbids those that only the other side declares."""
    for closed, extra in ((one, other), (other, one)):
        if closed.get("additionalProperties") is False and "patternProperties" not in closed:
            for key in extra.get("properties", {}).keys() - closed.get("properties", {}).keys():
                merged["properties"] = {**merged["properties"], key: False}


def _join_types(one: Any, other: Any) -> Any:
    first = {one} if isinstance(one, str) else set(one)
    second = {other} if isinstance(other, str) else set(other)
    common = first & second
    if "number" in first | second and "integer" in first | second:
        common |= {"integer"}
    names = sorted(common)
    return names[0] if len(names) == 1 else names


def _join_properties(one: Schema, other: Schema) -> Schema:
    return {
        key: _join_members(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
        for key in (*one, *(key for key in other if key not in one))
    }


def _join_members(one: Any, other: Any) -> Any:
    if one is False or other is False:
        return False
    if one is True or other is True:
        return other if one is True else one
    return merge(one, other)


_JOIN: dict[str, Callable[[Any, Any], Any]] = {
    "type": _join_types,
    "enum": lambda one, other: [value for value in one if value in other],
    "properties": _join_properties,
    "patternProperties": _join_properties,
    "items": _join_members,
    "additionalProperties": _join_members,
    "prefixItems": lambda one, other: [
        *(_join_members(a, b) for a, b in zip(one, other, strict=False)),
        *max(one, other, key=len)[min(len(one), len(other)) :],
    ],
    "required": lambda one, other: [*one, *(key for key in other if key not in one)],
    "allOf": lambda one, other: [*one, *other],
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
