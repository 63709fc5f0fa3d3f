"""Judges outcomes: which of them speak against a target, and when there are so many that it should be left alone."""

from __future__ import annotations

from emberway.errors import UpstreamBusy, UpstreamTimeout
from emberway.routing.base import Answered, Outcome
from emberway.routing.latency import Latencies
from emberway.routing.window import Window

STREAK = 5
"""Failures in a row that are too many."""
SHARE = 0.5
"""Of the outcomes of the last ten seconds, failures that are too many …"""
LEAST = 20
"""… if there were as many outcomes as this."""
PATIENT = 1.0
"""Seconds after which a timeout counts while nobody knows how long the target usually takes."""
CONNECT_TIMEOUT = "upstream_connect_timeout"
"""The code of the one deadline that no caller can shorten."""


def is_failure(outcome: Outcome, seconds: float, latencies: Latencies) -> bool | None:
    """Whether ``outcome``, come to after ``seconds``, speaks against the target; ``None`` if it says nothing about it.

    Every status from 500 on does; any other shows that the target is alive. No answer does, except where we ourselves
    refused to send, and a timeout sooner than the target usually answers: that says how little patience the caller had,
    and callers must not be able to put a target out for everybody by having none.
    """
    if isinstance(outcome, Answered):
        return outcome.status >= 500
    if outcome.code == CONNECT_TIMEOUT:
        return True
    if outcome.status == UpstreamTimeout.status:
        usual = latencies.usual()
        return seconds >= (PATIENT if usual is None else usual) or None
    return (outcome.status >= 500 and outcome.status != UpstreamBusy.status) or None


class Failures:
    """One target's latest outcomes."""

    __slots__ = ("_ended", "_failed", "_streak")

    def __init__(self) -> None:
        self._streak = 0
        self._ended = Window()
        self._failed = Window()

    def succeeded(self, now: float) -> None:
        """An attempt has shown that the target is alive."""
        self._streak = 0
        self._ended.add(now)

    def failed(self, now: float) -> bool:
        """An attempt has failed; whether that makes too many: 5 in a row, or half of at least 20 in ten seconds."""
        self._streak += 1
        self._ended.add(now)
        self._failed.add(now)
        if self._streak >= STREAK:
            return True
        ended = self._ended.count(now)
        return ended >= LEAST and self._failed.count(now) >= SHARE * ended
