"""Which models the emulator serves, under which names, and what each can do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from fireworks_emulator.errors import model_not_found

DATA = Path(__file__).with_name("models.json")
"""Names, windows, abilities and prices as published by the provider and collected on 2026-11-22."""

PREFIX = "accounts/fireworks/models/"
DEFAULT_WINDOW = 131_072
"""Tokens; for the few models whose context length is not published and for dedicated deployments."""

GONE = frozenset({"retired", "past-or-dedicated", "dedicated-only"})
"""Statuses of models that the provider no longer answers without a dedicated deployment."""


@dataclass(frozen=True, slots=True)
class Model:
    """One callable model. ``None`` for an ability: not published, so the emulator allows it."""

    id: str
    kind: str
    status: str
    window: int
    vision: bool | None = None
    tools: bool | None = None
    reasoning: bool | None = None
    dimensions: int | None = None
    resizable: bool = False
    unit_length: bool = False
    aliases: tuple[str, ...] = ()
    fault: str = ""
    """The fault that every call of this model meets; only models of the emulator's own have one."""
    rate: float = 0.0
    """Events per second where the model has a pace of its own; 0: the emulator's."""
    details: Any = None
    """The catalogue's row as it is, for the lists of models."""

    @property
    def slug(self) -> str:
        """The last part of the name, a deployment aside."""
        return self.id.partition("#")[0].rpartition("/")[2]

    @property
    def is_gone(self) -> bool:
        """Whether a strict catalogue refuses it."""
        return self.status in GONE

    def serves(self, kinds: Collection[str]) -> bool:
        """Whether calls of one of these kinds are answered; a dedicated deployment may hold anything."""
        return self.kind in kinds or self.kind == "deployment"


EMULATOR_MODELS = (
    ("echo", "", 0.0),
    ("story", "", 0.0),
    ("json", "", 0.0),
    ("slow", "slow;k=2", 20.0),
    ("flaky-30", "flaky-30", 0.0),
    ("429", "429", 0.0),
)
"""Models that exist only here: slug, the fault that each call meets, events per second."""


class Catalogue:
    """Finds a model by any of its names."""

    def __init__(self, models: Iterable[Model], *, strict: bool = False) -> None:
        self._strict = strict
        self._models = {model.id: model for model in models}
        by_alias = {alias: model for model in self._models.values() for alias in model.aliases}
        self._by_name = by_alias | self._models

    def find(self, name: str) -> Model:
        """The model of this name, its ``id`` as the answer shall echo it. Raises 404.

        A ``model#deployment`` and ``accounts/x/deployments/y`` name a dedicated deployment, which also serves models
        that have left the serverless offer. A bare slug is no name.
        """
        base, mark, deployment = name.partition("#")
        parts = base.split("/")
        if len(parts) == 4 and parts[0] == "accounts" and parts[2] == "deployments" and parts[1] and parts[3]:
            return Model(base, "deployment", "dedicated", DEFAULT_WINDOW)
        model = self._by_name.get(base)
        if model is None or (mark and not deployment):
            raise model_not_found()
        if self._strict and model.is_gone and not deployment:
            raise model_not_found()
        return replace(model, id=name) if base.startswith("accounts/") else model

    def __iter__(self) -> Iterator[Model]:
        """Every model that may be called, in the order of the data."""
        return (model for model in self._models.values() if not (self._strict and model.is_gone))


def load(*, strict: bool) -> Catalogue:
    """The published models and the emulator's own."""
    rows = msgspec.json.decode(DATA.read_bytes())
    return Catalogue([*map(_model, rows), *map(_emulator_model, EMULATOR_MODELS)], strict=strict)


def _model(row: dict[str, Any]) -> Model:
    return Model(
        id=row["id"],
        kind=row["kind"],
        status=row["status"],
        window=row["context_length"] or DEFAULT_WINDOW,
        vision=row["supports_vision"],
        tools=row["supports_tools"],
        reasoning=row["supports_reasoning"],
        dimensions=row.get("embedding_dimensions"),
        resizable=row.get("embedding_resizable") or False,
        unit_length=row.get("embedding_normalized") or False,
        aliases=tuple(row["aliases"]),
        details=row,
    )


def _emulator_model(entry: tuple[str, str, float]) -> Model:
    slug, fault, rate = entry
    return Model(PREFIX + slug, "chat", "emulator", DEFAULT_WINDOW, True, True, False, fault=fault, rate=rate)
