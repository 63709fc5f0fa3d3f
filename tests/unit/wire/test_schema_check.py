from __future__ import annotations

import socket
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.examples import examples
from tests.unit.wire.steps import steps

from emberway.wire.schema_check import SchemaFinding, check_schema, check_schema_bytes, parse_schema

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "pattern": "^[A-Z]"},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
        "size": {"enum": ["s", "m", "l"]},
        "kind": {"const": "person"},
        "mail": {"anyOf": [{"type": "string", "format": "email"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "uniqueItems": True},
        "pair": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}], "items": False},
        "home": {"$ref": "#/$defs/address"},
        "boss": {"$ref": "#"},
        "old": {"$ref": "#/definitions/a~1b%25"},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
    "$defs": {"address": {"type": "object", "properties": {"street": {"type": "string"}}}},
    "definitions": {"a/b%": {"type": "string"}},
}

VALID: list[object] = [
    PERSON,
    {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}},
    {"$schema": "https://example.com/own-dialect", "type": "string"},
    {"type": ["string", "null"], "examples": [{"$ref": "https://example.com/text"}], "default": {"type": "no type"}},
    {"type": "object", "properties": {"$ref": {"type": "string"}, "type": {"type": "string"}, "not": {"type": "null"}}},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"type": "object", "$defs": {"A": PERSON}}}},
    {"type": "object", "properties": {"a": {"$ref": "#/shared/0"}}, "shared": [{"type": "string"}]},
    {"type": "object", "properties": {"a": {"type": "string"}}, "dependencies": {"a": ["b"]}},
    {"type": "integer", "minimum": 10**400, "vendor-keyword": {"type": 5}},
    {"oneOf": [{"type": "string"}, {"type": "number"}]},
    True,
    '{"type": "string"}',
]

INVALID: list[tuple[object, str, str]] = [
    ({"type": "strng"}, "$.type", "did you mean `string`?"),
    ({"type": "object", "properties": {"a": {"type": "Integer"}}}, "$.properties.a.type", "did you mean `integer`?"),
    ({"type": ["string", "nil"]}, "$.type", "'nil' is no type"),
    ({"type": 5}, "$.type", "5 is no type"),
    ({"type": []}, "$.type", "[] is no type"),
    ({"type": "object", "properties": {"first name": {"type": "text"}}}, '$.properties["first name"].type', "no type"),
    ({"anyOf": [{"type": "string"}, {"type": "any"}]}, "$.anyOf[1].type", "no type"),
    ({"type": "object", "properties": ["a"]}, "$.properties", 'not of type "object"'),
    ({"type": "object", "properties": {"a": "string"}}, "$.properties.a", "not of types"),
    ({"type": "object", "required": "name"}, "$.required", 'not of type "array"'),
    (
        {"type": "object", "properties": {"a": {"type": "string", "required": True}}},
        "$.properties.a.required",
        "beside",
    ),
    ({"type": "string", "minLength": -1}, "$.minLength", "less than the minimum"),
    ({"type": "string", "maxLength": "5"}, "$.maxLength", 'not of type "integer"'),
    ({"type": "number", "multipleOf": 0}, "$.multipleOf", "0"),
    ({"type": "number", "minimum": "5"}, "$.minimum", 'not of type "number"'),
    ({"enum": "a"}, "$.enum", 'not of type "array"'),
    ({"anyOf": []}, "$.anyOf", "less than 1 item"),
    ({"type": "object", "additionalProperties": 3}, "$.additionalProperties", "not of types"),
    ({"$ref": "#/$defs/missing"}, "$.$ref", "leads nowhere"),
    ({"$ref": "#/missing/Foo", "$defs": {"Foo": {"type": "null"}}}, "$.$ref", "did you mean `#/$defs/Foo`?"),
    ({"$ref": "#name"}, "$.$ref", "no anchor `name`"),
    ({"$ref": "https://example.com/person.json"}, "$.$ref", "lies outside"),
    ({"$ref": "person.json#/name"}, "$.$ref", "lies outside"),
    ({"$ref": "file:///etc/passwd"}, "$.$ref", "lies outside"),
    ({"$ref": "http://["}, "$.$ref", "lies outside"),
    ({"$ref": "http://json-schema.org/draft-07/schema#"}, "$.$ref", "lies outside"),
    (
        {"type": "array", "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"$ref": "#/$defs/b"}}},
        "$.$defs.a.$ref",
        "leads",
    ),
    ({"$ref": "#/x/y", "x": {"y": {"$ref": "#/z"}}}, "$.x.y.$ref", "leads nowhere"),
    (["string"], "$", "an object, or true or false"),
    (None, "$", "an object, or true or false"),
    (5, "$", "an object, or true or false"),
    ('{"type":', "$", "not JSON"),
    ("a person", "$", "not JSON"),
]

DOUBTFUL: list[tuple[object, str, str]] = [
    ({}, "$", "no type"),
    ({"type": "object", "properties": {"a": {}}}, "$.properties.a", "no type"),
    ({"type": "object", "properties": {"a": {"default": 1}}}, "$.properties.a", "no type"),
    ({"type": "string", "not": {"enum": ["a"]}}, "$.not", "`not`"),
    ({"enum": ["a", None]}, "$.enum[1]", "null in an enum"),
    ({"type": "string", "pattern": "^(?!x)"}, "$.pattern", "look-around"),
    ({"type": "string", "pattern": r"(a)\1"}, "$.pattern", "back-references"),
    ({"type": "string", "pattern": "("}, "$.pattern", "does not compile here"),
    ({"type": "array", "items": [{"type": "string"}]}, "$.items", "prefixItems"),
    ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, "$.exclusiveMinimum", "draft 4"),
    ({"type": "string", "examples": "x"}, "$.examples", "says nothing about the output"),
    ({"type": "object", "required": ["a", "a"]}, "$.required", "twice"),
    ({"type": ["string", "string"]}, "$.type", "twice"),
    ({"$ref": "#"}, "$.$ref", "leads back to itself"),
    (
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        "$.$defs.a.$ref",
        "leads back",
    ),
    ({"$ref": "#a", "$defs": {"x": {"$anchor": "a", "type": "null"}}}, "$.$ref", "by anchor"),
    ({"$ref": "#a", "definitions": {"x": {"$id": "#a", "type": "null"}}}, "$.$ref", "by anchor"),
    ({"$ref": "item", "$id": "https://e.x/s", "$defs": {"i": {"$id": "item", "type": "null"}}}, "$.$ref", "by `$id`"),
    (
        {"$defs": {"i": {"$id": "item", "$ref": "#/$defs/j", "$defs": {"k": True}}}, "type": "null"},
        "$.$defs.i.$ref",
        "",
    ),
    ({"type": "string", "title": "\ud800"}, "$", "does not compile here"),
]


def certain(schema: object) -> list[SchemaFinding]:
    return [finding for finding in check_schema(schema) if finding.certain]


@pytest.mark.parametrize("schema", VALID, ids=range(len(VALID)))
def test_a_valid_schema_passes_without_a_word(schema: object) -> None:
    assert check_schema(schema) == ()


@pytest.mark.parametrize(("schema", "path", "says"), INVALID, ids=[f"{says}" for _, _, says in INVALID])
def test_what_is_no_schema_is_refused_at_the_path_of_the_mistake(schema: object, path: str, says: str) -> None:
    finding = certain(schema)[0]

    assert finding.path == path
    assert says in finding.reason


@pytest.mark.parametrize(("schema", "path", "says"), DOUBTFUL, ids=[f"{says}" for _, _, says in DOUBTFUL])
def test_what_the_provider_may_not_take_is_a_doubt_and_not_refused(schema: object, path: str, says: str) -> None:
    assert certain(schema) == []
    assert any(finding.path == path and says in finding.reason for finding in check_schema(schema))


def test_each_mistake_is_told_once_and_refusals_come_before_doubts() -> None:
    schema = {"properties": {"a": {}, "b": {"type": "strng"}, "c": {"type": "array", "items": 5}}}

    assert [finding.path for finding in check_schema(schema)] == [
        "$.properties.b.type",
        "$.properties.c.items",
        "$.properties.a",
    ]


def test_no_schema_makes_the_check_open_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        base = f"http://127.0.0.1:{server.getsockname()[1]}"
        for keyword in ("$ref", "$schema", "$id", "$dynamicRef", "$recursiveRef"):
            check_schema({keyword: f"{base}/x", "type": "string"})
            check_schema({"type": "object", "properties": {"a": {keyword: f"{base}/x", "type": "string"}}})
            check_schema({"$id": f"{base}/y", "type": "object", "properties": {"a": {keyword: "x", "type": "string"}}})
        check_schema({"$schema": f"{base}/x", "$vocabulary": {f"{base}/v": True}, "type": "string"})

        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_schema_given_as_json_text_is_decoded_and_others_stay_as_they_are() -> None:
    assert parse_schema('{"type": "string"}') == {"type": "string"}
    assert parse_schema(PERSON) is PERSON


def test_a_text_that_is_not_json_is_told_with_line_and_column() -> None:
    with pytest.raises(ValueError, match=r"line 2, column 9"):
        parse_schema('{\n"type": strng}')


def test_bytes_are_checked_like_values_and_remembered() -> None:
    raw = msgspec.json.encode({"type": "strng"})

    first = check_schema_bytes(raw)

    assert first == check_schema({"type": "strng"})
    assert check_schema_bytes(bytes(bytearray(raw))) is first


def test_bytes_that_are_not_json_are_refused() -> None:
    (finding,) = check_schema_bytes(b'{"type": ')

    assert finding.certain
    assert "line 1, column 10" in finding.reason


def test_a_schema_within_a_json_string_is_checked_too() -> None:
    (finding,) = check_schema_bytes(msgspec.json.encode('{"type": "strng"}'))

    assert finding.path == "$.type"


def test_a_schema_too_deep_to_check_is_a_doubt() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(5000):
        schema = {"type": "array", "items": schema}

    (finding,) = check_schema(schema)

    assert not finding.certain
    assert "deeper than" in finding.reason


KEYWORDS = [
    *("type", "properties", "items", "$ref", "anyOf", "enum", "required", "not", "$defs", "$id", "pattern"),
    *("dependencies", "minimum", "$anchor", "$schema", "const", "additionalProperties", "a"),
]
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4)),
    max_leaves=15,
)


@settings(derandomize=True, deadline=None, max_examples=examples(300))
@given(json_values)
def test_any_json_value_yields_findings_and_never_an_exception(value: object) -> None:
    assert all(finding.path.startswith("$") and finding.reason for finding in check_schema(value))


leaves = st.sampled_from(
    [{"type": "string"}, {"type": "integer", "minimum": 3}, {"enum": ["a", 1]}, {"const": 2}, {"$ref": "#/$defs/d"}]
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items, "maxItems": 5}, inner),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda members: {"type": "object", "properties": members, "required": sorted(members)},
            st.dictionaries(st.text(max_size=6), inner, max_size=4),
        ),
    ),
    max_leaves=10,
)


@settings(derandomize=True, deadline=None, max_examples=examples(300))
@given(schemas)
def test_a_schema_that_is_valid_by_construction_is_never_refused(schema: dict[str, Any]) -> None:
    assert certain({**schema, "$defs": {"d": {"type": "null"}}}) == []


@pytest.mark.parametrize(
    "shape",
    [
        lambda size: {"$defs": {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(size)}, "type": "null"},
        lambda size: {"type": "object", "properties": {f"p{i}": {"$ref": "#"} for i in range(size)}},
        lambda size: {"type": "object", "properties": {f"p{i}": {"type": "strng"} for i in range(size)}},
    ],
    ids=["a chain of references", "references to the root", "wrong types"],
)
def test_the_work_of_checking_grows_in_proportion_to_the_schema(shape: Any) -> None:
    small, large = (steps(lambda size=size: check_schema(shape(size))) for size in (100, 800))

    # Eight times the schema: 8 if linear, 64 if quadratic.
    assert large < 16 * small


def test_a_property_whose_name_is_a_number_is_no_list_position():
    findings = check_schema({"type": "object", "properties": {"1": 1}})

    assert any(finding.certain for finding in findings)
