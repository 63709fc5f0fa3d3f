"""Leaves a target alone whose provider refuses its credential, or the rate of its calls: no fault of the target's."""

from __future__ import annotations

from typing import NamedTuple

from emberway.routing.base import Answered, Outcome
from emberway.routing.plan import Target

MOST_SECONDS = 60.0
"""That a target is left alone because its provider asks for it."""
REFUSED_SECONDS = 60.0
"""That a target is left alone whose credential was refused."""


class Parked(NamedTuple):
    """A target that nothing should be sent to for a while."""

    until: float
    why: str


def parked(target: Target, outcome: Outcome, now: float) -> Parked | None:
    """How long ``target`` is left alone after ``outcome``; ``None`` if it is not.

    Only a target with a credential of its own. What a provider says to a credential that came with the call concerns
    that caller alone, and the next caller brings another.
    """
    if not isinstance(outcome, Answered) or not has_credential(target):
        return None
    if outcome.status in (401, 403):
        return Parked(now + REFUSED_SECONDS, "credential refused")
    if outcome.status == 429 and outcome.retry_after:
        return Parked(now + min(outcome.retry_after, MOST_SECONDS), "parked until its Retry-After passes")
    return None


def has_credential(target: Target) -> bool:
    """Whether ``target`` itself says which credential its provider is shown: a key, or a slug that stands for one."""
    if target.api_key is not None or target.virtual_key is not None:
        return True
    model = target.override_params.get("model")
    return any(isinstance(name, str) and name.startswith("@") for name in (target.provider, model))
