from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberway.wire.json_place import locate, path_text, syntax_error

TEXT = """{
  "a": [1, {"b c": 2}],
  "a": [3, {"b c":
    "four", "é\\u0041": {"$ref": null}}],
  "s": "[{,}]", "e": {}, "": [[], [[true]]]
}"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("$", (1, 1)),
        ("$.a", (3, 8)),
        ("$.a[0]", (3, 9)),
        ('$.a[1]["b c"]', (4, 5)),
        ('$.a[1]["éA"].$ref', (4, 33)),
        ("$.s", (5, 8)),
        ("$.e", (5, 22)),
        ('$[""][1][0][0]', (5, 37)),
        ("$.missing", (1, 1)),
    ],
)
def test_a_path_leads_to_the_line_and_column_of_its_value(path: str, place: tuple[int, int]) -> None:
    assert locate(TEXT, path) == place


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None)
@given(values, st.sampled_from([None, 1]))
def test_every_value_of_any_json_text_is_found_at_its_path(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    for steps, inner in _walk(value):
        line, column = locate(text, path_text(steps))
        rest = "\n".join([text.split("\n")[line - 1][column - 1 :], *text.split("\n")[line:]])
        assert json.JSONDecoder().raw_decode(rest)[0] == inner


def _walk(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], object]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(at, value), *(found for step, inner in members for found in _walk(inner, (*at, step)))]


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b'{"a": 1,\n "b": }', (2, 7)),
        (b'{"a": 1', (1, 8)),
        (b"", (1, 1)),
        ('{"é": x}'.encode(), (1, 7)),
        (b'{"a": "\xff"}', (1, 8)),
        (b"[" * 100_000, (1, 1)),
    ],
)
def test_a_syntax_error_has_a_line_and_a_column(raw: bytes, place: tuple[int, int]) -> None:
    error = syntax_error(raw)

    assert error is not None
    assert error[:2] == place


@settings(derandomize=True, deadline=None)
@given(values)
def test_valid_json_has_no_syntax_error(value: object) -> None:
    assert syntax_error(msgspec.json.encode(value)) is None
