"""``POST /chat/completions``: the answer as one object or as chunks, in the provider's own manner.

Usage comes unasked on the chunk that carries ``finish_reason``; ``include_usage`` moves it to a further chunk without
choices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fireworks_emulator import delivery, logprobs
from fireworks_emulator.answer import Answer, Choice, FunctionCall
from fireworks_emulator.call import Call, call_of, read_body
from fireworks_emulator.conversation import converse
from fireworks_emulator.raw_output import raw_output
from fireworks_emulator.requests import ChatRequest
from fireworks_emulator.tokens import token_id
from fireworks_emulator.validation import parse


async def chat(request: Request) -> Response:
    """Answer a conversation."""
    call = call_of(request)
    asked = parse(await read_body(request), ChatRequest)
    answer = await converse(call, asked, request.headers.get("x-session-affinity"))
    writer = Writer(asked, answer, call)
    return await delivery.deliver(request, asked, answer, writer.whole, writer.events)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one answer in the shape of the endpoint."""

    asked: ChatRequest
    answer: Answer
    call: Call

    def whole(self) -> dict[str, Any]:
        """The answer as one object; absent fields are left out rather than null."""
        body: dict[str, Any] = {
            "id": self.answer.id,
            "object": "chat.completion",
            "created": self.answer.created,
            "model": self.answer.model,
            "choices": [self._choice(choice) for choice in self.answer.choices],
        }
        if self.asked.return_token_ids:
            body["prompt_token_ids"] = self.answer.prompts[0].ids
        return body | delivery.figures(self.asked, self.answer, self.call)

    def events(self) -> Iterator[bytes]:
        """The answer as server-sent events, one per token; several choices take turns."""
        chunks = delivery.interleaved(self._chunks(choice) for choice in self.answer.choices)
        if self.asked.return_token_ids:
            first = next(chunks) | {"prompt_token_ids": self.answer.prompts[0].ids}
            chunks = chain([first], chunks)
        return delivery.closed_off(chunks, self._chunk([]), self.asked, self.answer, self.call)

    def _choice(self, choice: Choice) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(choice.content)}
        if choice.reasoning:
            message["reasoning_content"] = "".join(choice.reasoning)
        if choice.calls:
            message["content"] = None
            message["tool_calls"] = [_called(call) for call in choice.calls]
        body = {"index": choice.index, "message": message, "finish_reason": choice.finish}
        return body | self._extras(choice, choice.content) | self._raw(choice)

    def _chunks(self, choice: Choice) -> Iterator[dict[str, Any]]:
        """The chunks of one choice: role, reasoning, text, tool calls, finish."""
        yield self._delta(choice, {"role": "assistant"})
        for token in choice.reasoning:
            yield self._delta(choice, {"reasoning_content": token})
        leaks = choice.grammar is not None and self.call.has_manner("reasoning-leak")
        place = 0
        for token in choice.content:
            yield self._delta(choice, {"reasoning_content" if leaks else "content": token}, (token,), place)
            place += len(token)
        for number, call in enumerate(choice.calls):
            for delta in called_in_pieces(number, call, repeating=self.call.has_manner("tool-quirks")):
                yield self._delta(choice, {"tool_calls": [delta]})
        last = self._delta(choice, {})
        last["choices"][0] |= {"finish_reason": choice.finish} | self._raw(choice)
        yield last

    def _delta(
        self, choice: Choice, delta: dict[str, Any], tokens: Sequence[str] = (), place: int = 0
    ) -> dict[str, Any]:
        body = {"index": choice.index, "delta": delta, "finish_reason": None}
        return self._chunk([body | (self._extras(choice, tokens, place) if tokens else {})])

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.answer.id,
            "object": "chat.completion.chunk",
            "created": self.answer.created,
            "model": self.answer.model,
            "choices": choices,
            "usage": None,
        }

    def _extras(self, choice: Choice, tokens: Sequence[str], place: int = 0) -> dict[str, Any]:
        """Log probabilities and token ids of some tokens, where asked for."""
        extras: dict[str, Any] = {}
        if probabilities := logprobs.wanted(self.asked, tokens, place):
            extras["logprobs"] = probabilities
        if self.asked.return_token_ids:
            extras["token_ids"] = [token_id(token) for token in tokens]
        return extras

    def _raw(self, choice: Choice) -> dict[str, Any]:
        return {"raw_output": raw_output(self.answer.prompts[0], choice)} if self.asked.raw_output else {}


def called_in_pieces(number: int, call: FunctionCall, *, repeating: bool) -> Iterator[dict[str, Any]]:
    """A tool call for a stream: id and name first, then the arguments by token with ``id`` null (captured in 2024).

    ``repeating``: full name and id in every piece, as some models of 2026 send them.
    """
    named = {"index": number, "id": call.id, "type": "function", "function": {"name": call.name}}
    yield named
    for token in call.arguments:
        if repeating:
            yield {**named, "function": {"name": call.name, "arguments": token}}
        else:
            yield {"index": number, "id": None, "type": "function", "function": {"arguments": token}}


def _called(call: FunctionCall) -> dict[str, Any]:
    """A tool call for a message; it has no ``index``, so clients may send it back as it came."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(call.arguments)}}
