"""Every provider that this gateway speaks to, by its slug: what is listed here is installed, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from emberway.errors import InvalidCall
from emberway.providers.base import Provider
from emberway.providers.fireworks import FIREWORKS
from emberway.providers.openai_compatible import OPENAI_COMPATIBLE

PROVIDERS: Mapping[str, Provider] = {
    FIREWORKS.slug: FIREWORKS,
    **{provider.slug: provider for provider in OPENAI_COMPATIBLE},
}


def find(slug: str, providers: Mapping[str, Provider] = PROVIDERS) -> Provider:
    """The provider called ``slug``; InvalidCall names the nearest one and says what to send."""
    provider = providers.get(slug)
    if provider is None:
        raise InvalidCall(_unknown(slug[:64], providers), param="x-portkey-provider", code="unknown_provider")
    return provider


def _unknown(slug: str, providers: Mapping[str, Provider]) -> str:
    near = get_close_matches(slug.lower().replace("_", "-"), providers, n=1)
    advice = f"Did you mean '{near[0]}'?" if near else f"Send for example '{FIREWORKS.slug}' or 'openai'."
    return (
        f"The provider '{slug}' is not one that this gateway speaks to. {advice} A server that takes OpenAI's format "
        "is reached with 'openai' and its address in x-portkey-custom-host."
    )
