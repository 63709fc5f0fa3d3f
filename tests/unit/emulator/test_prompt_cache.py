"""The emulated prompt cache finds what earlier prompts began with."""

from __future__ import annotations

from fireworks_emulator.prompt_cache import CAPACITY, PromptCache

SYSTEM, ONE, TWO = ("system", 10), ("one", 3), ("two", 4)


def test_a_prompt_that_continues_an_earlier_one_is_cached_up_to_there() -> None:
    cache = PromptCache()

    assert cache.visit("a", [SYSTEM, ONE]) == 0
    assert cache.visit("a", [SYSTEM, ONE, TWO]) == 13


def test_the_last_piece_always_counts_as_new() -> None:
    cache = PromptCache()
    cache.visit("a", [SYSTEM, ONE])

    assert cache.visit("a", [SYSTEM, ONE]) == 10


def test_another_affinity_has_another_cache() -> None:
    cache = PromptCache()
    cache.visit("a", [SYSTEM, ONE])

    assert cache.visit("b", [SYSTEM, ONE]) == 0


def test_pieces_that_only_join_to_the_same_text_are_not_the_same() -> None:
    cache = PromptCache()
    cache.visit("a", [("ab", 1), ("c", 1), ("d", 1)])

    assert cache.visit("a", [("a", 1), ("bc", 1), ("d", 1)]) == 0


def test_the_oldest_prefixes_are_forgotten() -> None:
    cache = PromptCache()
    cache.visit("a", [SYSTEM, ONE])
    cache.visit("a", [(str(number), 1) for number in range(CAPACITY)])

    assert cache.visit("a", [SYSTEM, ONE]) == 0
