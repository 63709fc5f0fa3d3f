"""Usage × price → cost."""

from __future__ import annotations

from emberway.catalog.models import Model
from emberway.exchange import Usage

CACHED_SHARE = 0.5
"""Of the input price, for input read from the prompt cache where no price of its own is listed (Fireworks' rule)."""

_MILLION = 1_000_000


def cost(model: Model, usage: Usage) -> float | None:
    """US dollars for the tokens of one call, at standard serverless prices; ``None`` if a price or count is unknown."""
    price = model.input_price_per_mtok
    if price is None or usage.prompt is None:
        return None
    completion = usage.completion or 0
    if completion and model.output_price_per_mtok is None:
        return None
    cached_price = model.cached_input_price_per_mtok
    if cached_price is None:
        cached_price = price * CACHED_SHARE
    cached = min(usage.cached or 0, usage.prompt)
    spent = (usage.prompt - cached) * price + cached * cached_price + completion * (model.output_price_per_mtok or 0.0)
    return spent / _MILLION
