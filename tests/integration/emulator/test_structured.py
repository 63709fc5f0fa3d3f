"""Text of a required form: grammars and schemas are kept to, and refused where the provider refuses them."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from tests.integration.emulator.asgi import LLAMA, Api, text

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
}
EQUATION = 'root ::= number "+" number "=" number\nnumber ::= [0-9]+'


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def content(answer: Any) -> str:
    assert answer.status == 200, answer.body
    return str(answer.json["choices"][0]["message"]["content"])


@pytest.mark.parametrize("seed", range(10))
def test_a_grammar_is_kept_to(api: Api, seed: int) -> None:
    answer = api.chat(
        "Give me a simple addition equation.", seed=seed, response_format={"type": "grammar", "grammar": EQUATION}
    )

    assert re.fullmatch(r"[0-9]+\+[0-9]+=[0-9]+", content(answer))
    assert answer.json["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "form",
    [
        {"type": "json_object", "schema": PERSON},
        {"type": "json_object", "schema": json.dumps(PERSON)},
        {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}},
        {"type": "json_schema", "json_schema": PERSON},
        {"type": "json_schema", "json_schema": json.dumps(PERSON)},
        {"type": "json_schema", "schema": PERSON},
    ],
)
def test_a_schema_is_kept_to_in_each_of_its_spellings(api: Api, form: dict[str, Any]) -> None:
    value = json.loads(content(api.chat("Describe a person named Ada Lovelace in London.", response_format=form)))

    jsonschema_rs.validate(PERSON, value)
    assert (value["name"], value["city"]) == ("Ada Lovelace", "London")


def test_json_without_a_schema_is_any_object(api: Api) -> None:
    assert isinstance(json.loads(content(api.chat(response_format={"type": "json_object"}))), dict)


def test_text_is_free(api: Api) -> None:
    assert "Paris" in content(api.chat(response_format={"type": "text"}))


def test_completions_are_held_to_a_form_as_well(api: Api) -> None:
    body = {"model": LLAMA, "prompt": "An equation:", "response_format": {"type": "grammar", "grammar": EQUATION}}

    answer = api.post("/v1/completions", body)

    assert re.fullmatch(r"[0-9]+\+[0-9]+=[0-9]+", answer.json["choices"][0]["text"])


def test_a_token_limit_may_leave_broken_json(api: Api) -> None:
    body = api.chat(response_format={"type": "json_object", "schema": PERSON}, max_tokens=4).json

    assert body["choices"][0]["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(body["choices"][0]["message"]["content"])


def test_a_stream_of_constrained_text_is_the_same_text(api: Api) -> None:
    form = {"type": "json_object", "schema": PERSON}

    assert text(api.chat(response_format=form, stream=True).events) == content(api.chat(response_format=form))


def test_a_schema_switches_reasoning_off(api: Api) -> None:
    form = {"type": "json_schema", "json_schema": {"schema": PERSON}}

    message = api.chat(model="accounts/fireworks/models/kimi-k3", response_format=form).json["choices"][0]["message"]

    assert "reasoning_content" not in message


def test_raw_output_shows_the_grammar_that_held(api: Api) -> None:
    form = {"type": "grammar", "grammar": EQUATION}

    assert api.chat(response_format=form, raw_output=True).json["choices"][0]["raw_output"]["grammar"] == EQUATION


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= "a',
        'start ::= "a"',
        'root ::= missing',
        'root ::=\n  "a" | "b"',
        'root ::= "a"\n  | "b"',
        "",
    ],
)  # fmt: skip
def test_a_grammar_that_is_broken_or_runs_over_lines_is_refused(api: Api, grammar: str) -> None:
    answer = api.chat(response_format={"type": "grammar", "grammar": grammar})

    assert answer.status == 400
    assert answer.message.startswith(("Grammar error: ", "Field required"))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"x": {"not": {}}}, "required": ["x"]},
        {"type": "object", "properties": {"x": {"enum": None}}},
        {"type": "nonsense"},
    ],
)
def test_a_schema_that_cannot_be_kept_to_is_refused(api: Api, schema: dict[str, Any]) -> None:
    answer = api.chat(response_format={"type": "json_schema", "json_schema": {"schema": schema}})

    assert answer.status == 400
    assert answer.message.startswith("JSON Schema not supported: ")


@pytest.mark.parametrize(
    "form", [{"type": "grammar"}, {"type": "json_schema"}, {"type": "json_schema", "json_schema": "{"}, {"type": "xml"}]
)
def test_an_incomplete_form_is_refused(api: Api, form: dict[str, Any]) -> None:
    assert api.chat(response_format=form).status == 400
