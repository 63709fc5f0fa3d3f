"""What is known of each model: found by any of its names, listed the way OpenAI's clients read a list of models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.resources import files

import msgspec

MODELS = "accounts/fireworks/models/"
ROUTERS = "accounts/fireworks/routers/"

ORDER = ("current", "listed 2026", "documented", "unknown", "dedicated-only", "past-or-dedicated", "retired")
"""The order of a listing: what a call most likely reaches stands first."""

_MODALITIES = {
    "embedding": ("text", "embedding"),
    "image": ("text", "image"),
    "audio_transcription": ("audio", "text"),
    "rerank": ("text", "score"),
}
"""What a kind of model reads and writes, where it is not text and text."""


@dataclass(frozen=True, slots=True)
class Model:
    """One row of ``fireworks.json``. ``None`` everywhere means that nobody has said."""

    id: str
    kind: str
    """``chat``, ``embedding``, ``rerank``, ``image``, ``audio_transcription``, ``decisions`` or ``evaluation``."""
    status: str
    """One of ``ORDER``."""
    source: str
    source_date: date
    context_length: int | None = None
    """Tokens."""
    max_output_tokens: int | None = None
    supports_tools: bool | None = None
    supports_vision: bool | None = None
    supports_reasoning: bool | None = None
    input_price_per_mtok: float | None = None
    """US dollars for a million tokens, here and below."""
    cached_input_price_per_mtok: float | None = None
    output_price_per_mtok: float | None = None
    image_price: float | None = None
    """US dollars for one ``image_price_unit``."""
    image_price_unit: str | None = None
    """``image``, or ``step``: an image takes as many as the call says."""
    audio_price_per_minute: float | None = None
    price_basis: str | None = None
    """``listed``, ``size_bucket`` (the price of all models of that size: no quote), or where it was taken from."""
    deprecated_on: date | None = None
    """The day from which serverless calls are refused."""
    aliases: tuple[str, ...] = ()


def find(model_id: str) -> Model | None:
    """The model called so: by its full name, by an alias, or by either without ``accounts/fireworks/…/``."""
    return _catalogue().by_name.get(model_id)


def listing() -> tuple[Model, ...]:
    """Every model, those that a call most likely reaches first."""
    return _catalogue().models


def list_answer() -> bytes:
    """The answer to a list of models, as JSON; made once."""
    return _catalogue().list_answer


def model_answer(model_id: str) -> bytes | None:
    """The answer to a question for one model, as JSON; ``None`` if it is not known."""
    model = find(model_id)
    return None if model is None else _catalogue().encoded[model.id]


def as_openai(model: Model) -> dict[str, object]:
    """OpenAI's model object and, beside it, everything the catalogue knows; ``None`` where it knows nothing."""
    return {
        "id": model.id,
        "object": "model",
        "created": int(datetime.combine(model.source_date, time(), UTC).timestamp()),
        "owned_by": "fireworks-ai",
        "context_length": model.context_length,
        "max_output_tokens": model.max_output_tokens,
        "modality": _modality(model),
        "supports_tools": model.supports_tools,
        "supports_vision": model.supports_vision,
        "supports_reasoning": model.supports_reasoning,
        "kind": model.kind,
        "status": model.status,
        "deprecated_on": model.deprecated_on,
        "pricing": _pricing(model),
        "aliases": model.aliases,
    }


def _modality(model: Model) -> dict[str, list[str]]:
    read, written = _MODALITIES.get(model.kind, ("text", "text"))
    return {"input": [read, "image"] if model.supports_vision else [read], "output": [written]}


def _pricing(model: Model) -> dict[str, object]:
    """Zero is not said: where the output costs nothing there is none to be billed, as with embeddings."""
    return {
        "input_per_mtok": model.input_price_per_mtok,
        "cached_input_per_mtok": model.cached_input_price_per_mtok,
        "output_per_mtok": model.output_price_per_mtok or None,
        "image_price": model.image_price,
        "image_price_unit": model.image_price_unit,
        "audio_per_minute": model.audio_price_per_minute,
        "currency": "USD",
        "basis": model.price_basis,
        "source": model.source,
        "source_date": model.source_date,
    }


@dataclass(frozen=True, slots=True)
class _Catalogue:
    models: tuple[Model, ...]
    by_name: dict[str, Model]
    encoded: dict[str, bytes]
    list_answer: bytes


@cache
def _catalogue() -> _Catalogue:
    """The whole file, read and encoded once, when somebody first asks."""
    rows = msgspec.json.decode(files("emberway.catalog").joinpath("fireworks.json").read_bytes(), type=list[Model])
    models = tuple(sorted(rows, key=lambda model: ORDER.index(model.status)))
    encoded = {model.id: msgspec.json.encode(as_openai(model)) for model in models}
    listed = msgspec.json.encode({"object": "list", "data": [msgspec.Raw(text) for text in encoded.values()]})
    return _Catalogue(models, _by_name(models), encoded, listed)


def _by_name(models: tuple[Model, ...]) -> dict[str, Model]:
    """Full names outrank aliases, and both outrank short names; among equals the model listed first counts."""
    full = [(model.id, model) for model in models]
    full += [(alias, model) for model in models for alias in model.aliases]
    short = [(name.removeprefix(MODELS).removeprefix(ROUTERS), model) for name, model in full]
    by_name: dict[str, Model] = {}
    for name, model in full + short:
        by_name.setdefault(name, model)
    return by_name
