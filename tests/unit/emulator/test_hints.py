"""Obvious values are lifted from what a user wrote."""

from __future__ import annotations

from typing import Any

import pytest

from fireworks_emulator.hints import places, suggest, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What is the weather in Paris?", ["Paris"]),
        ("Compare Paris and London", []),
        ("Weather in Paris and London today", ["Paris", "London"]),
        ("How warm is it in San Francisco, CA?", ["San Francisco, CA"]),
        ("Is it raining in Rome, Oslo and New York?", ["Rome", "Oslo", "New York"]),
        ("in general, no", []),
    ],
)
def test_places_are_found_after_their_prepositions(text: str, found: list[str]) -> None:
    assert places(text) == found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("get_current_weather", ["get", "current", "weather"]),
        ("startDate", ["start", "date"]),
        ("HTTPServer", ["http", "server"]),
    ],
)
def test_a_name_is_read_as_words(name: str, expected: list[str]) -> None:
    assert words(name) == expected


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


STRING = {"type": "string"}


@pytest.mark.parametrize(
    ("text", "properties", "values"),
    [
        (
            "Weather in Oslo in celsius",
            {"city": STRING, "unit": {"enum": ["celsius", "fahrenheit"]}},
            {"city": "Oslo", "unit": "celsius"},
        ),
        (
            "Fly from Berlin to New York",
            {"origin": STRING, "destination": STRING},
            {"origin": "Berlin", "destination": "New York"},
        ),
        (
            "Write to ann@example.org on 2026-03-01",
            {"email": STRING, "start_date": STRING},
            {"email": "ann@example.org", "start_date": "2026-03-01"},
        ),
        ('Search for "fast gateways"', {"query": STRING}, {"query": "fast gateways"}),
        ("A user named Ada Lovelace", {"name": STRING, "age": {"type": "integer"}}, {"name": "Ada Lovelace"}),
        ("Nothing here", {"city": STRING}, {}),
    ],
)
def test_properties_get_the_values_that_fit_their_names(
    text: str, properties: dict[str, Any], values: dict[str, str]
) -> None:
    assert suggest(text, schema(**properties)) == values


def test_properties_are_found_at_any_depth() -> None:
    nested = schema(trip={"anyOf": [schema(city=STRING)]})

    assert suggest("a trip to Lisbon", nested) == {"city": "Lisbon"}
