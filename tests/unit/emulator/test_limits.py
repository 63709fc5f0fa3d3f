"""Rate-limit headers count down and start again each minute."""

from __future__ import annotations

from fireworks_emulator.limits import LIMITS, MINUTE, Limits


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_left_counts_down_per_key_and_model() -> None:
    limits = Limits(Clock())

    limits.charge("a", "m", prompt=100, cached=40, generated=10)
    headers = limits.charge("a", "m", prompt=100, cached=0, generated=5)
    others = limits.charge("b", "m", prompt=1, cached=0, generated=1)

    assert headers["x-ratelimit-remaining-tokens-prompt"] == str(LIMITS["tokens-prompt"] - 200)
    assert headers["x-ratelimit-remaining-tokens-cache-adjusted-prompt"] == str(
        LIMITS["tokens-cache-adjusted-prompt"] - 160
    )
    assert headers["x-ratelimit-remaining-tokens-generated"] == str(LIMITS["tokens-generated"] - 15)
    assert headers["x-ratelimit-remaining-requests"] == str(LIMITS["requests"] - 2)
    assert headers["x-ratelimit-limit-requests"] == str(LIMITS["requests"])
    assert others["x-ratelimit-remaining-requests"] == str(LIMITS["requests"] - 1)


def test_a_new_minute_starts_from_the_full_limit() -> None:
    clock = Clock()
    limits = Limits(clock)
    limits.charge("a", "m", prompt=100, cached=0, generated=10)

    clock.now += MINUTE
    headers = limits.charge("a", "m", prompt=1, cached=0, generated=1)

    assert headers["x-ratelimit-remaining-requests"] == str(LIMITS["requests"] - 1)


def test_beyond_the_limit_nothing_is_left_and_the_flag_says_so() -> None:
    limits = Limits(Clock())

    before = limits.charge("a", "m", prompt=0, cached=0, generated=LIMITS["tokens-generated"])
    after = limits.charge("a", "m", prompt=0, cached=0, generated=1)

    assert (before["x-ratelimit-over-limit"], after["x-ratelimit-over-limit"]) == ("no", "yes")
    assert after["x-ratelimit-remaining-tokens-generated"] == "0"
