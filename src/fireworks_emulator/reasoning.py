"""Which models reason, how much, and what they accept: it differs per family of models."""

from __future__ import annotations

from dataclasses import dataclass

from fireworks_emulator.catalogue import Model
from fireworks_emulator.errors import envelope_a
from fireworks_emulator.requests import Generation

SENTENCES: dict[str, int] = {"none": 0, "low": 1, "medium": 3, "high": 6, "xhigh": 9, "max": 12, "adaptive": 3}
"""How long the emulated thoughts are."""


@dataclass(frozen=True, slots=True)
class Family:
    """How models whose slug begins like this treat ``reasoning_effort``; others are refused where ``strict``."""

    prefixes: tuple[str, ...]
    default: str
    accepts: frozenset[str] = frozenset(SENTENCES)
    strict: bool = False


FAMILIES = (
    Family(("minimax-m2",), "medium", frozenset({"low", "medium", "high"}), strict=True),
    Family(("gpt-oss",), "medium", frozenset({"low", "medium", "high"}), strict=True),
    Family(("deepseek-v3p1",), "none"),
    Family(("deepseek-v4",), "high", frozenset({"none", "high", "max"})),
    Family(("glm-5",), "max", frozenset({"none", "high", "max"})),
    Family(("kimi-k3",), "high", frozenset({"none", "low", "high", "max"})),
    Family(("deepseek-r1", "qwq", "kimi-k2-thinking"), "medium"),
)
"""From the provider's guide to reasoning and its clients, 2026; the first family that fits is taken."""

OTHERS = Family((), "medium")
"""Any other model that is published as reasoning."""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much to think: sentences, and a hard cap in tokens where one was given."""

    sentences: int = 0
    cap: int | None = None


def plan(request: Generation, model: Model) -> Reasoning:
    """How much this call thinks. Raises 400 for an effort that the family does not know."""
    family = _family(model)
    if family is None:
        return Reasoning()
    if request.thinking is not None:
        if request.thinking.type == "disabled":
            return Reasoning()
        return Reasoning(SENTENCES["high"], request.thinking.budget_tokens)
    effort = request.reasoning_effort
    if isinstance(effort, int) and not isinstance(effort, bool):
        _expect(not family.strict and effort >= 0, effort)
        return Reasoning(SENTENCES["max"] if effort else 0, effort)
    _expect(not (family.strict and isinstance(effort, bool)), effort)
    named = _named(effort, family)
    _expect(named in SENTENCES, named)
    if named in family.accepts:
        return Reasoning(SENTENCES[named])
    _expect(not family.strict, named)
    return Reasoning(SENTENCES[family.default])


def _named(effort: bool | str | None, family: Family) -> str:
    if effort is None:
        return family.default
    return effort if isinstance(effort, str) else "medium" if effort else "none"


def _family(model: Model) -> Family | None:
    for family in FAMILIES:
        if model.slug.startswith(family.prefixes):
            return family
    return OTHERS if model.reasoning else None


def _expect(fine: bool, effort: object) -> None:
    if not fine:
        raise envelope_a(400, f"Invalid reasoning effort: {effort}")
