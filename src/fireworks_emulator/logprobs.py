"""Log probabilities in the provider's two formats; the figures are made up, but the same for the same token."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from fireworks_emulator.requests import Generation
from fireworks_emulator.tokens import token_id

_ALTERNATIVES = (" the", " a", " of", ",", " and", " to")


def legacy(tokens: Sequence[str], alternatives: int, offset: int = 0, *, from_start: bool = False) -> dict[str, Any]:
    """``logprobs: N``: parallel lists. ``from_start``: the first token opens the prompt and has no probability."""
    figures: list[float | None] = [logprob(token) for token in tokens]
    if from_start and figures:
        figures[0] = None
    tops = [{token: logprob(token), **dict(others(token, alternatives))} for token in tokens]
    return {
        "tokens": list(tokens),
        "token_logprobs": figures,
        "top_logprobs": tops,
        "text_offset": offsets(tokens, offset),
        "token_ids": [token_id(token) for token in tokens],
    }


def modern(tokens: Sequence[str], alternatives: int, offset: int = 0) -> dict[str, Any]:
    """``logprobs: true``: one object per token."""
    content = [
        {
            **_entry(token, logprob(token)),
            "sampling_logprob": logprob(token),
            "text_offset": place,
            "top_logprobs": _tops(token, alternatives),
        }
        for token, place in zip(tokens, offsets(tokens, offset), strict=True)
    ]
    return {"content": content}


def wanted(
    request: Generation, tokens: Sequence[str], offset: int = 0, *, from_start: bool = False
) -> dict[str, Any] | None:
    """The log probabilities that a request asks for, in its format, or None."""
    if request.logprobs is None or request.logprobs is False:
        return None
    if request.logprobs is True:
        return modern(tokens, request.top_logprobs or 0, offset)
    return legacy(tokens, request.logprobs, offset, from_start=from_start)


def logprob(token: str) -> float:
    """Between -2 and 0."""
    return -(zlib.crc32(token.encode("utf-8", "surrogatepass")) % 2000) / 1000


def others(token: str, number: int) -> list[tuple[str, float]]:
    """So many other tokens, each less probable than this one and than the one before."""
    found = [other for other in _ALTERNATIVES if other != token][:number]
    return [(other, round(logprob(token) - 0.5 * place, 3)) for place, other in enumerate(found, 1)]


def offsets(tokens: Sequence[str], start: int = 0) -> list[int]:
    """Where each token begins, in characters."""
    places: list[int] = []
    for token in tokens:
        places.append(start)
        start += len(token)
    return places


def _tops(token: str, number: int) -> list[dict[str, Any]]:
    tops = [(token, logprob(token)), *others(token, number)][:number]
    return [_entry(name, figure) for name, figure in tops]


def _entry(token: str, figure: float) -> dict[str, Any]:
    return {
        "token": token,
        "logprob": figure,
        "token_id": token_id(token),
        "bytes": list(token.encode("utf-8", "surrogatepass")),
    }
