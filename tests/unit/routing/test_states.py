"""What is told apart: patterns that are quick on any text, and patterns that may not be."""

from __future__ import annotations

import pytest

from emberway.routing.javascript import read
from emberway.routing.patterns import MOST_STEPS
from emberway.routing.states import has_few_states

KEYWORDS = "urgent|important|critical|emergency|asap|python|javascript|typescript|golang|kubernetes|exception|refactor"


@pytest.mark.parametrize(
    "pattern",
    [
        "", "a", "^", "$", r"\b", "[]", "()*",
        KEYWORDS,
        rf"(?i)\b(?:{KEYWORDS})\b",
        r"(create|write|generate)\s+(a\s+)?(function|class|program).*(python|java|rust)",
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
        r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b",
        "sk-[a-zA-Z0-9]{48}",
        r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$",
        r"^.{0,200}$",
        r"^[\s\S]{200,}",
        "(a+)+$", "(a|aa)+$", "([a-zA-Z]+)*$", "(.*a){20}$", "(x+x+)+y", "(a?){20}a{20}",
        "(?:(?:a*)*)*b", "(|a|a*)*b",
        "(?m)^a.{40}$",
    ],
)  # fmt: skip
def test_everyday_patterns_and_those_that_only_backtracking_suffers_from_have_few_states(pattern: str) -> None:
    assert has_few_states(read(pattern), MOST_STEPS)


@pytest.mark.parametrize(
    "pattern",
    [
        "a[ab]{30}c", "(a|b)*a(a|b){20}c", ".*a.{20}!", r"\b[ab -]{20}c", r"(?:\ba|\Bb|[ab])*a[ab]{20}c",
        "a" + "." * 30, "(?m)^.(?:.|\n){20}!", "(?i)a[AB]{30}c", "(a{0,30}b{0,30}){30}c",
    ],
)  # fmt: skip
def test_a_pattern_that_has_to_remember_where_it_might_have_begun_has_many(pattern: str) -> None:
    assert not has_few_states(read(pattern), MOST_STEPS)


def test_where_it_may_begin_decides() -> None:
    assert not has_few_states(read("a[ab]{30}c"), MOST_STEPS)
    assert has_few_states(read("^a[ab]{30}c"), MOST_STEPS)
    assert has_few_states(read(r"\ba[ab]{30}c"), MOST_STEPS)


def test_counting_ends_at_its_bound() -> None:
    for pattern in ("(" * 50 + "a?" + "){30}" * 50, "(?:a?b?){1000}c", "(?:a{1000}){1000}"):
        assert not has_few_states(read(pattern), 1_000)
