"""Obvious values in a user's words: a city after "in", an address, a quoted text. They fill tool arguments and JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAME = r"[A-ZÀ-Þ][\w'’.-]*[\w]"
_NAMES = rf"{_NAME}(?:(?:, and | and |, | or | ){_NAME})*"
_PLACES = re.compile(rf"\b(?:in|for|at|near|of|to|from|visit)\s+({_NAMES})")
_JOINTS = re.compile(r", and | and |, | or ")
_REGION = re.compile(r"[A-Z]{2}")
_JOURNEY = re.compile(rf"\bfrom\s+({_NAME}(?: {_NAME})*)\s+to\s+({_NAME}(?: {_NAME})*)")
_PERSON = re.compile(rf"\b(?:named|called|name is|I am|I'm)\s+({_NAME}(?: {_NAME})*)")
_QUOTED = re.compile(r"[\"“‘]([^\"”’]+)[\"”’]")
_PATTERNS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w"),
    "url": re.compile(r"https?://[^\s\"'<>]+"),
    "date": re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\b(?:today|tomorrow|yesterday)\b", re.IGNORECASE),
    "time": re.compile(r"\b\d{1,2}:\d{2}\b"),
}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

PLACE_WORDS = frozenset({"city", "location", "place", "town", "area", "country", "region", "destination", "where"})
WHOLE_WORDS = frozenset(
    {"query", "question", "prompt", "message", "text", "input", "content", "search", "q", "expression"}
)
FROM_WORDS = frozenset({"origin", "from", "departure", "source"})
TO_WORDS = frozenset({"destination", "to", "arrival", "target"})


def words(identifier: str) -> list[str]:
    """The lower-case words of a name such as ``get_current_weather`` or ``startDate``."""
    return [word.lower() for word in _WORDS.findall(identifier)]


def places(text: str) -> list[str]:
    """Names that stand where a place would: "in Paris and San Francisco, CA" gives two."""
    found: list[str] = []
    for match in _PLACES.finditer(text):
        for name in _JOINTS.split(match[1]):
            if _REGION.fullmatch(name) and found:
                found[-1] += f", {name}"
            else:
                found.append(name)
    return list(dict.fromkeys(found))


def takes_place(schema: Mapping[str, Any]) -> str | None:
    """The property of an object schema that holds a place, if one does."""
    return next((name for name in properties(schema) if PLACE_WORDS & set(words(name))), None)


def suggest(text: str, schema: Mapping[str, Any]) -> dict[str, str]:
    """Values found in a text for the properties of a schema, at any depth."""
    return {name: value for name, entry in _all_properties(schema) if (value := _value(text, name, entry)) is not None}


def properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of an object schema; empty where it has none."""
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _all_properties(schema: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(schema, dict):
        for name, entry in properties(schema).items():
            if isinstance(entry, dict):
                yield name, entry
        for value in schema.values():
            yield from _all_properties(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _all_properties(value)


def _value(text: str, name: str, entry: Mapping[str, Any]) -> str | None:
    if isinstance(choices := entry.get("enum"), list):
        return next((choice for choice in choices if isinstance(choice, str) and _mentions(text, choice)), None)
    parts = set(words(name))
    if journey := _JOURNEY.search(text):
        if parts & FROM_WORDS:
            return journey[1]
        if parts & TO_WORDS:
            return journey[2]
    if parts & PLACE_WORDS and (found := places(text)):
        return found[0]
    for kind, pattern in _PATTERNS.items():
        if kind in parts and (match := pattern.search(text)):
            return match[0]
    if "name" in parts and (match := _PERSON.search(text)):
        return match[1]
    if parts & WHOLE_WORDS:
        quoted = _QUOTED.search(text)
        return quoted[1] if quoted else text.strip() or None
    return None


def _mentions(text: str, choice: str) -> bool:
    return bool(choice) and re.search(rf"\b{re.escape(choice)}\b", text, re.IGNORECASE) is not None
