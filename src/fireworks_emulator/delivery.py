"""Hands an answer over: as one JSON object or as a stream, with the headers that belong to each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, takewhile, zip_longest
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
    chunks: Iterator[dict[str, Any]], empty: dict[str, Any], asked: Generation, answer: Answer, call: Call
) -> Iterator[bytes]:
    """Chunks as events, to the end of the stream; ``empty``: a chunk without choices.

    Usage comes unasked on the last chunk, the one with ``finish_reason``; ``include_usage`` moves it to one without
    choices. Performance stays where the reason is.
    """
    last = next(chunks)
    for chunk in chunks:
        yield event(last)
        last = chunk
    separate = asked.stream_options is not None and asked.stream_options.include_usage
    counted = not call.has_manner("usage-missing")
    if asked.perf_metrics_in_response:
        last["perf_metrics"] = performance(asked, answer).metrics()
    if counted and (not separate or call.has_manner("usage-both")):
        last["usage"] = usage(answer)
    yield event(last)
    if counted and separate:
        yield event({**empty, "usage": usage(answer)})
    yield DONE


def interleaved(streams: Iterable[Iterator[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The chunks of several choices, taking turns."""
    return (chunk for chunk in chain.from_iterable(zip_longest(*streams)) if chunk is not None)


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
