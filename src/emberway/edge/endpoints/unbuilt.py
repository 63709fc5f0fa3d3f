"""Paths of Portkey's own that this release does not answer, and that must never be passed on to a model provider."""

from __future__ import annotations

from emberway.edge.endpoints.base import Endpoint, Tools
from emberway.edge.request import Request
from emberway.errors import NotBuilt

_ALL = ("GET", "POST", "PUT", "PATCH", "DELETE")

_PARTS = {
    "prompts": "The prompt library",
    "feedback": "Feedback",
    "logs": "The log store",
    "virtual-keys": "The vault of virtual keys",
    "providers": "The vault of providers",
    "integrations": "The vault of integrations",
    "configs": "The store of routing configs",
    "api-keys": "The management of API keys",
    "analytics": "Analytics",
    "guardrails": "Guardrails",
    "labels": "Prompt labels",
    "collections": "Prompt collections",
    "policies": "Limit policies",
    "admin": "The administration API",
    "otel": "The OpenTelemetry receiver",
}


async def _answer(request: Request, tools: Tools) -> None:
    part = request.head.path.below.split("/")[1]
    raise NotBuilt(
        f"{_PARTS[part]} is not part of this release. Calls of models work: POST /v1/chat/completions, "
        "/v1/completions, /v1/embeddings, /v1/images/generations, GET /v1/models.",
        code="not_built",
    )


UNBUILT = tuple(Endpoint(part, f"/{part}{end}", _ALL, _answer) for part in _PARTS for end in ("", "/"))
