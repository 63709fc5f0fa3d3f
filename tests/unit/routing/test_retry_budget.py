"""Retries stay a small part of what a target gets, and dry up while nothing succeeds."""

from __future__ import annotations

import pytest

from emberway.routing.base import Answered, Failed
from emberway.routing.retry_budget import LEAST, MOST_TOKENS, PRICE, PRICE_AFTER_TIMEOUT, RetryBudget

BAD = Answered(503)
TIMEOUT = Failed(408, "upstream_timeout")


def spent(budget: RetryBudget, now: float, outcome: Answered | Failed = BAD) -> int:
    """Retries that were granted at that moment until one was refused."""
    granted = 0
    budget.failed(outcome)
    while budget.spend(now):
        granted += 1
    return granted


def busy(now: float, firsts: int) -> RetryBudget:
    budget = RetryBudget()
    for _ in range(firsts):
        budget.began(now)
    return budget


@pytest.mark.parametrize(
    ("firsts", "retries"), [(0, LEAST), (1, LEAST), (15, LEAST), (19, 3), (20, 4), (100, 20), (499, 99)]
)
def test_retries_are_a_fifth_of_the_calls_of_ten_seconds_and_three_at_the_least(firsts, retries):
    assert spent(busy(5.0, firsts), 5.0) == retries


def test_ten_seconds_later_there_are_retries_again():
    budget = busy(0.0, 50)

    assert [spent(budget, now) for now in (0.0, 9.9, 10.0, 19.9)] == [10, 0, LEAST, 0]


@pytest.mark.parametrize(
    ("outcome", "price"), [(BAD, PRICE), (Failed(502, "x"), PRICE), (TIMEOUT, PRICE_AFTER_TIMEOUT)]
)
def test_without_a_success_a_hundred_retries_are_all_and_half_as_many_after_timeouts(outcome, price):
    assert spent(busy(0.0, 10_000), 0.0, outcome) == MOST_TOKENS // price


def test_a_timeout_that_the_provider_reports_is_an_answer_like_any_other():
    assert spent(busy(0.0, 10_000), 0.0, Answered(408)) == MOST_TOKENS // PRICE


def test_only_successes_bring_new_retries():
    budget = busy(0.0, 10_000)
    spent(budget, 0.0)

    for _ in range(4 * PRICE - 1):
        budget.succeeded()

    assert spent(budget, 0.0) == 3


def test_successes_are_not_saved_up_beyond_the_bucket():
    budget = busy(0.0, 10_000)
    for _ in range(10 * MOST_TOKENS):
        budget.succeeded()

    assert spent(budget, 0.0) == MOST_TOKENS // PRICE
