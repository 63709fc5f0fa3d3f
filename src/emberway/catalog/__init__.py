"""Models and their prices, as data with a source and a date."""

from __future__ import annotations

from emberway.catalog.models import Model, as_openai, find, list_answer, listing, model_answer

COVERS = frozenset({"fireworks-ai", "emulator"})
"""Slugs of the providers whose models these are; the emulator serves Fireworks' own."""

__all__ = ["COVERS", "Model", "as_openai", "find", "list_answer", "listing", "model_answer"]
