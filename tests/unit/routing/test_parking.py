"""A target whose provider refuses its credential or its rate is left alone, without being called ill."""

from __future__ import annotations

import pytest

from emberway.routing.base import Answered, Failed
from emberway.routing.parking import parked
from emberway.routing.plan import Target
from emberway.secret import Secret

OWN = Target("config", provider="openai", api_key=Secret("sk-1"))


def seconds(outcome: Answered | Failed, target: Target = OWN) -> float | None:
    found = parked(target, outcome, 1000.0)
    return None if found is None else found.until - 1000.0


@pytest.mark.parametrize(("asked", "left_alone"), [(0.5, 0.5), (12.0, 12.0), (60.0, 60.0), (1e9, 60.0)])
def test_after_a_429_a_target_is_left_alone_as_long_as_it_asks_but_at_most_a_minute(asked, left_alone):
    assert seconds(Answered(429, asked)) == left_alone


@pytest.mark.parametrize("status", [401, 403])
def test_a_target_whose_credential_was_refused_is_left_alone_for_a_minute(status):
    assert seconds(Answered(status)) == 60.0


@pytest.mark.parametrize(
    "outcome",
    [
        Answered(200),
        Answered(400),
        Answered(404),
        Answered(429),
        Answered(429, 0.0),
        Answered(503, 30.0),
        Failed(401, "x"),
    ],
)
def test_nothing_else_parks_a_target(outcome):
    assert seconds(outcome) is None


@pytest.mark.parametrize(
    "target",
    [
        Target("config", virtual_key="vk-1"),
        Target("config", provider="@openai-prod"),
        Target("config", override_params={"model": "@openai-prod/gpt-4o"}),
    ],
)
def test_a_target_that_names_a_saved_credential_can_be_parked(target):
    assert seconds(Answered(401), target) == 60.0


@pytest.mark.parametrize(
    "target", [Target("config"), Target("config", provider="openai", override_params={"model": "m"})]
)
@pytest.mark.parametrize("outcome", [Answered(401), Answered(429, 30.0)])
def test_what_a_provider_says_to_one_callers_credential_is_not_held_against_the_others(target, outcome):
    assert seconds(outcome, target) is None


def test_the_reasons_are_told_apart():
    found = [parked(OWN, outcome, 0.0) for outcome in (Answered(401), Answered(429, 1.0))]

    assert [each and each.why for each in found] == ["credential refused", "parked until its Retry-After passes"]
