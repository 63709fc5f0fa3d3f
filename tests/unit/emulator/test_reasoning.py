"""How much a model thinks depends on its family and on what was asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fireworks_emulator import reasoning
from fireworks_emulator.catalogue import PREFIX, load
from fireworks_emulator.errors import Refused
from fireworks_emulator.requests import ChatRequest

MODELS = load(strict=False)


def thinks(slug: str, **fields: Any) -> int:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **fields}
    return reasoning.plan(msgspec.convert(body, ChatRequest), MODELS.find(PREFIX + slug)).sentences


@pytest.mark.parametrize(
    "slug", ["kimi-k3", "gpt-oss-120b", "minimax-m2p7", "deepseek-v4-pro", "qwen3-8b", "deepseek-r1"]
)
def test_a_reasoning_model_thinks_unasked(slug: str) -> None:
    assert thinks(slug) > 0


@pytest.mark.parametrize("slug", ["llama-v3p1-405b-instruct", "deepseek-v3p1"])
def test_other_models_and_those_off_by_default_do_not(slug: str) -> None:
    assert thinks(slug) == 0


@pytest.mark.parametrize(
    "off", [{"reasoning_effort": "none"}, {"reasoning_effort": False}, {"thinking": {"type": "disabled"}}]
)
def test_thinking_can_be_switched_off(off: dict[str, Any]) -> None:
    assert thinks("qwen3-8b", **off) == 0


@pytest.mark.parametrize(
    "on", [{"reasoning_effort": "low"}, {"reasoning_effort": True}, {"thinking": {"type": "enabled"}}]
)
def test_thinking_can_be_switched_on(on: dict[str, Any]) -> None:
    assert thinks("deepseek-v3p1", **on) > 0


def test_more_effort_means_more_thought() -> None:
    efforts = [thinks("qwen3-8b", reasoning_effort=effort) for effort in ("none", "low", "medium", "high")]

    assert efforts == sorted(set(efforts))


def test_deepseek_v4_promotes_low_and_medium_to_high() -> None:
    high = thinks("deepseek-v4-pro", reasoning_effort="high")

    assert [thinks("deepseek-v4-pro", reasoning_effort=effort) for effort in ("low", "medium", "none")] == [
        high,
        high,
        0,
    ]


@pytest.mark.parametrize(
    ("slug", "effort", "shown"),
    [
        ("gpt-oss-120b", "none", "none"), ("minimax-m2p7", False, "False"), ("minimax-m2p7", "max", "max"),
        ("gpt-oss-20b", 500, "500"), ("kimi-k3", "enormous", "enormous"), ("qwen3-8b", -1, "-1"),
    ],
)  # fmt: skip
def test_an_effort_that_the_family_does_not_know_is_refused(slug: str, effort: object, shown: str) -> None:
    with pytest.raises(Refused) as refused:
        thinks(slug, reasoning_effort=effort)

    assert (refused.value.status, refused.value.message) == (400, f"Invalid reasoning effort: {shown}")
