from __future__ import annotations

import os
import time
from uuid import RFC_4122, UUID

import pytest

from emberway import ids
from emberway.ids import new_id

MANY = 2000
"""More than the randomness that is fetched at once suffices for."""


def test_an_id_is_a_uuid_of_version_7() -> None:
    for _ in range(MANY):
        given = new_id()
        one = UUID(given)
        assert (str(one), one.version, one.variant) == (given, 7, RFC_4122)


def test_no_two_ids_are_equal() -> None:
    assert len({new_id() for _ in range(MANY)}) == MANY


def test_an_id_begins_with_the_milliseconds_of_its_making() -> None:
    before = time.time_ns() // 1_000_000
    moment = UUID(new_id()).int >> 80
    after = time.time_ns() // 1_000_000

    assert before <= moment <= after


def test_ids_sort_by_the_time_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0, 1, 999, 1_767_225_600_000, 1_767_225_600_001, 2**48 - 1])
    monkeypatch.setattr(ids.time, "time_ns", lambda: next(moments) * 1_000_000)
    made = [new_id() for _ in range(6)]

    assert made == sorted(made)


def test_every_random_bit_takes_both_values() -> None:
    random = [(one.int >> 64 & 0xFFF) << 62 | one.int & (1 << 62) - 1 for one in (UUID(new_id()) for _ in range(200))]

    ever_set, always_set = 0, (1 << 74) - 1
    for bits in random:
        ever_set |= bits
        always_set &= bits
    assert (ever_set, always_set) == ((1 << 74) - 1, 0)


def test_two_processes_never_give_out_the_same_ids() -> None:
    new_id()  # so that there is something to inherit
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, "".join(new_id()[-12:] for _ in range(5)).encode())
        os._exit(0)
    ours = {new_id()[-12:] for _ in range(5)}
    os.waitpid(child, 0)
    theirs = os.read(reader, 60).decode()

    assert ours.isdisjoint(theirs[start : start + 12] for start in range(0, 60, 12))
