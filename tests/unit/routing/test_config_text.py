"""The text of a config: what is plain JSON, and what is refused before it is looked at."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.errors import InvalidConfig
from emberway.routing.config_text import MOST_BYTES, MOST_LEVELS, read_text


def refusal(text: str | bytes) -> InvalidConfig:
    with pytest.raises(InvalidConfig) as caught:
        read_text(text)
    return caught.value


def test_text_and_bytes_say_the_same() -> None:
    assert read_text('{"name": "é", "weight": 1e2}') == read_text('{"name": "é", "weight": 1e2}'.encode())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"retry": {}, "retry": {}}', "$.retry"),
        ('{"retry": {}, "r\\u0065try": {}}', "$.retry"),
        ('{"targets": [{}, {"override_params": {"a": 1, "b": 2, "a": 1}}]}', "$.targets[1].override_params.a"),
    ],
)
def test_a_key_that_stands_twice_is_refused_at_any_level(text: str, path: str) -> None:
    error = refusal(text)

    assert error.param == path
    assert f"{path} twice" in error.message


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"override_params": {"seed": 18446744073709551616}}', "$.override_params.seed"),
        ('{"override_params": {"seed": [-9223372036854775809]}}', "$.override_params.seed[0]"),
        ('{"weight": 1e999}', "$.weight"),
        ('{"weight": -1e999}', "$.weight"),
        ('{"name": "\\ud800"}', "$.name"),
        ('{"a\\udc00": 1}', "$"),
    ],
)
def test_what_readers_read_differently_is_refused_where_it_stands(text: str, path: str) -> None:
    assert refusal(text).param == path


@pytest.mark.parametrize("value", ["18446744073709551615", "-9223372036854775808", "1e308", '"\\ud83d\\ude00"'])
def test_what_every_reader_knows_is_accepted(value: str) -> None:
    assert list(read_text(f'{{"a": {value}}}')) == ["a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1, column 1"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6"),
        ('{"a": NaN}', "NaN is not a number of JSON"),
        ('{"a": -Infinity}', "-Infinity is not a number of JSON"),
        ('{"a": ' + "9" * 5_000 + "}", "not valid JSON"),
        ("\ufeff{}", "not valid JSON"),
        ("pc-saved-123", "not valid JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ('"\ud800"', "not UTF-8"),
    ],
)
def test_what_is_no_json_is_refused_with_the_place(text: str | bytes, says: str) -> None:
    error = refusal(text)

    assert error.param == "$"
    assert says in error.message


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_text_that_only_nests_is_refused(opening: str) -> None:
    closing = {"[": "]", '{"a":': "}"}[opening]

    assert "deeper than 64" in refusal(opening * (MOST_LEVELS + 2) + "1" + closing * (MOST_LEVELS + 2)).message
    assert "deeper than 64" in refusal(opening * 40_000).message


def test_a_text_of_the_largest_size_is_read_and_none_beyond_it() -> None:
    largest = f'"{"x" * (MOST_BYTES - 2)}"'

    assert len(read_text(largest)) == MOST_BYTES - 2
    assert "262,145 bytes" in refusal(f"{largest} ").message


def test_bytes_count_and_not_characters() -> None:
    assert "262,146 bytes" in refusal(f'"{"é" * (MOST_BYTES // 2)}"').message


@given(st.text() | st.binary())
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with suppress(InvalidConfig):  # any other exception is what would be wrong
        read_text(text)
