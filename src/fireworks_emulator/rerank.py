"""``POST /rerank``: documents in the order in which they answer a query."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from fireworks_emulator import relevance
from fireworks_emulator.call import call_of, read_body
from fireworks_emulator.delivery import json_response
from fireworks_emulator.performance import measure
from fireworks_emulator.requests import Closed
from fireworks_emulator.tokens import count
from fireworks_emulator.validation import parse

DEFAULT_MODEL = "fireworks/qwen3-reranker-8b"
"""For a request that names none: the only reranker of the serverless offer."""


class RerankRequest(Closed, kw_only=True):
    """The closed request schema."""

    query: str
    documents: Annotated[list[str], Meta(min_length=1)]
    model: str = DEFAULT_MODEL
    top_n: Annotated[int, Meta(ge=1)] | None = None
    return_documents: bool = True
    task: str | None = None


async def rerank(request: Request) -> Response:
    """The documents with a score between 0 and 1 each, best first."""
    call = call_of(request)
    asked = parse(await read_body(request), RerankRequest)
    model = call.model(asked.model, "rerank")
    scores = [(relevance.score(asked.query, document), -index) for index, document in enumerate(asked.documents)]
    best = sorted(scores, reverse=True)[: asked.top_n]
    tokens = sum(count(asked.task or "") + count(asked.query) + count(document) for document in asked.documents)
    body: dict[str, Any] = {
        "object": "list",
        "model": model.id,
        "data": [_entry(asked, -place, score) for score, place in best],
    }
    if not call.has_manner("usage-missing"):
        body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0}
    headers = call.emulator.limits.charge(call.key, model.id, prompt=tokens, cached=0, generated=0)
    return json_response(body, headers | measure(tokens, 0, 0, 0).headers())


def _entry(asked: RerankRequest, index: int, score: float) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": index, "relevance_score": score}
    return entry | {"document": asked.documents[index]} if asked.return_documents else entry
