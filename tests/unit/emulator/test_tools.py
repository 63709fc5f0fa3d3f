"""The emulated model takes the tool that fits, and refuses a broken history in the provider's words."""

from __future__ import annotations

import random
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from fireworks_emulator import tools
from fireworks_emulator.errors import Refused
from fireworks_emulator.requests import ChatRequest

WEATHER = {
    "name": "get_current_weather",
    "description": "Look up the weather at a place.",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
        "required": ["location", "unit"],
    },
}
SEARCH = {
    "name": "search_files",
    "parameters": {"type": "object", "properties": {"pattern": {"type": "string"}}, "required": ["pattern"]},
}
CLOCK = {"name": "clock"}


def request(*functions: dict[str, Any], **fields: Any) -> ChatRequest:
    offered = [{"type": "function", "function": function} for function in functions]
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": offered, **fields}
    return msgspec.convert(body, ChatRequest)


def chosen(question: str, asked: ChatRequest, *, answered: bool = False) -> list[str]:
    return [planned.name for planned in tools.choose(asked, tools.offered(asked), question, answered=answered)]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What's the weather in Paris?", ["get_current_weather"]),
        ("Search the files for TODO", ["search_files"]),
        ("What is the capital of France?", []),
        ("Tell me a joke", []),
    ],
)
def test_with_auto_the_fitting_tool_is_called_or_none(question: str, expected: list[str]) -> None:
    assert chosen(question, request(WEATHER, SEARCH, CLOCK)) == expected


@pytest.mark.parametrize("choice", ["any", "required"])
def test_a_required_tool_is_called_even_where_none_fits(choice: str) -> None:
    assert len(chosen("Tell me a joke", request(WEATHER, SEARCH, tool_choice=choice))) == 1


def test_a_named_tool_is_called_whatever_was_asked() -> None:
    named = {"type": "function", "function": {"name": "clock"}}

    assert chosen("What's the weather in Paris?", request(WEATHER, CLOCK, tool_choice=named)) == ["clock"]


def test_no_tool_is_called_with_none() -> None:
    assert chosen("What's the weather in Paris?", request(WEATHER, tool_choice="none")) == []


def test_no_tool_is_called_again_once_its_result_is_there() -> None:
    assert chosen("What's the weather in Paris?", request(WEATHER), answered=True) == []


def test_several_places_make_several_calls_unless_parallel_calls_are_off() -> None:
    question = "What's the weather in Paris and London?"

    assert len(chosen(question, request(WEATHER))) == 2
    assert len(chosen(question, request(WEATHER, parallel_tool_calls=False))) == 1


def test_legacy_functions_are_tools() -> None:
    asked = request(functions=[CLOCK], function_call={"name": "clock"})

    assert chosen("x", asked) == ["clock"]


@pytest.mark.parametrize("choice", [{"type": "function", "function": {"name": "nope"}}, "required"])
def test_a_tool_that_was_not_offered_is_refused(choice: object) -> None:
    with pytest.raises(Refused) as refused:
        chosen("x", request(tool_choice=choice))

    assert refused.value.status == 400


@pytest.mark.parametrize("seed", range(20))
def test_arguments_are_valid_for_the_schema_and_hold_what_the_user_said(seed: int) -> None:
    asked = request(WEATHER)
    (planned,) = tools.choose(asked, tools.offered(asked), "What is the weather in Oslo in celsius?", answered=False)

    text, complete = tools.arguments(planned, random.Random(seed), 500)

    value = msgspec.json.decode(text)
    jsonschema_rs.validate(WEATHER["parameters"], value)
    assert complete
    assert value == {"location": "Oslo", "unit": "celsius"}


def past(arguments: object) -> list[Any]:
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
    body = {"model": "m", "messages": [{"role": "assistant", "content": None, "tool_calls": [call]}]}
    return msgspec.convert(body, ChatRequest).messages


HEAD = "Invalid tool call in messages: tool_calls[].function.arguments for function 'get_weather' must "


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('{"city": "Par', HEAD + "be a JSON object string (or an object), got invalid JSON"),
        ("", HEAD + "be a JSON object string (or an object), got invalid JSON"),
        ('"Paris"', HEAD + "decode to a JSON object, got str"),
        ("[1]", HEAD + "decode to a JSON object, got list"),
        (7, HEAD + "decode to a JSON object, got int"),
    ],
)
def test_a_history_with_broken_arguments_is_refused(arguments: object, message: str) -> None:
    with pytest.raises(Refused) as refused:
        tools.check_history(past(arguments))

    assert (refused.value.status, refused.value.message) == (400, message)


@pytest.mark.parametrize("arguments", ["{}", '{"city":"Paris"}', {"city": "Paris"}])
def test_a_history_with_whole_arguments_passes(arguments: object) -> None:
    tools.check_history(past(arguments))


def test_one_tool_whose_schema_cannot_be_kept_to_fails_the_request() -> None:
    bad = {"name": "bad", "parameters": {"type": "object", "properties": {"x": {"not": {}}}}}
    asked = request(WEATHER, bad)

    with pytest.raises(Refused) as refused:
        tools.check_tools(tools.offered(asked))

    assert refused.value.message.startswith("JSON Schema not supported: ")
