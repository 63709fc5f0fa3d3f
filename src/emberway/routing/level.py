"""One object of a config as it was written: read and sound in itself, before anything is inherited or looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from emberway.routing.facts import Facts, Finding
from emberway.routing.plan import Breaker, Hedge, Mode, Retry, Sticky
from emberway.secret import Secret


class Query(Struct, frozen=True, eq=False):
    """A condition's query, compiled."""

    examine: Callable[[Facts], Finding]
    reads_params: bool


class Branch(Struct, frozen=True, eq=False):
    """One of ``strategy.conditions``."""

    query: Query
    then: str
    """Name of a target beside it."""


class Strategy(Struct, frozen=True, eq=False):
    """``strategy``."""

    mode: Mode
    on_status_codes: frozenset[int] | None = None
    conditions: tuple[Branch, ...] = ()
    default: str | None = None
    sticky: Sticky | None = None
    cb_config: Breaker | None = None


class Level(Struct, frozen=True, eq=False):
    """The config itself, one of its targets, or a target's target; ``None`` and empty: nothing was written."""

    strategy: Strategy | None = None
    targets: tuple[Level, ...] = ()
    """Empty for a leaf, and only there."""
    name: str | None = None
    weight: float = 1.0
    provider: str | None = None
    api_key: Secret | None = None
    virtual_key: str | None = None
    override_params: Mapping[str, Any] = {}
    default_params: Mapping[str, Any] = {}
    drop_params: tuple[str, ...] = ()
    retry: Retry | None = None
    request_timeout: float | None = None
    custom_host: str | None = None
    forward_headers: tuple[str, ...] | None = None
    strict_open_ai_compliance: bool | None = None
    cache: Mapping[str, Any] | None = None
    hedge: Hedge | None = None
    shadow: ShadowLevel | None = None
    settings: Mapping[str, Any] = {}


class ShadowLevel(Struct, frozen=True, eq=False):
    """``shadow``."""

    target: Level
    share: float = 1.0
    max_concurrency: int = 10
