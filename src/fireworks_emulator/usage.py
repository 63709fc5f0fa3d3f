"""What a prompt counts as.

A conversation is written out as ``<|role|>``, newline, content, newline for each message and counted with the tokenizer
of ``tokens.py``; tools count as their JSON. A picture counts 576 tokens, as one of 336 by 336 points does in LLaVA: the
provider does not publish its figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fireworks_emulator.answer import Prompt
from fireworks_emulator.prompt_cache import PromptCache
from fireworks_emulator.requests import Generation, Message, Tool
from fireworks_emulator.tokens import placeholder, split, token_id

PICTURE_TOKENS = 576
BLOCK = 32
"""Tokens of a bare prompt that are cached together."""


def conversation(messages: Sequence[Message], tools: Sequence[Tool], cache: PromptCache, affinity: str) -> Prompt:
    """The prompt that a conversation becomes. ``affinity`` empty: nothing is cached."""
    head = [tool_text(tools)] if tools else []
    pieces = head + [written(message) for message in messages]
    tokens = [split(piece) for piece in pieces]
    pictures = [0] * len(head) + [picture_count(message) for message in messages]
    counts = [len(found) + PICTURE_TOKENS * seen for found, seen in zip(tokens, pictures, strict=True)]
    cached = cache.visit(affinity, list(zip(pieces, counts, strict=True))) if affinity else 0
    flat = tuple(token for found in tokens for token in found)
    return Prompt(flat, tuple(map(token_id, flat)), sum(counts), cached)


def completion(given: str | Sequence[int], pictures: int, cache: PromptCache, affinity: str) -> Prompt:
    """The prompt that a text, or a list of token ids, becomes; cached in blocks as it has no messages."""
    if isinstance(given, str):
        tokens = tuple(split(given))
        ids = tuple(map(token_id, tokens))
    else:
        tokens, ids = tuple(map(placeholder, given)), tuple(given)
    blocks = [tokens[start : start + BLOCK] for start in range(0, len(tokens), BLOCK)]
    cached = cache.visit(affinity, [("".join(block), len(block)) for block in blocks]) if affinity else 0
    return Prompt(tokens, ids, len(tokens) + PICTURE_TOKENS * pictures, cached)


def truncated(messages: Sequence[Message], limit: int) -> list[Message]:
    """The messages that fit into ``limit`` tokens: the oldest go first, then system messages; the last one stays."""
    kept = list(messages)
    sizes = {id(message): len(split(written(message))) for message in kept}
    droppable = [message for message in kept[:-1] if message.role != "system"]
    droppable += [message for message in kept[:-1] if message.role == "system"]
    for message in droppable:
        if sum(sizes[id(left)] for left in kept) <= limit:
            break
        kept = [left for left in kept if left is not message]
    return kept


def affinity(request: Generation, session: str | None) -> str:
    """Which replica a call lands on, or empty where nothing says so. The body's key outranks ``user``, which outranks
    the header ``x-session-affinity``; the isolation key splits the cache further.
    """
    replica = request.prompt_cache_key or request.user or session
    return f"{request.model}\n{request.prompt_cache_isolation_key or ''}\n{replica}" if replica else ""


def written(message: Message) -> str:
    """A message as the model reads it."""
    calls = [msgspec.json.encode(call.function).decode() for call in message.tool_calls or ()]
    return "\n".join([f"<|{message.role}|>", *texts(message), *calls]) + "\n"


def texts(message: Message) -> list[str]:
    """The text of a message, part by part; recordings and pictures are left out."""
    if message.content is None or isinstance(message.content, str):
        return [message.content] if message.content else []
    return [part.text for part in message.content if part.text]


def picture_count(message: Message) -> int:
    """How many pictures a message holds."""
    return sum(part.image_url is not None for part in message.content) if isinstance(message.content, list) else 0


def tool_text(tools: Sequence[Tool]) -> str:
    """Tools as the model reads them."""
    return msgspec.json.encode(list(tools)).decode() + "\n"
