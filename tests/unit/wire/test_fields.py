from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from emberway.errors import InvalidCall
from emberway.wire.fields import MAX_DEPTH, SINGLE_KEYS, depth, read_fields, top_level_keys

steady = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The same examples on every machine, however busy it is."""

TEXT = st.text('ab "\\{}[],:/\n\té\u2028\U0001f600', max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


def refused(body: bytes) -> InvalidCall:
    with pytest.raises(InvalidCall) as error:
        read_fields(body)
    return error.value


def true_depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(true_depth, value.values()), default=0)
    return 1 + max(map(true_depth, value), default=0) if isinstance(value, list) else 0


def test_the_fields_that_somebody_decides_on_are_read_and_the_rest_is_left():
    fields = read_fields(
        b'{"model":"m","stream":true,"messages":[{"role":"user","content":[1]},{"content":"no role"}],"x":{"model":1},'
        b'"grammar": "root" ,"max_tokens":null}'
    )

    assert (fields.model, fields.stream) == ("m", True)
    assert [message.role for message in fields.messages or ()] == ["user", ""]
    assert fields.grammar is not UNSET
    assert bytes(fields.grammar) == b'"root"'
    assert fields.max_tokens is not UNSET
    assert bytes(fields.max_tokens) == b"null"
    assert fields.json_schema is UNSET


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a":nul}', b"{} {}", b"\xff", b'{"model":"\xff"}', b"{'a':1}", b"<html>"]
)
def test_a_body_that_is_not_json_is_told_so(body):
    error = refused(body)

    assert error.code == "invalid_json"
    assert "not valid JSON" in error.message


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'"text"', b"true"])
def test_a_body_that_is_json_and_no_object_is_told_so(body):
    assert "not a JSON object" in refused(body).message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"model":5}', "model"),
        (b'{"stream":"true"}', "stream"),
        (b'{"stream":1}', "stream"),
        (b'{"messages":{}}', "messages"),
        (b'{"messages":[{"role":"user"},{"role":null}]}', "messages[1].role"),
        (b'{"messages":["hi"]}', "messages[0]"),
        (b'{"encoding_format":["base64"]}', "encoding_format"),
    ],
)
def test_a_field_of_the_wrong_type_is_named_with_its_place(body, param):
    error = refused(body)

    assert (error.param, error.code) == (param, "wrong_type")
    assert f"'{param}'" in error.message


@pytest.mark.parametrize("key", SINGLE_KEYS)
@pytest.mark.parametrize("spelling", ["plain", "escaped"])
def test_a_key_that_two_readers_could_read_differently_is_refused_if_it_is_given_twice(key, spelling):
    second = key if spelling == "plain" else f"\\u{ord(key[0]):04x}{key[1:]}"

    error = refused(f'{{"{key}":null,"other":{{}},"{second}" : null}}'.encode())

    assert (error.param, error.code) == (key, "duplicate_field")


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"model","messages":[{"role":"user","content":"\\"model\\":1"}]}',
        b'{"model":"m","x":{"model":1,"stream":{"model":2}},"y":[{"model":3},{"model":4}]}',
        b'{"model":"m","x":"\\u006dodel","y":"model"}',
        b'{"x":["model","model"],"model":null}',
        b'{"temperature":1,"temperature":2}',
    ],
)
def test_a_key_that_stands_once_on_its_level_is_no_repetition(body):
    read_fields(body)


@pytest.mark.parametrize("opening", [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_body_may_nest_as_deep_as_allowed_and_not_a_level_deeper(opening):
    left, right = opening
    inside = [left * levels + b"1" + right * levels for levels in (MAX_DEPTH - 1, MAX_DEPTH)]

    read_fields(b'{"x":' + inside[0] + b"}")

    assert refused(b'{"x":' + inside[1] + b"}").code == "too_deep"


def test_a_body_that_would_overflow_a_parsers_stack_is_refused_like_any_other_that_is_too_deep():
    assert refused(b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}").code == "too_deep"


@pytest.mark.parametrize("text", ["[" * 200, '"' + "{" * 200, "\\" + "[" * 200])
def test_brackets_inside_a_text_are_no_nesting(text):
    assert depth(msgspec.json.encode({"a": text, "b": [[1]]})) == 3


def test_a_text_with_brackets_after_one_with_a_line_break_is_no_nesting():
    assert depth(msgspec.json.encode({"a": "\n", "b": "[" * 200})) == 1


def test_a_line_break_in_a_text_does_not_hide_what_nests_too_deep():
    assert refused(b'{"a":"\\n","b":' + b"[" * 200 + b"]" * 200 + b',"c":"\\n"}').code == "too_deep"


@steady
@given(st.dictionaries(TEXT, JSON, max_size=4), st.booleans())
def test_the_depth_of_a_body_is_that_of_its_value(value, ascii_only):
    assert depth(json.dumps(value, ensure_ascii=ascii_only).encode()) == true_depth(value)


@steady
@given(st.lists(st.tuples(TEXT, JSON), max_size=5), st.booleans())
def test_all_top_level_keys_are_found_in_order_however_they_are_spelled(pairs, ascii_only):
    members = [f"{json.dumps(key, ensure_ascii=ascii_only)} : {json.dumps(value)}" for key, value in pairs]
    keys = [key for key, _ in pairs]

    found = top_level_keys(f"{{ {' , '.join(members)} }}".encode())

    assert found.names == keys
    assert found.repeated == [key for place, key in enumerate(keys) if key in keys[:place]]
