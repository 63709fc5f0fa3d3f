"""What a target takes over from the levels above it: the rules of the specification, section 4.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from emberway.errors import InvalidConfig
from emberway.routing.config_error import Steps, path, refused
from emberway.routing.config_fields import MOST_PARAMS
from emberway.routing.level import Level
from emberway.routing.plan import Breaker, Hedge, Retry


class Inherited(Struct, frozen=True):
    """What holds at some place of a config, whichever level it was written at."""

    override_params: Mapping[str, Any] = {}
    default_params: Mapping[str, Any] = {}
    drop_params: tuple[str, ...] = ()
    retry: Retry = Retry()
    request_timeout: float | None = None
    custom_host: str | None = None
    forward_headers: tuple[str, ...] = ()
    strict_open_ai_compliance: bool | None = None
    hedge: Hedge | None = None
    breaker: Breaker | None = None
    """For leaves: that of the strategies above."""


NOTHING = Inherited()


def taken_over(above: Inherited, level: Level, at: Steps) -> Inherited:
    """What holds at ``level``, and so for what stands below it, where ``above`` holds around it.

    Body fields are merged one by one, paths to drop are added; of everything else the level's own replaces what it
    would inherit, as a whole. Nothing else is inherited: provider, keys, settings, weight and name are a level's own.
    A circuit breaker does not reach through a conditional strategy, whose targets nothing stands in for (captured); one
    that a strategy below it has for itself does work. InvalidConfig for more body fields than a target may have.
    """
    return Inherited(
        _merged(above.override_params, level.override_params, "override_params", at),
        _merged(above.default_params, level.default_params, "default_params", at),
        _appended(above.drop_params, level.drop_params, at),
        above.retry if level.retry is None else level.retry,
        above.request_timeout if level.request_timeout is None else level.request_timeout,
        above.custom_host if level.custom_host is None else level.custom_host,
        above.forward_headers if level.forward_headers is None else level.forward_headers,
        above.strict_open_ai_compliance if level.strict_open_ai_compliance is None else level.strict_open_ai_compliance,
        above.hedge if level.hedge is None else level.hedge,
        _breaker(above.breaker, level),
    )


def _merged(above: Mapping[str, Any], own: Mapping[str, Any], name: str, at: Steps) -> Mapping[str, Any]:
    if not own or not above:
        return own or above
    merged = {**above, **own}
    if len(merged) > MOST_PARAMS:
        raise _too_many(name, len(merged), at)
    return merged


def _appended(above: tuple[str, ...], own: tuple[str, ...], at: Steps) -> tuple[str, ...]:
    if not own or not above:
        return own or above
    together = tuple(dict.fromkeys((*above, *own)))
    if len(together) > MOST_PARAMS:
        raise _too_many("drop_params", len(together), at)
    return together


def _breaker(above: Breaker | None, level: Level) -> Breaker | None:
    if level.strategy is None:
        return above
    if level.strategy.mode == "conditional":
        return None
    return level.strategy.cb_config or above


def _too_many(name: str, count: int, at: Steps) -> InvalidConfig:
    where = (*at, name)
    return refused(
        where,
        f"The config's {path(where)} comes to {count} entries with those it inherits, and at most {MOST_PARAMS} are "
        "accepted.",
    )
