from __future__ import annotations

import pytest
from tests.unit.providers.calls import chat, sent, write

from emberway.errors import InvalidCall
from emberway.providers.fireworks import fireworks
from emberway.providers.fireworks_check import MOST_CHECKED

WRONG_GRAMMAR = 'root ::= number "+" nubmer\nnumber ::= [0-9]+'
WRONG_SCHEMA = {"type": "object", "properties": {"age": {"type": "integr"}}}
DOUBTFUL_SCHEMA = {"type": "object", "properties": {"a": {"not": {}}}}


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"grammar": WRONG_GRAMMAR}, "grammar"),
        ({"response_format": {"type": "grammar", "grammar": WRONG_GRAMMAR}}, "response_format.grammar"),
    ],
)
def test_a_grammar_that_cannot_work_is_refused_before_it_costs_money_with_line_and_column(given, param):
    with pytest.raises(InvalidCall, match=r"line 1, column 21.*nubmer") as refused:
        write(chat(**given))

    assert (refused.value.param, refused.value.code) == (param, "invalid_grammar")


def test_line_and_column_are_those_of_the_callers_own_text_and_not_of_the_joined_one():
    with pytest.raises(InvalidCall, match="line 2, column 3"):
        write(chat(grammar='root ::= "a"\n  nubmer'))


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"json_schema": WRONG_SCHEMA}, "json_schema"),
        ({"json_schema": {"name": "x", "schema": WRONG_SCHEMA}}, "json_schema"),
        ({"response_format": {"type": "json_object", "schema": WRONG_SCHEMA}}, "response_format.schema"),
        ({"response_format": {"type": "json_schema", "json_schema": WRONG_SCHEMA}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": WRONG_SCHEMA}}},
            "response_format.json_schema",
        ),
    ],
)
def test_a_schema_that_cannot_work_is_refused_before_it_costs_money_with_its_place(given, param):
    with pytest.raises(InvalidCall, match=r"\$\.properties\.age\.type.*integr") as refused:
        write(chat(**given))

    assert (refused.value.param, refused.value.code) == (param, "invalid_json_schema")


@pytest.mark.parametrize("schema", [[1], 5, "text"])
def test_what_is_no_schema_at_all_is_refused(schema):
    with pytest.raises(InvalidCall) as refused:
        write(chat(response_format={"type": "json_schema", "json_schema": schema}))

    assert refused.value.code == "invalid_json_schema"


def test_a_grammar_that_is_no_text_is_refused():
    with pytest.raises(InvalidCall) as refused:
        write(chat(response_format={"type": "grammar", "grammar": {"root": "a"}}))

    assert (refused.value.param, refused.value.code) == ("response_format.grammar", "wrong_type")


def test_a_doubt_travels_as_a_warning_and_stops_nothing():
    one = chat(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": DOUBTFUL_SCHEMA}})

    written = write(one)

    assert written.body is one.body
    assert written.warnings
    assert all(warning.startswith("response_format.json_schema: $.properties.a") for warning in written.warnings)


@pytest.mark.parametrize("given", [{"grammar": WRONG_GRAMMAR}, {"json_schema": WRONG_SCHEMA}])
def test_the_operator_can_leave_the_judgement_to_the_provider(given):
    written = write(chat(**given), fireworks(check=False))

    assert sent(written)["response_format"]["type"] in ("grammar", "json_schema")
    assert written.warnings == ()


def test_the_schemas_of_tools_are_left_to_the_provider():
    one = chat(tools=[{"type": "function", "function": {"name": "f", "parameters": WRONG_SCHEMA}}])

    assert write(one).body is one.body


@pytest.mark.parametrize(
    "given",
    [
        {"grammar": WRONG_GRAMMAR + "#" * MOST_CHECKED},
        {"json_schema": {**WRONG_SCHEMA, "description": "long" * MOST_CHECKED}},
    ],
)
def test_what_would_take_long_to_check_goes_to_the_provider_unchecked_and_the_caller_is_told(given):
    written = write(chat(**given))

    assert ["not checked" in warning for warning in written.warnings] == [True]
