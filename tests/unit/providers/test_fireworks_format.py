from __future__ import annotations

import msgspec
import pytest
from tests.unit.providers.calls import chat, sent, write

from emberway.errors import InvalidCall
from emberway.providers.fireworks import fireworks

GRAMMAR = 'root ::= number "+" number\nnumber ::= [0-9]+'
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
OTHER_SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}}
TEXT = msgspec.json.encode(SCHEMA).decode()
WRAPPED = {"name": "person", "schema": SCHEMA, "strict": True}
AS_GRAMMAR = {"type": "grammar", "grammar": GRAMMAR}
AS_SCHEMA = {"type": "json_schema", "json_schema": {"name": "response", "schema": SCHEMA}}

UNCHECKED = fireworks(check=False)


def wire(**fields):
    written = write(chat(**fields))
    body = sent(written)
    assert "grammar" not in body
    assert "json_schema" not in body
    return body.get("response_format"), written.changed


@pytest.mark.parametrize(
    "given", [{}, {"response_format": None}, {"response_format": {"type": "text"}}, {"response_format": AS_GRAMMAR}]
)
def test_a_grammar_at_the_top_level_becomes_the_response_format_that_fireworks_honours(given):
    assert wire(grammar=GRAMMAR, **given) == (AS_GRAMMAR, ("grammar",))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"response_format": None},
        {"response_format": {"type": "text"}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_object", "schema": SCHEMA}},
        {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "json_schema", "json_schema": None}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}},
    ],
)
def test_a_schema_at_the_top_level_becomes_the_response_format_that_fireworks_honours(given):
    assert wire(json_schema=SCHEMA, **given) == (AS_SCHEMA, ("json_schema",))


def test_a_schema_in_openais_envelope_keeps_its_envelope():
    assert wire(json_schema=WRAPPED) == ({"type": "json_schema", "json_schema": WRAPPED}, ("json_schema",))


@pytest.mark.parametrize(
    ("given", "wanted", "changed"),
    [
        ({"json_schema": TEXT}, AS_SCHEMA, ("schema_text", "json_schema")),
        (
            {"json_schema": {"name": "person", "schema": TEXT, "strict": True}},
            {"type": "json_schema", "json_schema": WRAPPED},
            ("schema_text", "json_schema"),
        ),
        (
            {"json_schema": msgspec.json.encode(WRAPPED).decode()},
            {"type": "json_schema", "json_schema": WRAPPED},
            ("schema_text", "json_schema"),
        ),
        (
            {"response_format": {"type": "json_object", "schema": f"  {TEXT}\n"}},
            {"type": "json_object", "schema": SCHEMA},
            ("schema_text",),
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": TEXT}},
            {"type": "json_schema", "json_schema": SCHEMA},
            ("schema_text",),
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": TEXT}}},
            {"type": "json_schema", "json_schema": {"name": "p", "schema": SCHEMA}},
            ("schema_text",),
        ),
        (
            {"response_format": {"type": "json_object", "schema": TEXT}, "json_schema": SCHEMA},
            AS_SCHEMA,
            ("schema_text", "json_schema"),
        ),
    ],
)
def test_a_schema_given_as_text_becomes_the_object_that_it_spells(given, wanted, changed):
    assert wire(**given) == (wanted, changed)


@pytest.mark.parametrize(
    "own",
    [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_object", "schema": SCHEMA},
        {"type": "json_schema", "json_schema": WRAPPED},
        {"type": "json_schema", "json_schema": SCHEMA},
        AS_GRAMMAR,
        {"type": "regex", "regex": "a+"},
        {"no": "type"},
        {"type": "grammar"},
        None,
    ],
)
def test_a_response_format_of_the_providers_own_passes_as_the_very_bytes_that_came(own):
    one = chat(response_format=own)

    assert write(one).body is one.body


def test_a_schemas_bytes_are_not_rewritten_on_their_way_into_the_envelope():
    schema = b'{ "type":"object", "properties" : {"n": {"type":"number", "maximum": 1e2}} }'
    body = b'{"model":"accounts/a/models/m","messages":[],"json_schema":' + schema + b"}"
    one = chat()
    one.body, one.fields.json_schema = body, msgspec.Raw(schema)

    assert b'"json_schema":{"name":"response","schema":' + schema + b"}" in write(one).body


@pytest.mark.parametrize("name", ["grammar", "json_schema"])
def test_null_says_nothing_and_is_taken_out_since_the_provider_refuses_the_name(name):
    assert wire(**{name: None}) == (None, (name,))


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"grammar": GRAMMAR, "json_schema": SCHEMA}, "grammar"),
        ({"grammar": GRAMMAR, "response_format": {"type": "json_object"}}, "response_format"),
        ({"grammar": GRAMMAR, "response_format": {"type": "json_schema", "json_schema": WRAPPED}}, "response_format"),
        ({"grammar": GRAMMAR, "response_format": {"type": "grammar", "grammar": 'root ::= "a"'}}, "grammar"),
        ({"json_schema": SCHEMA, "response_format": AS_GRAMMAR}, "response_format"),
        ({"json_schema": SCHEMA, "response_format": {"type": "regex"}}, "response_format"),
        ({"json_schema": SCHEMA, "response_format": {"type": ["json_object"]}}, "response_format"),
        (
            {"json_schema": SCHEMA, "response_format": {"type": "json_schema", "json_schema": OTHER_SCHEMA}},
            "json_schema",
        ),
        ({"json_schema": WRAPPED, "response_format": {"type": "json_object", "schema": OTHER_SCHEMA}}, "json_schema"),
    ],
)
def test_two_ways_of_saying_what_the_answer_must_look_like_are_refused_rather_than_one_dropped(given, param):
    with pytest.raises(InvalidCall, match="Send o") as refused:
        write(chat(**given))

    assert (refused.value.code, refused.value.param) == ("conflicting_fields", param)


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"grammar": {"root": "a"}}, "grammar", "wrong_type"),
        ({"grammar": 5}, "grammar", "wrong_type"),
        ({"json_schema": [SCHEMA]}, "json_schema", "wrong_type"),
        ({"json_schema": True}, "json_schema", "wrong_type"),
        ({"response_format": "json_object"}, "response_format", "wrong_type"),
        ({"json_schema": "{'type': 'object'}"}, "json_schema", "invalid_json_schema"),
        ({"json_schema": '"twice"'}, "json_schema", "invalid_json_schema"),
        ({"json_schema": ""}, "json_schema", "invalid_json_schema"),
        ({"json_schema": '{"a":' * 100_000}, "json_schema", "invalid_json_schema"),
        ({"json_schema": '{"a":' * 80 + "1" + "}" * 80}, "json_schema", "too_deep"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": "{"}}},
            "response_format.json_schema.schema",
            "invalid_json_schema",
        ),
    ],
)
def test_what_is_no_grammar_and_no_schema_at_all_is_refused_with_its_place(given, param, code):
    with pytest.raises(InvalidCall) as refused:
        write(chat(**given), UNCHECKED)

    assert (refused.value.param, refused.value.code) == (param, code)


def test_each_rule_of_a_grammar_is_put_on_one_line_wherever_the_grammar_stands():
    spread = 'root ::= number "+"\n  number\nnumber ::= [0-9]+'

    assert wire(grammar=spread) == (AS_GRAMMAR, ("grammar", "grammar_lines"))
    assert wire(response_format={"type": "grammar", "grammar": spread}) == (AS_GRAMMAR, ("grammar_lines",))
