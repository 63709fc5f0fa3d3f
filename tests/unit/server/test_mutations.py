"""Damaged requests: whatever comes, the server answers in whole, in order, and not again after a refusal."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.examples import examples
from tests.integration.server.corpus import LAST
from tests.unit.server.test_splits import PLACES, SMALL, converse, cut

TAKEN = {200}
REFUSED = {400, 414, 431, 505}
BYTES = st.sampled_from(
    [
        *(b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b":", b",", b";", b"0", b"1", b"\xff", b"chunked"),
        *(b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n"),
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """One or two payloads with pieces of them changed, left out or repeated."""
    cases = draw(st.lists(st.sampled_from(SMALL), min_size=1, max_size=2))
    data = b"".join(case.payload for case in cases) + LAST
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8)))
        middle = draw(st.one_of(BYTES, st.just(b""), st.just(data[start:end] * 2), st.binary(max_size=3)))
        data = data[:start] + middle + data[end:]
    return data


@settings(deadline=None, max_examples=examples(300))
@given(damaged(), PLACES)
def test_a_damaged_request_is_answered_once_and_alike_however_it_is_cut(data: bytes, places: list[float]):
    whole = asyncio.run(converse([data]))
    in_pieces = asyncio.run(converse(cut(data, places)))

    assert whole == in_pieces
    statuses = [status for status, _ in whole]
    assert set(statuses[:-1]) <= TAKEN
    assert set(statuses[-1:]) <= TAKEN | REFUSED
