"""Hands an answer over: as one JSON object or as a stream, with the headers that belong to each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from fireworks_emulator import sampling
from fireworks_emulator.answer import Answer
from fireworks_emulator.call import Call, call_of
from fireworks_emulator.performance import Performance, measure
from fireworks_emulator.requests import Generation, Prediction
from fireworks_emulator.streaming import DONE, EventStream, pause
from fireworks_emulator.tokens import placeholder, split


async def deliver(
    request: Request, asked: Generation, answer: Answer, whole: Callable[[], Any], events: Callable[[], Iterable[bytes]]
) -> Response:
    """The HTTP answer. A stream has no performance headers: its head is gone before the figures exist."""
    headers = charge(call_of(request), answer)
    if asked.stream:
        return EventStream(events(), rate=answer.rate, headers=headers)
    if answer.rate:
        await pause(answer.completion_tokens / answer.rate, request.receive)
    headers |= performance(asked, answer).headers(sampling.options(asked))
    return json_response(whole(), headers)


def charge(call: Call, answer: Answer) -> dict[str, str]:
    """Count the answer against the key's limits; the headers that say so."""
    return call.emulator.limits.charge(
        call.key,
        answer.model,
        prompt=answer.prompt_tokens,
        cached=answer.cached_tokens,
        generated=answer.completion_tokens,
    )


def performance(asked: Generation, answer: Answer) -> Performance:
    """How long the answer took."""
    return measure(
        answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens, answer.rate, _predicted(asked, answer)
    )


def json_response(body: Any, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, headers, "application/json")


def event(payload: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + msgspec.json.encode(payload) + b"\n\n"


def figures(asked: Generation, answer: Answer, call: Call) -> dict[str, Any]:
    """The fields of a plain answer that count and measure."""
    found: dict[str, Any] = {} if call.has_manner("usage-missing") else {"usage": usage(answer)}
    if asked.perf_metrics_in_response:
        found["perf_metrics"] = performance(asked, answer).metrics()
    return found


def closed_off(
    chunks: list[dict[str, Any]], empty: dict[str, Any], asked: Generation, answer: Answer, call: Call
) -> Iterator[bytes]:
    """Chunks as events, to the end of the stream; ``empty``: a chunk without choices.

    Usage comes unasked on the last chunk, the one with ``finish_reason``; ``include_usage`` moves it to one without
    choices. Performance stays where the reason is.
    """
    if asked.perf_metrics_in_response:
        chunks[-1]["perf_metrics"] = performance(asked, answer).metrics()
    if not call.has_manner("usage-missing"):
        separate = asked.stream_options is not None and asked.stream_options.include_usage
        if not separate or call.has_manner("usage-both"):
            chunks[-1]["usage"] = usage(answer)
        if separate:
            chunks.append({**empty, "usage": usage(answer)})
    yield from map(event, chunks)
    yield DONE


def usage(answer: Answer) -> dict[str, Any]:
    """The object ``usage``."""
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
    }


def _predicted(asked: Generation, answer: Answer) -> tuple[int, int] | None:
    """A predicted output's tokens, and how many of them the first choice begins with."""
    match asked.prediction or asked.speculation:
        case Prediction(content=str(text)) | str(text):
            tokens = split(text)
        case [*ids]:
            tokens = [placeholder(identifier) for identifier in ids]
        case _:
            return None
    said = answer.choices[0].text
    right = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(tokens, said, strict=False)))
    return len(tokens), right
