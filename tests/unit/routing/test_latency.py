"""How long a target usually takes is known from its latest answers."""

from __future__ import annotations

from emberway.routing.latency import LEAST, MOST, Latencies


def after(*seconds: float) -> float | None:
    latencies = Latencies()
    for each in seconds:
        latencies.add(each)
    return latencies.usual()


def test_nobody_speaks_of_95_percent_of_less_than_twenty_answers():
    assert after(*[1.0] * (LEAST - 1)) is None
    assert after(*[1.0] * LEAST) == 1.0


def test_the_usual_time_is_what_95_percent_stay_within():
    assert after(*range(100, 0, -1)) == 95.0
    assert after(*[0.5] * 95, *[30.0] * 5) == 0.5
    assert after(*[0.5] * 94, *[30.0] * 6) == 30.0


def test_what_was_long_ago_is_forgotten():
    assert after(*[9.0] * 1000, *[1.0] * MOST) == 1.0
