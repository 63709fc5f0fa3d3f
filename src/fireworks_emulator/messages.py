"""``POST /messages``: the Anthropic-compatible endpoint, translated to a conversation and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from fireworks_emulator import delivery
from fireworks_emulator.answer import Answer, Choice
from fireworks_emulator.call import call_of, read_body
from fireworks_emulator.conversation import converse
from fireworks_emulator.raw_output import raw_output
from fireworks_emulator.requests import ChatRequest
from fireworks_emulator.validation import convert, invalid, parse

REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
CHOICES = {"auto": "auto", "any": "any", "none": "none"}

Block = dict[str, Any]


class AnthropicTool(Struct, kw_only=True):
    """A tool; kinds that the server runs itself are not offered."""

    name: str
    description: str | None = None
    input_schema: dict[str, Any]


class ToolChoice(Struct, kw_only=True):
    """Which tool to call."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool = False


class Turn(Struct, kw_only=True):
    """One message."""

    role: Literal["user", "assistant"]
    content: str | list[Block]


class OutputFormat(Struct, kw_only=True):
    """A schema that the text must keep to."""

    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(Struct, kw_only=True):
    """What the text must look like."""

    format: OutputFormat | None = None


class MessagesRequest(Struct, kw_only=True):
    """The fields that are read; whether others are refused is not documented, so they are ignored."""

    model: str
    messages: Annotated[list[Turn], Meta(min_length=1, max_length=100_000)]
    max_tokens: Annotated[int, Meta(ge=1)]
    system: str | list[Block] | None = None
    stop_sequences: list[str] | None = None
    stream: bool = False
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: int | None = None
    top_p: float | None = None
    thinking: dict[str, Any] | None = None
    tools: list[AnthropicTool] | None = None
    tool_choice: ToolChoice | None = None
    metadata: dict[str, Any] | None = None
    output_config: OutputConfig | None = None
    raw_output: bool = False


async def messages(request: Request) -> Response:
    """Answer a conversation."""
    asked = parse(await read_body(request), MessagesRequest)
    chat = as_chat(asked)
    answer = await converse(call_of(request), chat, request.headers.get("x-session-affinity"))
    return await delivery.deliver(request, chat, answer, lambda: _whole(asked, answer), lambda: _events(answer))


def as_chat(asked: MessagesRequest) -> ChatRequest:
    """The same request in the other dialect. Raises 400 for what has no counterpart."""
    fields: dict[str, Any] = {
        "model": asked.model,
        "messages": [*_system(asked.system), *(turn for given in asked.messages for turn in _turns(given))],
        "max_tokens": asked.max_tokens,
        "stop": asked.stop_sequences,
        "stream": asked.stream,
        "temperature": asked.temperature,
        "top_k": asked.top_k,
        "top_p": asked.top_p,
        "thinking": asked.thinking,
        "tools": [_tool(tool) for tool in asked.tools or ()] or None,
        "user": (asked.metadata or {}).get("user_id"),
    }
    if choice := asked.tool_choice:
        named = {"type": "function", "function": {"name": choice.name}}
        fields["tool_choice"] = named if choice.type == "tool" else CHOICES[choice.type]
        fields["parallel_tool_calls"] = not choice.disable_parallel_tool_use
    if asked.output_config and asked.output_config.format:
        form = asked.output_config.format
        fields["response_format"] = {"type": form.type, "json_schema": {"schema": form.schema}}
    return convert(fields, ChatRequest)


def _system(given: str | list[Block] | None) -> list[dict[str, Any]]:
    if not given:
        return []
    return [{"role": "system", "content": _result(given)}]


def _turns(turn: Turn) -> Iterator[dict[str, Any]]:
    """A message as one or several: each tool result becomes a message of its own, before the rest."""
    blocks = [{"type": "text", "text": turn.content}] if isinstance(turn.content, str) else turn.content
    parts: list[Block] = []
    calls: list[dict[str, Any]] = []
    thoughts: list[str] = []
    for block in blocks:
        match block:
            case {"type": "tool_result", "tool_use_id": called}:
                yield {"role": "tool", "tool_call_id": called, "content": _result(block.get("content"))}
            case {"type": "tool_use", "id": identifier, "name": name, "input": given}:
                function = {"name": name, "arguments": given}
                calls.append({"id": identifier, "type": "function", "function": function})
            case {"type": "thinking", "thinking": str(thought)}:
                thoughts.append(thought)
            case {"type": "redacted_thinking"}:
                pass
            case _:
                parts.append(_part(block))
    if parts or calls or thoughts:
        message: dict[str, Any] = {"role": turn.role, "content": parts or None}
        if calls:
            message["tool_calls"] = calls
        if thoughts:
            message["reasoning_content"] = "\n".join(thoughts)
        yield message


def _part(block: Block) -> Block:
    match block:
        case {"type": "text", "text": text}:
            return {"type": "text", "text": text}
        case {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}:
            return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
        case {"type": "image", "source": {"type": "url", "url": address}}:
            return {"type": "image_url", "image_url": {"url": address}}
        case {"type": "document", "source": {"type": "text", "data": text}}:
            return {"type": "text", "text": text}
        case {"type": "document", "source": {"type": "content", "content": content}}:
            return {"type": "text", "text": _result(content)}
        case {"type": "document", "source": {"type": "base64" | "url" as way}}:
            return {"type": "text", "text": f"[a PDF document by {way}, which the emulator does not read]"}
    raise invalid("Unsupported content block", "messages", block)


def _result(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(block.get("text", "")) for block in content if isinstance(block, dict))
    return "" if content is None else str(content)


def _tool(tool: AnthropicTool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}
    return {"type": "function", "function": function}


def _whole(asked: MessagesRequest, answer: Answer) -> dict[str, Any]:
    choice = answer.choices[0]
    body = _message(answer, _blocks(choice), choice)
    body["usage"] |= {"output_tokens": answer.completion_tokens}
    return body | ({"raw_output": raw_output(answer.prompts[0], choice)} if asked.raw_output else {})


def _message(answer: Answer, content: list[Block], ended: Choice | None) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.id.replace('-', '')}",
        "type": "message",
        "role": "assistant",
        "content": content,
        "model": answer.model,
        "stop_reason": _reason(ended) if ended else None,
        "stop_sequence": ended.stopped_by if ended else None,
        "usage": {
            "input_tokens": answer.prompt_tokens - answer.cached_tokens,
            "cache_read_input_tokens": answer.cached_tokens,
            "output_tokens": 0,
        },
    }


def _reason(choice: Choice) -> str:
    return "stop_sequence" if choice.stopped_by is not None else REASONS[choice.finish]


def _blocks(choice: Choice) -> list[Block]:
    blocks: list[Block] = []
    if choice.reasoning:
        blocks.append({"type": "thinking", "thinking": "".join(choice.reasoning), "signature": ""})
    if choice.content:
        blocks.append({"type": "text", "text": "".join(choice.content)})
    for call in choice.calls:
        given = _input("".join(call.arguments))
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": given})
    return blocks


def _input(arguments: str) -> Any:
    """Arguments as an object; those that the token limit cut short are none."""
    try:
        return msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return {}


def _events(answer: Answer) -> Iterator[bytes]:
    choice = answer.choices[0]
    yield _event("message_start", message=_message(answer, [], None))
    yield _event("ping")
    for index, (block, deltas) in enumerate(_streamed(choice)):
        yield _event("content_block_start", index=index, content_block=block)
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    ended = {"stop_reason": _reason(choice), "stop_sequence": choice.stopped_by}
    yield _event("message_delta", delta=ended, usage={"output_tokens": answer.completion_tokens})
    yield _event("message_stop")


def _streamed(choice: Choice) -> Iterator[tuple[Block, Iterator[Block]]]:
    """Each block as it begins, and its pieces."""
    if choice.reasoning:
        thoughts = ({"type": "thinking_delta", "thinking": token} for token in choice.reasoning)
        yield {"type": "thinking", "thinking": "", "signature": ""}, thoughts
    if choice.content:
        yield {"type": "text", "text": ""}, ({"type": "text_delta", "text": token} for token in choice.content)
    for call in choice.calls:
        pieces = ({"type": "input_json_delta", "partial_json": token} for token in call.arguments)
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}, pieces


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %s\n" % kind.encode() + delivery.event({"type": kind, **fields})
