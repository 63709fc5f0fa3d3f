"""Claim: to watch over the targets costs an attempt one and a half microseconds, however many targets there are.

Each row is what one call does, on a process where every target is well, and where some are not.
"""

from __future__ import annotations

import random
import time
import timeit
from collections.abc import Callable

from emberway.routing.base import Answered
from emberway.routing.health import Health
from emberway.routing.plan import Breaker, Target

ROUNDS = 2_000
FINE, BAD = Answered(200), Answered(503)
NAMES = ("first", "second", "third")
FIRST, SECOND, _ = (Target("config", key=name, siblings=NAMES) for name in NAMES)
GUARDED = Target("config", key="guarded", breaker=Breaker(5, 0.5, 5, 30.0, None))


def main() -> None:
    """Print the table."""
    print(f"{'':44}{'µs':>8}")
    well, full, ill = Health(random.random), Health(random.random), Health(random.random)
    for number in range(10_000):
        full.begin(Target("config", key=str(number)), time.monotonic(), is_retry=False)
    for _ in range(5):
        attempt(ill, SECOND, BAD)()
    rows = {
        "an attempt, from begin to end": attempt(well, FIRST, FINE),
        "… with 10,000 targets known": attempt(full, FIRST, FINE),
        "… with cb_config": attempt(well, GUARDED, FINE),
        "asked whether it is out, all are well": question(well, FIRST),
        "… another is ejected": question(ill, FIRST),
        "… it is ejected itself": question(ill, SECOND),
        "… it has a cb_config": question(well, GUARDED),
    }
    for name, one in rows.items():
        print(f"{name:44}{min(timeit.repeat(one, number=ROUNDS, repeat=50)) / ROUNDS * 1e6:8.2f}")


def attempt(health: Health, target: Target, outcome: Answered) -> Callable[[], None]:
    """One attempt, with the readings of the clock that it takes."""

    def one() -> None:
        began = time.monotonic()
        health.begin(target, began, is_retry=False)
        now = time.monotonic()
        health.end(target, outcome, now - began, now)

    return one


def question(health: Health, target: Target) -> Callable[[], str | None]:
    """What a strategy asks of each node."""
    view = health.at(time.monotonic)
    return lambda: view.why_out(target)


if __name__ == "__main__":
    main()
