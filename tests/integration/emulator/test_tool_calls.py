"""Function calling from request to answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.integration.emulator.asgi import Api

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
QUESTION = "What is the weather in Oslo?"


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def test_a_fitting_tool_is_called_instead_of_an_answer(api: Api) -> None:
    choice = api.chat(QUESTION, tools=[WEATHER]).json["choices"][0]

    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert call.keys() == {"id", "type", "function"}
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"])["city"] == "Oslo"


def test_a_question_that_no_tool_fits_is_answered_in_words(api: Api) -> None:
    message = api.chat(tools=[WEATHER]).json["choices"][0]["message"]

    assert "Paris" in message["content"]
    assert "tool_calls" not in message


def test_a_message_with_tool_calls_may_be_sent_back_as_it_came_and_the_result_is_quoted(api: Api) -> None:
    said = api.chat(QUESTION, tools=[WEATHER]).json["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "rain, 7 degrees"}
    messages = [{"role": "user", "content": QUESTION}, said, result]

    choice = api.chat(messages=messages, tools=[WEATHER]).json["choices"][0]

    assert choice["finish_reason"] == "stop"
    assert 'The tool get_weather returned: "rain, 7 degrees".' in choice["message"]["content"]


def test_a_token_limit_cuts_the_arguments(api: Api) -> None:
    choice = api.chat(QUESTION, tools=[WEATHER], max_tokens=5).json["choices"][0]

    assert choice["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"])


def test_the_quirk_of_a_call_written_as_text_can_be_asked_for(api: Api) -> None:
    choice = api.chat(QUESTION, tools=[WEATHER], fault="tool-text").json["choices"][0]

    assert choice["finish_reason"] == "stop"
    assert "tool_calls" not in choice["message"]
    written = json.loads(choice["message"]["content"])
    assert (written["name"], written["parameters"]["city"]) == ("get_weather", "Oslo")


def test_a_history_with_broken_arguments_fails_the_call(api: Api) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":'}}
    messages = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": None, "tool_calls": [call]}]

    answer = api.chat(messages=messages)

    assert answer.status == 400
    assert answer.message == (
        "Invalid tool call in messages: tool_calls[].function.arguments for function 'get_weather' must be a JSON "
        "object string (or an object), got invalid JSON"
    )


@pytest.mark.parametrize("parameters", [{"type": "string"}, {"type": "object", "properties": {"x": {"not": {}}}}])
def test_a_tool_with_unusable_parameters_fails_the_call(api: Api, parameters: dict[str, Any]) -> None:
    bad = {"type": "function", "function": {"name": "bad", "parameters": parameters}}

    assert api.chat(tools=[WEATHER, bad]).status == 400


@pytest.mark.parametrize("name", ["", "with space", "x" * 65, "dots.are.out"])
def test_a_tool_name_must_have_the_documented_form(api: Api, name: str) -> None:
    answer = api.chat(tools=[{"type": "function", "function": {"name": name}}])

    assert answer.status == 400
    assert "tools[0].function.name" in answer.message
