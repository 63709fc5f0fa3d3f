"""No more calls are sent twice than the config allows, even if all of them become slow at once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.routing.hedge_budget import MOST_UNSPENT, HedgeBudget

AFTER = 2.0


def after(calls: int) -> HedgeBudget:
    """A budget that has seen that many calls, none of them hedged."""
    budget = HedgeBudget()
    for number in range(calls):
        budget.began(float(number))
        budget.ended(float(number), 0.5)
    return budget


def allowed(budget: HedgeBudget, share: float) -> int:
    hedges = 0
    while budget.allow(AFTER, share):
        hedges += 1
    return hedges


@pytest.mark.parametrize(
    ("calls", "share", "hedges"), [(0, 1.0, 0), (19, 0.05, 0), (20, 0.05, 1), (100, 0.05, 5), (7, 1.0, 7), (9, 0.25, 2)]
)
def test_of_all_calls_only_the_allowed_share_may_be_sent_twice(calls, share, hedges):
    assert allowed(after(calls), share) == hedges


def test_a_config_that_allows_no_hedges_gets_none():
    assert after(1000).allow(AFTER, 0.0) is False


def test_calls_of_long_ago_allow_no_burst_without_bounds():
    assert allowed(after(10 * MOST_UNSPENT), 0.05) == 0.05 * MOST_UNSPENT


def test_a_hedge_that_was_not_needed_is_given_back():
    budget = after(20)

    assert budget.allow(AFTER, 1 / 20)
    budget.began(100.0)
    assert not budget.allow(AFTER, 1 / 20)
    budget.ended(100.0, 1.9)

    assert budget.allow(AFTER, 1 / 20)


def test_a_hedge_that_was_needed_is_spent():
    budget = after(20)
    budget.allow(AFTER, 1 / 20)
    budget.began(100.0)

    budget.ended(100.0, 2.0)

    assert not budget.allow(AFTER, 1 / 20)


def test_the_end_of_another_call_gives_nothing_back():
    budget = after(20)
    budget.allow(AFTER, 1 / 20)
    budget.began(100.0)
    budget.began(100.5)  # nobody allowed this one a hedge

    budget.ended(100.5, 0.1)
    budget.ended(99.0, 1.2)

    assert not budget.allow(AFTER, 1 / 20)


@pytest.mark.parametrize(("began", "took"), [(0.9, 1.62), (0.1, 1.32)])
def test_a_beginning_that_was_computed_back_from_the_end_is_recognised(began, took):
    budget = after(20)
    budget.allow(AFTER, 1 / 20)
    budget.began(began)
    end = began + took

    budget.ended(end - (end - began), took)

    assert budget.allow(AFTER, 1 / 20)


@given(order=st.permutations(range(40)), hedged=st.sets(st.integers(0, 39)))
def test_when_all_calls_end_in_time_every_hedge_is_given_back(order, hedged):
    budget = after(400)
    for number in range(40):
        if number in hedged:
            assert budget.allow(AFTER, 0.1)
        budget.began(1000.0 + number / 1000)

    for number in order:
        budget.ended(1000.0 + number / 1000, 1.0)

    assert allowed(budget, 0.1) == 44


@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.02, 0.1, 0.5, 1.0]))
def test_whenever_calls_become_slow_the_share_holds_from_the_first_call_on(seed, share):
    dice = random.Random(seed)
    budget = HedgeBudget()
    under_way: list[tuple[float, float]] = []
    hedges = 0
    for number in range(400):
        now = number * 0.05
        may_hedge = budget.allow(AFTER, share)
        budget.began(now)
        seconds = 5.0 if dice.random() < 0.3 or 100 < number < 200 else dice.random()
        hedges += may_hedge and seconds >= AFTER
        under_way.append((now + seconds, now))
        for end, began in sorted(under_way):
            if end <= now:
                under_way.remove((end, began))
                budget.ended(began, end - began)

        assert hedges <= share * (number + 1)
