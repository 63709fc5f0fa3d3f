"""Sets of characters, against the plain meaning of each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emberway.routing.characters import (
    ALL,
    LAST,
    LINE_ENDS,
    NONE,
    SPACES,
    WORDS,
    complement,
    contains,
    one,
    union,
    without_case,
)

CODES = st.integers(0, 40) | st.integers(LAST - 40, LAST)
RANGES = st.lists(st.tuples(CODES, CODES).map(lambda ends: (min(ends), max(ends))), max_size=6)


@given(RANGES, CODES)
def test_a_union_holds_what_any_range_holds(ranges: list[tuple[int, int]], code: int) -> None:
    assert contains(union(ranges), code) is any(low <= code <= high for low, high in ranges)


@given(RANGES)
def test_a_union_is_sorted_and_its_ranges_do_not_touch(ranges: list[tuple[int, int]]) -> None:
    edges = [end for each in union(ranges) for end in each]

    assert edges == sorted(edges)
    assert all(high + 1 < low for high, low in zip(edges[1::2], edges[2::2], strict=False))


@given(RANGES, CODES)
def test_a_complement_holds_what_the_set_does_not(ranges: list[tuple[int, int]], code: int) -> None:
    characters = union(ranges)

    assert contains(complement(characters), code) is not contains(characters, code)
    assert complement(complement(characters)) == characters


def test_all_and_none_are_each_others_complement() -> None:
    assert complement(ALL) == NONE
    assert complement(NONE) == ALL


def test_every_end_of_a_line_is_a_space() -> None:
    assert union((*SPACES, *LINE_ENDS)) == SPACES


def letters(text: str) -> set[str]:
    characters = without_case(union(one(ord(letter))[0] for letter in text))
    return {chr(code) for low, high in characters for code in range(low, high + 1)}


def test_case_is_what_javascript_takes_for_it() -> None:
    assert letters("k") == {"k", "K"}  # and not the sign for kelvin
    assert letters("s1_") == {"s", "S", "1", "_"}
    assert letters("é") == {"é", "É"}
    assert letters("µ") == {"µ", "μ", "Μ"}
    assert letters("ß") == {"ß"}  # its upper case is two letters
    assert letters("\u212a") == {"\u212a"}


def test_large_sets_lose_their_case_as_small_ones_do() -> None:
    small, large = union([(0x61, 0x7A), (0x3B1, 0x3C9)]), union([(0x61, 0x7A), (0x3B1, 0x3C9), (0x4E00, 0x9FFF)])

    assert without_case(large) == union((*without_case(small), (0x4E00, 0x9FFF)))
    assert without_case(WORDS) == WORDS
    assert without_case(NONE) == NONE
