"""Patterns: quick, whatever somebody wrote, and found in as much of a text as is promised."""

from __future__ import annotations

import time
from itertools import product

import pytest

from emberway.routing.patterns import MOST_TEXT, BadPattern, compile_pattern

KIB_64 = 64 * 1024

EVIL = [
    r"(a+)+$", r"([a-zA-Z]+)*$", r"(a|aa)+$", r"(a|a?)+$", r"(.*a){20}$", r"^(a+)+$", r"(a*)*b", r"(x+x+)+y",
    r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(.*)*=.*", r".*.*=.*", r".*.*.*.*.*.*=.*;", r"\s+$", r"^\s+|\s+$", r"(\s*\n)*x",
    r"^([a-zA-Z0-9_.-])+@(([a-zA-Z0-9-])+.)+([a-zA-Z0-9]{2,4})+$", r"(\w+\d+)+C", r"^(\w+\s?)*$", r"(\d+)*x",
    r"^(?:(?:\"[^\"]*\"|[^,]*),)*$", r"<([^>]+)>(?:.*)</\w+>", r"(<!--.*?-->)*x", r"^(.+)+\d$",
    r"((a{0,5}){0,5}){0,5}b",
    r"(?:a?){50}a{50}b", r"([ab]*a[ab]*){10}c", r"(a|b)*a(a|b){12}c", r"(a|b)*a(a|b){40}c", r"a(a|b){30}c",
    r"(a|b|ab)*c{1,50}", r"(?:[ab]+){40}!", r"(a+b+|b+a+|a|b)*(a+b+a+){8}!", r"(?i)(a|b)*a(a|b){30}c", r"a[ab]{60}c",
    r"^(\d+(\.\d+)?)+$", r"(\([^()]*\))*x", r"^[\s\u200c]+|[\s\u200c]+$", r"(?:\r\n|\r|\n)*x", r"(,|;|\s)+$",
    r"^(?:\+?1[-. ]?)?\(?([0-9]{3})\)?[-. ]?([0-9]{3})[-. ]?([0-9]{4})$",
    r"(https?:\/\/)?([\w-]+\.)+[\w-]+(\/[\w- ./?%&=]*)?$",
    r"^(?=.*\d)(?=.*[a-z]).{8,}$", r"(\w)\1+$", r"(?<!a)b", r"(?>a+)b", r"a{1000}", r"(a{100}){100}",
    r"(.{1,100}){1,100}!",
    r"[^\x00-\x7f]{200}!", r"(é|漢|a|b|😀)*a(é|漢|a|b|😀){10}c", r"\p{L}+\p{L}?a!", r"(\b|a|b)*a(\b[ab]){20}c",
]  # fmt: skip
TEXTS = {
    "a": "a" * (KIB_64 - 1) + "!",
    "ab": ("abbaabab" * 8 + "ba" * 7)[:61] * (KIB_64 // 61),
    "words": "lorem ipsum dolor, 12.5; a@b.c <p>x</p> " * (KIB_64 // 40),
    "spaces": " \t" * (KIB_64 // 2 - 1) + "x!",
    "unicode": "é漢😀a" * (KIB_64 // 10),
}


def test_there_are_enough_of_them() -> None:
    assert len(set(EVIL)) >= 50


@pytest.mark.parametrize("pattern", EVIL)
def test_an_evil_pattern_is_refused_or_quick(pattern: str) -> None:
    try:
        found = compile_pattern(pattern)
    except BadPattern:
        return
    for text in TEXTS.values():
        assert min(_seconds(found, text) for _ in range(5)) <= 0.020


def _seconds(found: object, text: str) -> float:
    assert callable(found)
    began = time.perf_counter()
    found(text)
    return time.perf_counter() - began


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        ("urgent|asap", "please, asap!", True),
        ("^urgent", "not urgent", False),
        (r"\bcode\b", "my code.", True),
        (r"\d{3}-\d{4}", "call 555-1234", True),
        ("(?<name>a)b", "ab", True),
        ("é", "café", True),
        (r"\/", "a/b", True),
        (r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$", "a@b.co", True),
        (r"sk-[a-zA-Z0-9]{48}", "sk-" + "a1" * 24, True),
        ("x", "\ud800x", True),
        (r"^\ud800x$", "\ud800x", True),
    ],
)
def test_everyday_patterns_work(pattern: str, text: str, is_found: bool) -> None:
    assert compile_pattern(pattern)(text) is is_found


def test_a_plain_pattern_sees_64_kib_and_no_more() -> None:
    found = compile_pattern("needle")

    assert found("x" * (MOST_TEXT - 6) + "needle")
    assert not found("x" * (MOST_TEXT - 5) + "needle")


@pytest.mark.parametrize(
    "pattern",
    [
        "(?i)"
        + "|".join(f"{word}-needle" for word in ("python", "java", "rust", "go", "ruby", "perl", "lisp", "ml") * 3),
        r"\b(?:a|the)\s+(?:\w+\s+)?java-needle\b",
        r"[^@\s]+-needle[^@\s]*$",
    ],
)
def test_a_large_pattern_with_few_states_sees_as_much(pattern: str) -> None:
    assert compile_pattern(pattern)("x " * (MOST_TEXT // 2 - 10) + "a java-needle")


def test_a_pattern_that_may_be_in_a_new_state_with_each_letter_sees_less() -> None:
    found, needle = compile_pattern("a[ab]{30}c"), "a" + "b" * 30 + "c"

    assert found("x" * 25_000 + needle)
    assert not found("x" * 30_000 + needle)


def test_a_text_is_cut_between_characters() -> None:
    assert compile_pattern("^漢+$")("漢" * MOST_TEXT)
    assert compile_pattern("^x漢+$")("x" + "漢" * MOST_TEXT)
    assert compile_pattern("^xx😀+$")("xx" + "😀" * MOST_TEXT)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?=a)", "look-ahead"), ("(?!a)", "look-ahead"), ("(?<=a)b", "look-behind"), ("(?<!a)b", "look-behind"),
        (r"(a)\1", "back-references"), (r"(?<n>a)\k<n>", "back-references"), ("(?>a)", "atomic"),
        ("(", "is not closed"), ("a**", "repeats a repetition"), ("x" * 513, "513 bytes"),
        ("漢" * 171, "513 bytes"), ("(a{1000}){9}", "too large"), ("(.{30}){30}", "too large"),
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, why: str) -> None:
    with pytest.raises(BadPattern, match=why):
        compile_pattern(pattern)


def test_nothing_is_printed_about_a_bad_pattern(capfd: pytest.CaptureFixture[str]) -> None:
    for pattern, _ in product(("(", "[z-a]", "a{9999}"), range(2)):
        with pytest.raises(BadPattern):
            compile_pattern(pattern)

    assert capfd.readouterr() == ("", "")
