"""How far an answer may go and where it stops: token limits, stop texts, chance."""

from __future__ import annotations

import hashlib
import random
from itertools import chain

import msgspec

from fireworks_emulator.answer import Finish
from fireworks_emulator.catalogue import Model
from fireworks_emulator.errors import envelope_a
from fireworks_emulator.prose import filler
from fireworks_emulator.requests import ChatRequest, CompletionRequest, Generation
from fireworks_emulator.tokens import split

DEFAULT_LIMIT = 2048
"""Tokens, where a request names none; the provider's documented default."""


def check(request: Generation) -> None:
    """Refuse parameters that exclude each other. The provider's texts for these are not established."""
    if request.max_tokens is not None and request.max_completion_tokens is not None:
        raise envelope_a(400, "max_tokens and max_completion_tokens cannot be given together.")
    if request.thinking is not None and request.reasoning_effort is not None:
        raise envelope_a(400, "thinking and reasoning_effort cannot be given together.")


def token_limit(request: Generation, model: Model, prompt_tokens: int) -> int:
    """How many tokens may be generated. Raises 400 when the prompt leaves no room.

    The window that the provider prints is one less than the published one.
    """
    if prompt_tokens >= model.window:
        message = f"The prompt is too long: {prompt_tokens}, model maximum context length: {model.window - 1}"
        raise envelope_a(400, message)
    asked = request.max_tokens if request.max_tokens is not None else request.max_completion_tokens
    room = model.window - prompt_tokens
    if asked is not None and asked > room and request.context_length_exceeded_behavior == "error":
        message = (
            f"The prompt of {prompt_tokens} tokens and max_tokens {asked} exceed the context length {model.window}."
        )
        raise envelope_a(400, message)
    return min(room, DEFAULT_LIMIT if asked is None else asked)


def stops(request: Generation) -> tuple[str, ...]:
    """The texts that end an answer."""
    given = [request.stop] if isinstance(request.stop, str) else request.stop or []
    return tuple(text for text in given if text)


def fit(
    text: str, limit: int, ends: tuple[str, ...], *, complete: bool = True
) -> tuple[tuple[str, ...], Finish, str | None]:
    """The tokens of a text that may be said, why they end there, and the stop text that ended them.

    ``complete`` False: the text was already cut short where it was made.
    """
    tokens = split(text)
    finish: Finish = "stop" if complete and len(tokens) <= limit else "length"
    said = "".join(tokens[:limit])
    found = [(said.find(end), end) for end in ends if end in said]
    if found:
        position, end = min(found)
        return tuple(split(said[:position])), "stop", end
    return tuple(tokens[:limit]), finish, None


def prolong(text: str, limit: int, dice: random.Random) -> str:
    """A text that goes on until the limit, for ``ignore_eos``."""
    pieces, size = [text], len(split(text))
    for sentence in filler(dice):
        if size > limit:
            break
        pieces.append(sentence)
        size += len(split(sentence))
    return "".join(pieces)


def dice(request: Generation, seed: int | None, index: int) -> random.Random:
    """Chance for one choice: the same request gets the same answer, streamed or not."""
    match request:
        case ChatRequest():
            content: object = [request.messages, request.tools, request.functions, request.tool_choice]
        case CompletionRequest():
            content = request.prompt
        case _:
            content = None
    told = [request.model, content, request.response_format, request.temperature, request.top_p]
    digest = hashlib.blake2b(msgspec.json.encode(told), digest_size=16).hexdigest()
    chosen = (seed or 0) if request.seed is None else request.seed
    return random.Random(f"{chosen}:{digest}:{index}")  # noqa: S311 - not a secret


def options(request: Generation) -> dict[str, float]:
    """The sampling values in use: those given, and the usual defaults."""
    names = (
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "typical_p",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
    )
    given = {name: getattr(request, name) for name in names if getattr(request, name) is not None}
    return dict(chain({"temperature": 1.0, "top_p": 1.0}.items(), given.items()))
