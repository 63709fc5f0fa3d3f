"""The three lists of models: OpenAI's shape, the serverless catalogue with prices, the control plane's resources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fireworks_emulator.call import call_of
from fireworks_emulator.catalogue import Catalogue, Model
from fireworks_emulator.delivery import json_response
from fireworks_emulator.errors import envelope_g

COLLECTED = 1_795_305_600
"""2026-11-22, the day of the catalogue, in Unix seconds: creation dates of models are not published."""

ACCOUNT = "accounts/fireworks/models/"
SERVERLESS = frozenset({"current", "listed 2026", "documented", "emulator"})
KINDS = {"embedding": "EMBEDDING_MODEL", "image": "FLUMINA_BASE_MODEL"}
MOST_PER_PAGE, USUAL_PER_PAGE = 200, 50

_FILTER = re.compile(r"supports_?[sS]erverless\s*=\s*\"?(true|false)\"?")


async def models(request: Request) -> Response:
    """``GET /models``: what may be called by an ``accounts/`` name, as OpenAI lists models."""
    return json_response({"object": "list", "data": [_listed(model) for model in call_of(request).emulator.catalogue]})


async def serverless_models(request: Request) -> Response:
    """``GET /serverless/models``: one row per model and serving mode, with prices in US dollars."""
    catalogue = call_of(request).emulator.catalogue
    wanted = {case for value in request.query_params.getlist("use_cases") for case in value.split(",")}
    rows = [row for row in _rows(catalogue) if not wanted or wanted & set(row["use_cases"])]
    return json_response({"object": "list", "data": rows})


async def account_models(request: Request) -> Response:
    """``GET /accounts/{account}/models``: pages of model resources."""
    parameters = request.query_params
    chosen = list(_resources(call_of(request).emulator.catalogue, request.path_params["account"]))
    if condition := parameters.get("filter"):
        found = _FILTER.fullmatch(condition.strip())
        if not found:
            raise envelope_g(400, f"The emulator knows no filter {condition!r}.")
        chosen = [one for one in chosen if one["supportsServerless"] == (found[1] == "true")]
    size, start = _number(parameters.get("pageSize"), USUAL_PER_PAGE), _number(parameters.get("pageToken"), 0)
    size = min(size or USUAL_PER_PAGE, MOST_PER_PAGE)
    page: dict[str, Any] = {"models": chosen[start : start + size], "totalSize": len(chosen)}
    if start + size < len(chosen):
        page["nextPageToken"] = str(start + size)
    return json_response(page)


async def account_model(request: Request) -> Response:
    """``GET /accounts/{account}/models/{model}``: one resource. Raises 404 in the control plane's shape."""
    account, slug = request.path_params["account"], request.path_params["model"]
    for resource in _resources(call_of(request).emulator.catalogue, account):
        if resource["name"] == f"accounts/{account}/models/{slug}":
            return json_response(resource)
    raise envelope_g(404, f"model accounts/{account}/models/{slug} not found")


def _listed(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "object": "model",
        "created": COLLECTED,
        "owned_by": "emulator" if model.status == "emulator" else "fireworks",
        "kind": KINDS.get(model.kind, "HF_BASE_MODEL"),
        "supports_chat": model.kind == "chat",
        "supports_image_input": bool(model.vision),
        "supports_tools": bool(model.tools),
        "context_length": model.window,
    }


def _rows(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    by_id = {model.id: model for model in catalogue}
    for model in by_id.values():
        if model.status not in SERVERLESS:
            continue
        prices = model.details or {}
        standard = [prices.get(f"{name}_price_per_mtok") for name in ("input", "cached_input", "output")]
        base = model.id.replace("/routers/", "/models/").removesuffix("-fast")
        if base != model.id and base in by_id:
            yield _row(by_id[base], "fast", standard) | {"usage_identifier": model.id}
        else:
            yield _row(model, "standard", standard)
        if priority := prices.get("priority_price_per_mtok"):
            yield _row(model, "priority", priority) | {"service_tier": "priority"}


def _row(model: Model, mode: str, prices: list[float | None]) -> dict[str, Any]:
    skus = ("LLM input tokens (uncached)", "LLM input tokens (cached)", "LLM output tokens")
    return {
        "id": model.id,
        "object": "model",
        "serverless_mode": mode,
        "aliases": list(model.aliases),
        "pricing": [
            {"sku": sku, "amount": _amount(price), "unit": "1M tokens"}
            for sku, price in zip(skus, prices, strict=True)
            if price is not None
        ],
        "display_name": model.slug,
        "description": "A model of the emulator" if model.status == "emulator" else "Answered by the emulator",
        "context_length": model.window,
        "use_cases": [model.kind],
        "input_modalities": ["text", "image"] if model.vision else ["audio" if "audio" in model.kind else "text"],
        "output_modalities": ["image" if model.kind == "image" else "text"],
        "created": COLLECTED,
    }


def _resources(catalogue: Catalogue, account: str) -> Iterator[dict[str, Any]]:
    if account != "fireworks":
        raise envelope_g(404, f"account accounts/{account} not found")
    for model in catalogue:
        if model.id.startswith(ACCOUNT):
            yield _resource(model)


def _resource(model: Model) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "name": model.id,
        "displayName": f"{model.slug} (emulator)" if model.status == "emulator" else model.slug,
        "kind": KINDS.get(model.kind, "HF_BASE_MODEL"),
        "contextLength": model.window,
        "supportsImageInput": bool(model.vision),
        "supportsTools": bool(model.tools),
        "supportsServerless": model.status in SERVERLESS,
        "state": "READY",
        "public": True,
    }
    if gone := (model.details or {}).get("deprecated_on"):
        year, month, day = map(int, gone.split("-"))
        resource["deprecationDate"] = {"year": year, "month": month, "day": day}
    return resource


def _amount(price: float) -> str:
    """At least two decimals, as many as needed: 1.40, 0.0042."""
    text = f"{price:.6f}".rstrip("0")
    return f"{price:.2f}" if len(text.partition(".")[2]) < 2 else text


def _number(text: str | None, default: int) -> int:
    if text is None or not text:
        return default
    if not text.isdecimal():
        raise envelope_g(400, f"{text!r} is not a number.")
    return int(text)
