"""A window forgets what is long past, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emberway.routing.window import SECONDS, Window

MOMENTS = st.lists(st.floats(0, 60), max_size=60).map(sorted)


def test_an_event_counts_for_more_than_nine_seconds_and_no_more_than_ten():
    window = Window()

    window.add(100.999)

    assert [window.count(now) for now in (100.999, 109.999, 110.0)] == [1, 1, 0]


def test_after_a_long_silence_nothing_is_left():
    window = Window()
    for second in range(SECONDS):
        window.add(second)

    assert (window.count(9), window.count(1e9)) == (SECONDS, 0)


@given(moments=MOMENTS)
def test_the_count_is_that_of_the_last_ten_seconds_begun(moments):
    window = Window()
    for at, now in enumerate(moments):
        window.add(now)

        assert window.count(now) == sum(int(moment) > int(now) - SECONDS for moment in moments[: at + 1])
