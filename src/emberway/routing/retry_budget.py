"""Keeps retries from multiplying the load on a target that is failing."""

from __future__ import annotations

from emberway.errors import UpstreamTimeout
from emberway.routing.base import Failed, Outcome
from emberway.routing.window import Window

SHARE = 0.2
"""Retries per first attempt, over the last ten seconds."""
LEAST = 3
"""Retries in ten seconds that every target is allowed, however little traffic it has."""
MOST_TOKENS = 500
PRICE = 5
"""Tokens that a retry costs; a success gives one back."""
PRICE_AFTER_TIMEOUT = 10
"""A target that does not even answer is given half as many."""


class RetryBudget:
    """What one target may be sent again.

    Two rules, and a retry needs both. The first bounds the rate: the retries of the last ten seconds are at most 20 %
    of the first attempts in them, or 3. Attempts are counted as they begin, not those under way: how many are under
    way depends on how long they take, and a retry that waits out its back-off is under way nowhere. So a target gets
    at most 1.2 times what clients asked for, whether it fails in a millisecond or in a minute. The second rule bounds
    the sum: 500 tokens are spent in a hundred retries, and only successes bring new ones, so that an outage is met
    with hardly any retries at all.
    """

    __slots__ = ("_firsts", "_is_after_timeout", "_retries", "_tokens")

    def __init__(self) -> None:
        self._firsts = Window()
        self._retries = Window()
        self._tokens = MOST_TOKENS
        self._is_after_timeout = False

    def began(self, now: float) -> None:
        """A first attempt, no retry, has begun."""
        self._firsts.add(now)

    def succeeded(self) -> None:
        """An attempt came to an answer that is good."""
        if self._tokens < MOST_TOKENS:
            self._tokens += 1

    def failed(self, outcome: Outcome) -> None:
        """An attempt came to anything else. The router asks for its retry next, so this decides the retry's price."""
        self._is_after_timeout = isinstance(outcome, Failed) and outcome.status == UpstreamTimeout.status

    def spend(self, now: float) -> bool:
        """Whether one more retry is within the budget; a yes is paid for."""
        price = PRICE_AFTER_TIMEOUT if self._is_after_timeout else PRICE
        if self._tokens < price or self._retries.count(now) + 1 > max(LEAST, SHARE * self._firsts.count(now)):
            return False
        self._tokens -= price
        self._retries.add(now)
        return True
