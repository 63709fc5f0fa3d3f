"""Function calling through every client: the choice is obeyed, and the arguments fit the tool's schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from tests.acceptance.clients import Client, Outcome

WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 7}},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}
CLOCK: dict[str, Any] = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}
SCHEMAS = {"get_weather": WEATHER, "get_time": CLOCK}
TOOLS = [
    {"type": "function", "function": {"name": name, "description": f"Calls {name}.", "parameters": schema}}
    for name, schema in SCHEMAS.items()
]
CALL: dict[str, Any] = {
    "model": "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "messages": [{"role": "user", "content": "How is the weather in Lyon, in celsius?"}],
    "tools": TOOLS,
}
NAMED = {"type": "function", "function": {"name": "get_time"}}


def called(outcome: Outcome) -> list[tuple[str, Any]]:
    """Name and arguments of each tool call of a whole answer."""
    message = outcome.good().value["choices"][0]["message"]
    return [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls") or []
    ]


def test_a_required_tool_is_called_with_arguments_that_fit_its_schema(client: Client) -> None:
    outcome = client.call("chat.completions.create", **CALL, tool_choice="required")

    calls = called(outcome)
    assert calls
    for name, arguments in calls:
        jsonschema_rs.validate(SCHEMAS[name], arguments)
    assert outcome.value["choices"][0]["finish_reason"] == "tool_calls"


def test_the_tool_that_is_named_is_the_one_that_is_called(client: Client) -> None:
    [(name, arguments)] = called(client.call("chat.completions.create", **CALL, tool_choice=NAMED))

    assert name == "get_time"
    jsonschema_rs.validate(CLOCK, arguments)


def test_no_tool_is_called_when_the_choice_is_none(client: Client) -> None:
    outcome = client.call("chat.completions.create", **CALL, tool_choice="none")

    assert called(outcome) == []
    assert outcome.content


@pytest.mark.parametrize("choice", ["required", NAMED], ids=["required", "named"])
def test_a_streamed_tool_call_puts_together_to_arguments_that_fit(client: Client, choice: object) -> None:
    outcome = client.call("chat.completions.create", **CALL, tool_choice=choice, stream=True).good()

    assert outcome.chunks is not None
    choices = [choice for chunk in outcome.chunks for choice in chunk["choices"]]
    pieces = [piece for choice in choices for piece in choice["delta"].get("tool_calls") or [] if piece["index"] == 0]
    names = [piece["function"]["name"] for piece in pieces if piece["function"].get("name")]
    arguments = json.loads("".join(piece["function"].get("arguments") or "" for piece in pieces))
    jsonschema_rs.validate(SCHEMAS[names[0]], arguments)
    assert choices[-1]["finish_reason"] == "tool_calls"


def test_a_tools_result_can_be_sent_back(client: Client) -> None:
    request = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Lyon", "unit": "celsius", "days": [1]}'},
    }
    history = [
        *CALL["messages"],
        {"role": "assistant", "content": None, "tool_calls": [request]},
        {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees, sunny"},
    ]

    outcome = client.call("chat.completions.create", **CALL | {"messages": history})

    assert outcome.content
