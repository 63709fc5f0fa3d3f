"""``/responses``: the Responses API as far as text, functions and stored answers go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from fireworks_emulator import delivery
from fireworks_emulator.answer import Answer, FunctionCall
from fireworks_emulator.call import call_of, read_body
from fireworks_emulator.conversation import converse
from fireworks_emulator.errors import envelope_a
from fireworks_emulator.requests import ChatRequest
from fireworks_emulator.validation import convert, invalid, parse

KEPT = 1000
"""Stored responses; the oldest goes first."""
USUAL_PER_PAGE, MOST_PER_PAGE = 20, 100

Item = dict[str, Any]


class ResponsesRequest(Struct, kw_only=True):
    """The fields that are read."""

    model: str
    input: str | list[Item]
    previous_response_id: str | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, Any] | None = None
    parallel_tool_calls: bool | None = True
    reasoning: dict[str, Any] | None = None
    store: bool | None = True
    stream: bool | None = False
    temperature: float | None = 1.0
    text: dict[str, Any] | None = None
    tool_choice: str | dict[str, Any] = "auto"
    tools: list[dict[str, Any]] | None = None
    top_p: float | None = 1.0
    truncation: Literal["auto", "disabled"] | None = "disabled"
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored answer and the conversation that led to it, its own turn included."""

    body: dict[str, Any]
    messages: list[dict[str, Any]]


class Shelf:
    """The stored responses of one process, each seen only by the key that made it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    async def create(self, request: Request) -> Response:
        """Answer an input, and keep the answer unless ``store`` is false."""
        call = call_of(request)
        asked = parse(await read_body(request), ResponsesRequest)
        past = self._find(call.key, asked.previous_response_id).messages if asked.previous_response_id else []
        messages = [*past, *_messages(asked.input)]
        chat = _as_chat(asked, messages)
        answer = await converse(call, chat, request.headers.get("x-session-affinity"))
        writer = Writer(asked, answer)
        if asked.store is not False:
            self._keep(call.key, writer.whole(), [*messages, writer.turn()])
        return await delivery.deliver(request, chat, answer, writer.whole, writer.events)

    async def page(self, request: Request) -> Response:
        """The stored responses, newest first; ``limit``, ``after`` and ``before`` choose."""
        key = call_of(request).key
        rows = [kept.body for (owner, _), kept in reversed(self._kept.items()) if owner == key]
        places = {row["id"]: place for place, row in enumerate(rows)}
        query = request.query_params
        start = places.get(query.get("after", ""), -1) + 1
        end = places.get(query.get("before", ""), len(rows))
        limit = query.get("limit", str(USUAL_PER_PAGE))
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_PER_PAGE:
            raise invalid(f"Expected int between 1 and {MOST_PER_PAGE}", "limit", limit)
        data = rows[start:end][: int(limit)]
        body: dict[str, Any] = {"object": "list", "data": data, "has_more": start + len(data) < end}
        if data:
            body |= {"first_id": data[0]["id"], "last_id": data[-1]["id"]}
        return delivery.json_response(body)

    async def one(self, request: Request) -> Response:
        """One stored response."""
        return delivery.json_response(self._find(call_of(request).key, request.path_params["id"]).body)

    async def delete(self, request: Request) -> Response:
        """Forget a response; the provider wants to be told the account."""
        if not request.headers.get("x-fireworks-account-id"):
            raise envelope_a(400, "The header x-fireworks-account-id is required.")
        key, identifier = call_of(request).key, request.path_params["id"]
        self._find(key, identifier)
        del self._kept[key, identifier]
        return delivery.json_response({"message": "Response deleted successfully"})

    def _keep(self, key: str, body: dict[str, Any], messages: list[dict[str, Any]]) -> None:
        self._kept[key, body["id"]] = Kept(body, messages)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def _find(self, key: str, identifier: str) -> Kept:
        kept = self._kept.get((key, identifier))
        if kept is None:
            raise envelope_a(404, f"Response {identifier} not found")
        return kept


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one answer in the shape of the endpoint."""

    asked: ResponsesRequest
    answer: Answer

    def whole(self) -> dict[str, Any]:
        """The answer as one object."""
        return self._response("incomplete" if self._was_cut else "completed", self._items(), self._usage())

    def turn(self) -> dict[str, Any]:
        """The answer as a turn of the conversation."""
        choice = self.answer.choices[0]
        message: dict[str, Any] = {"role": "assistant", "content": "".join(choice.content) or None}
        if choice.calls:
            message["tool_calls"] = [_past_call(c.id, c.name, "".join(c.arguments)) for c in choice.calls]
        return message

    def events(self) -> Iterator[bytes]:
        """The answer as numbered server-sent events."""
        for number, (kind, fields) in enumerate(self._steps()):
            event = delivery.event({"type": kind, "sequence_number": number, **fields})
            yield b"event: %s\n" % kind.encode() + event

    def _steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        begun = self._response("in_progress", [], None)
        yield "response.created", {"response": begun}
        yield "response.in_progress", {"response": begun}
        for place, item in enumerate(self._items()):
            at = {"output_index": place}
            empty = {"content": [], "arguments": ""}
            opened = item | {"status": "in_progress"} | {key: empty[key] for key in empty if key in item}
            yield "response.output_item.added", at | {"item": opened}
            at["item_id"] = item["id"]
            match item["type"]:
                case "message":
                    yield from self._text_steps(item, at)
                case "reasoning":
                    for token in self.answer.choices[0].reasoning:
                        yield "response.reasoning_text.delta", at | {"content_index": 0, "delta": token}
                    yield "response.reasoning_text.done", at | {"content_index": 0, "text": item["content"][0]["text"]}
                case "function_call":
                    call = next(call for call in self.answer.choices[0].calls if call.id == item["call_id"])
                    for token in call.arguments:
                        yield "response.function_call_arguments.delta", at | {"delta": token}
                    yield "response.function_call_arguments.done", at | {"arguments": item["arguments"]}
            yield "response.output_item.done", {"output_index": place, "item": item}
        ended = self.whole()
        yield f"response.{ended['status']}", {"response": ended}

    def _text_steps(self, item: Item, at: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        at = at | {"content_index": 0}
        part = item["content"][0]
        yield "response.content_part.added", at | {"part": part | {"text": ""}}
        for token in self.answer.choices[0].content:
            yield "response.output_text.delta", at | {"delta": token}
        yield "response.output_text.done", at | {"text": part["text"]}
        yield "response.content_part.done", at | {"part": part}

    @property
    def _was_cut(self) -> bool:
        return self.answer.choices[0].finish == "length"

    def _items(self) -> list[Item]:
        choice, tail = self.answer.choices[0], self.answer.id.replace("-", "")
        status = "incomplete" if self._was_cut else "completed"
        items: list[Item] = []
        if choice.reasoning:
            thought = {"type": "reasoning_text", "text": "".join(choice.reasoning)}
            items.append({"id": f"rs_{tail}", "type": "reasoning", "summary": [], "content": [thought]})
        if choice.content or not choice.calls:
            text = {"type": "output_text", "text": "".join(choice.content), "annotations": []}
            said = {"id": f"msg_{tail}", "type": "message", "role": "assistant", "status": status, "content": [text]}
            items.append(said)
        return items + [_called(call, status) for call in choice.calls]

    def _response(self, status: str, output: list[Item], usage: dict[str, Any] | None) -> dict[str, Any]:
        asked = self.asked
        return {
            "id": f"resp_{self.answer.id.replace('-', '')}",
            "object": "response",
            "created_at": self.answer.created,
            "status": status,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "error": None,
            "model": self.answer.model,
            "output": output,
            "usage": usage,
            "previous_response_id": asked.previous_response_id,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "metadata": asked.metadata or {},
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "store": asked.store is not False,
            "temperature": asked.temperature,
            "top_p": asked.top_p,
            "text": asked.text or {"format": {"type": "text"}},
            "tool_choice": asked.tool_choice,
            "tools": asked.tools or [],
            "truncation": asked.truncation,
            "user": asked.user,
        }

    def _usage(self) -> dict[str, Any]:
        answer = self.answer
        thoughts = sum(len(choice.reasoning) for choice in answer.choices)
        return {
            "input_tokens": answer.prompt_tokens,
            "input_tokens_details": {"cached_tokens": answer.cached_tokens},
            "output_tokens": answer.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": thoughts},
            "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        }


def _as_chat(asked: ResponsesRequest, messages: list[dict[str, Any]]) -> ChatRequest:
    """The same request in the other dialect. Raises 400 for what has no counterpart."""
    system = [{"role": "system", "content": asked.instructions}] if asked.instructions else []
    fields: dict[str, Any] = {
        "model": asked.model,
        "messages": [*system, *messages],
        "max_tokens": asked.max_output_tokens,
        "stream": asked.stream,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "user": asked.user,
        "tools": [_tool(tool) for tool in asked.tools or ()] or None,
        "parallel_tool_calls": asked.parallel_tool_calls,
        "tool_choice": _choice(asked.tool_choice),
        "reasoning_effort": (asked.reasoning or {}).get("effort"),
        "context_length_exceeded_behavior": "truncate" if asked.truncation == "auto" else "error",
        "response_format": _format((asked.text or {}).get("format")),
    }
    return convert(fields, ChatRequest)


def _messages(given: str | list[Item]) -> list[dict[str, Any]]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return [_message(item) for item in given]


def _message(item: Item) -> dict[str, Any]:
    match item:
        case {"type": "function_call", "call_id": identifier, "name": name, "arguments": arguments}:
            return {"role": "assistant", "content": None, "tool_calls": [_past_call(identifier, name, arguments)]}
        case {"type": "function_call_output", "call_id": identifier, "output": output}:
            return {"role": "tool", "tool_call_id": identifier, "content": output}
        case {"type": "reasoning"}:
            return {"role": "assistant", "reasoning_content": _thoughts(item.get("content"))}
        case {"role": str(role), "content": str() | list() as content}:
            parts = content if isinstance(content, str) else [_part(part) for part in content]
            return {"role": "system" if role == "developer" else role, "content": parts}
    raise invalid("Unsupported item", "input", item)


def _thoughts(pieces: object) -> str:
    found = pieces if isinstance(pieces, list) else []
    return "".join(str(piece.get("text", "")) for piece in found if isinstance(piece, dict))


def _part(part: Item) -> Item:
    match part:
        case {"type": "input_text" | "output_text" | "text", "text": text}:
            return {"type": "text", "text": text}
        case {"type": "input_image", "image_url": str(address)}:
            return {"type": "image_url", "image_url": {"url": address}}
    raise invalid("Unsupported content", "input", part)


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    match tool:
        case {"type": "function", "name": name}:
            fields = {key: tool[key] for key in ("description", "parameters", "strict") if tool.get(key) is not None}
            return {"type": "function", "function": {"name": name, **fields}}
    raise invalid("The emulator runs no tools itself; expected a function", "tools", tool)


def _choice(given: str | dict[str, Any]) -> str | dict[str, Any]:
    if isinstance(given, str):
        return given
    return {"type": "function", "function": {"name": given.get("name")}}


def _format(form: dict[str, Any] | None) -> dict[str, Any] | None:
    match form:
        case None | {"type": "text"}:
            return None
        case {"type": "json_schema", "schema": schema}:
            return {"type": "json_schema", "json_schema": {"schema": schema}}
        case {"type": "json_object"}:
            return {"type": "json_object"}
    raise invalid("Unsupported format", "text.format", form)


def _past_call(identifier: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def _called(call: FunctionCall, status: str) -> Item:
    return {
        "id": f"fc_{call.id.removeprefix('call_')}",
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": "".join(call.arguments),
        "status": status,
    }
