from __future__ import annotations

import pytest

from emberway.edge.callers import KEPT, MOST, Callers
from emberway.edge.headers import DECIDING, Named
from emberway.errors import InvalidCall

USUAL: Named = {b"x-portkey-api-key": b"ew-1", b"x-portkey-provider": b"openai", b"authorization": b"Bearer fw_1"}
NOW = 1000.0


def test_calls_with_equal_headers_share_one_object() -> None:
    callers = Callers()

    assert callers.options(dict(USUAL), NOW + KEPT) is callers.options(dict(USUAL), NOW)


def test_headers_that_decide_nothing_make_no_difference() -> None:
    callers = Callers()

    known = callers.options(USUAL, NOW)
    assert callers.options(USUAL | {b"user-agent": b"curl", b"x-portkey-trace-id": b"t"}, NOW) is known


@pytest.mark.parametrize("name", DECIDING)
def test_every_header_that_decides_something_makes_a_difference(name: bytes) -> None:
    callers = Callers()

    seen = [callers.options(USUAL | {name: value}, NOW) for value in (b"100", b"200")]
    assert seen[0] is not seen[1]
    assert callers.options(USUAL | {name: b"100"}, NOW) is seen[0]


@pytest.mark.parametrize("name", DECIDING)
def test_an_absent_header_is_told_from_one_that_another_call_had(name: bytes) -> None:
    callers, without = Callers(), {key: value for key, value in USUAL.items() if key != name}

    callers.options(without | {name: b"100"}, NOW)
    plain = callers.options(without, NOW)
    assert callers.options(without | {name: b"100"}, NOW) is not plain
    assert callers.options(without, NOW) is plain


def test_values_are_not_mistaken_for_those_of_another_header() -> None:
    callers = Callers()

    first = callers.options({b"x-portkey-virtual-key": b"a"}, NOW)
    second = callers.options({b"x-portkey-config": b"a"}, NOW)
    assert (first.virtual_key, first.config) == ("a", None)
    assert (second.virtual_key, second.config) == (None, "a")


def test_everything_is_forgotten_after_a_minute() -> None:
    callers = Callers()
    known = callers.options(USUAL, NOW)

    later = callers.options(USUAL, NOW + KEPT + 0.001)
    assert later is not known
    assert list(callers._known.values()) == [later]


def test_more_callers_than_are_held_are_served_without_being_held() -> None:
    callers = Callers()
    for number in range(MOST + 10):
        options = callers.options({b"x-portkey-provider": b"p%d" % number}, NOW)
        assert options.provider == f"p{number}"

    assert len(callers._known) == MOST


def test_headers_that_cannot_be_used_are_refused_each_time() -> None:
    callers = Callers()

    for _ in range(2):
        with pytest.raises(InvalidCall):
            callers.options(USUAL | {b"x-portkey-forward-headers": b"cookie"}, NOW)
