"""Function calling: which tool the emulated model takes, with what arguments, and which history it refuses."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fireworks_emulator import hints, structured
from fireworks_emulator.errors import envelope_a
from fireworks_emulator.requests import ChatRequest, FunctionName, Message, NamedTool, Tool
from fireworks_emulator.validation import invalid

NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}

_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and any are as at be by can could current do for from get give has have how i in into is it its me my "
        "of on or please set show some tell that the their this to use used user want was what when where which who "
        "will with would you your given returns return list make new optional string number e g eg value name id",
    )
)
"""Words that tell nothing about what a tool is for."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Planned:
    """A tool to call, and values for its properties."""

    name: str
    schema: dict[str, Any]
    hints: dict[str, str]


def offered(request: ChatRequest) -> list[Tool]:
    """The tools of a request, legacy functions among them."""
    return [*(request.tools or ()), *(Tool(type="function", function=function) for function in request.functions or ())]


def check_history(messages: Sequence[Message]) -> None:
    """Refuse earlier tool calls whose arguments are no JSON object, in the provider's words. Raises 400."""
    for message in messages:
        for call in message.tool_calls or ():
            complaint = _complaint(call.function.arguments)
            if complaint:
                where = f"tool_calls[].function.arguments for function {call.function.name!r}"
                raise envelope_a(400, f"Invalid tool call in messages: {where} must {complaint}")


def check_tools(tools: Sequence[Tool]) -> None:
    """Refuse parameters that are no object schema, or none that can be kept to. Raises 400."""
    for number, tool in enumerate(tools):
        parameters = tool.function.parameters
        if parameters:
            if parameters.get("type", "object") != "object":
                raise invalid("Expected an object schema", f"tools[{number}].function.parameters", parameters)
            structured.check_schema(parameters)


def choose(request: ChatRequest, tools: Sequence[Tool], question: str, *, answered: bool) -> list[Planned]:
    """The calls to make; none means an answer in words. ``answered``: a tool has just returned its result.

    Raises 400 for a named tool that was not offered.
    """
    wanted = request.tool_choice if request.tool_choice is not None else request.function_call
    match wanted:
        case "none":
            return []
        case NamedTool(function=function) | (FunctionName() as function):
            chosen = next((tool for tool in tools if tool.function.name == function.name), None)
            if chosen is None:
                raise envelope_a(400, f"Tool choice {function.name!r} is not among the tools of the request.")
        case "any" | "required":
            if not tools:
                raise envelope_a(400, "tool_choice requires tools.")
            chosen = max(tools, key=lambda tool: _relevance(tool, question))
        case _:
            chosen = None if answered else _fitting(tools, question)
    if chosen is None:
        return []
    return _calls(chosen, question, parallel=request.parallel_tool_calls is not False)


def arguments(planned: Planned, dice: random.Random, limit: int) -> tuple[str, bool]:
    """Arguments that the tool's schema accepts, as JSON text, and whether they are complete."""
    from fireworks_emulator import constrained  # the grammar engine takes long to import

    try:
        generated = constrained.from_schema(planned.schema, dice, limit, planned.hints)
    except constrained.Unsupported as wrong:
        raise envelope_a(400, str(wrong)) from None
    return generated.text, generated.complete


def _calls(tool: Tool, question: str, *, parallel: bool) -> list[Planned]:
    """One call, or one per place where the question names several and the tool takes one."""
    schema = {"type": "object", **(tool.function.parameters or NO_PARAMETERS)}
    values = hints.suggest(question, schema)
    place = hints.takes_place(schema)
    where = hints.places(question) if place and parallel else []
    if place is None or len(where) < 2:
        return [Planned(tool.function.name, schema, values)]
    return [Planned(tool.function.name, schema, {**values, place: one}) for one in where]


def _fitting(tools: Sequence[Tool], question: str) -> Tool | None:
    best = max(tools, key=lambda tool: _relevance(tool, question), default=None)
    return best if best and _relevance(best, question) >= 2 else None


def _relevance(tool: Tool, question: str) -> int:
    """What a question shares with a tool: two points per word of its name, one per word of its description and
    parameters, one for a place where the tool takes one.
    """
    asked = _stems(_WORD.findall(question))
    function = tool.function
    named = _stems(hints.words(function.name))
    parameters = [word for name in hints.properties(function.parameters or {}) for word in hints.words(name)]
    described = _stems([*_WORD.findall(function.description or ""), *parameters]) - named
    placed = bool(hints.takes_place(function.parameters or {}) and hints.places(question))
    return 2 * len(asked & named) + len(asked & described) + placed


def _stems(found: Sequence[str]) -> set[str]:
    return {word.lower().removesuffix("s") for word in found if word.lower() not in _COMMON}


def _complaint(given: object) -> str | None:
    """What is wrong with the arguments of an earlier call, or None."""
    value = given
    if isinstance(given, str):
        try:
            value = msgspec.json.decode(given)
        except (msgspec.DecodeError, RecursionError):
            return "be a JSON object string (or an object), got invalid JSON"
    return None if isinstance(value, dict) else f"decode to a JSON object, got {type(value).__name__}"
