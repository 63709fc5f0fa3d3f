"""Patterns mean what they mean in JavaScript: held to V8's own answers, and to Python's ``re`` where both agree."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.routing.javascript import MOST_GROUPS, BadPattern, Choice, OneOf, Repeat, Sequence, read
from emberway.routing.patterns import compile_pattern

V8 = json.loads(Path(__file__, "../../../data/patterns/javascript.json").resolve().read_text("utf-8"))


@pytest.mark.parametrize(("pattern", "flags", "found_in"), V8["found"])
def test_a_pattern_is_found_where_v8_finds_it(pattern: str, flags: str, found_in: list[int]) -> None:
    found = compile_pattern(f"(?{flags}){pattern}" if flags else pattern)

    assert [text for text in V8["texts"] if found(text)] == [V8["texts"][at] for at in found_in]


Pair = tuple[str, str]
"""The same pattern for us and for Python."""

SINGLE: st.SearchStrategy[Pair] = st.sampled_from(
    [
        *((text, text) for text in ("a", "b", "A", "é", "[ab]", "[^a]", r"[\w-]", r"\d", r"\w", r"\W")),
        ("^", "^"),
        (r"\b", r"\b"),
        (r"\B", r"(?!\b)"),  # which Python before 3.14 denies of an empty text
        *((text, text) for text in ("(?:)", "(?i:a)", "(?i:[^b])", "(?s:.)", "(?i:a(?-i:b))")),
        ("$", r"\Z"),
        ("[^]", r"[\s\S]"),
        ("[]", "(?!)"),
        (".", r"[^\n\r\u2028\u2029]"),
        (r"\u{61}", "a"),
    ]
)  # fmt: skip


def within(below: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    both = st.tuples(below, below)
    return (
        both.map(lambda two: (two[0][0] + two[1][0], two[0][1] + two[1][1]))
        | both.map(lambda two: (f"({two[0][0]}|{two[1][0]})", f"({two[0][1]}|{two[1][1]})"))
        | st.tuples(below, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "{0}"])).map(
            lambda of: (f"(?:{of[0][0]}){of[1]}", f"(?:{of[0][1]}){of[1]}")
        )
    )


@given(st.recursive(SINGLE, within, max_leaves=6), st.text(st.sampled_from("abABé1-\n\r "), max_size=6))
def test_a_pattern_is_found_where_python_finds_it(pair: Pair, text: str) -> None:
    pattern, pythons = pair

    assert compile_pattern(pattern)(text) is (re.search(pythons, text, re.ASCII) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        ("^.$", "😀", True),
        ("^[^a]$", "😀", True),
        ("^😀{2}$", "😀😀", True),
        (r"^\ud83d\ude00$", "😀", True),
        (r"^[\ud83d\ude00-\ud83d\ude02]$", "😁", True),
        (r"\u{1F600}", "😀", True),
        (r"\ud83d", "😀", False),
        (r"\B", "zé1", False),
        (r"z\B", "zé", False),
        ("(?i)PLEASE", "please", True),
        ("(?m)^b", "a\nb", True),
        ("(?m)a$", "a\nb", True),
        ("(?s)a.b", "a\nb", True),
        ("(?is)A.B", "a\nb", True),
        ("(?i:A)b", "ab", True),
        ("(?i:A)b", "aB", False),
        ("(?i)a(?-i:b)", "Ab", True),
        ("(?i)a(?-i:b)", "AB", False),
        ("(?s:.)(?-s:.)", "\nx", True),
        ("(?<année>a)", "a", True),
    ],
)
def test_characters_are_whole_and_flags_stand_inside_the_pattern(pattern: str, text: str, is_found: bool) -> None:
    assert compile_pattern(pattern)(text) is is_found


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=a)", "look-ahead and look-behind are not supported"),
        ("(?!a)", "look-ahead"),
        ("(?<=a)b", "look-ahead"),
        ("(?<!a)b", "look-ahead"),
        (r"(a)\1", "back-references are not supported"),
        (r"(?<n>a)\k<n>", "back-references"),
        (r"[\1]", "back-references"),
        ("(?>a)", "write `(?:`"),
        ("(?P<n>a)", "write `(?<`"),
        ("a(?i)b", "`(?i:…)`"),
        ("(?#a)", "`(?#a` begins no group"),
        ("(?", "`(?` begins no group"),
        ("(a", "a `(` is not closed"),
        ("a)", r"write `\)`"),
        ("[a", "a `[` is not closed"),
        ("[", "a `[` is not closed"),
        ("[^", "a `[` is not closed"),
        ("[a-", "a `[` is not closed"),
        ("[z-a]", "`z-a` has its larger end first"),
        ("*a", r"before `*` stands nothing to repeat; write `\*`"),
        ("a|+", "before `+`"),
        ("{2}", "before `{`"),
        ("a**", "`a**` repeats a repetition"),
        ("a++", "repeats a repetition"),
        ("a{2}{3}", "repeats a repetition"),
        ("^*", "`^*` repeats a place"),
        (r"\b+", r"`\b+` repeats a place"),
        ("a{3,2}", "`{3,2}` has its larger number first"),
        ("a{1001}", "more than 1,000 times"),
        ("a{0,1001}", "more than 1,000 times"),
        ("a{" + "9" * 400 + "}", "more than 1,000 times"),
        ("a\\", r"nothing stands after its last `\`"),
        ("[\\", r"nothing stands after its last `\`"),
        (r"\A", "write `^`"),
        (r"\z", "write `$`"),
        (r"\p{L}", r"[\u4e00-\u9fff]"),
        (r"\Qa\E", "no escape of a JavaScript pattern"),
        (r"\q", "write `q` alone"),
        (r"\x4", "no escape"),
        (r"\u12", "no escape"),
        (r"\c1", "no escape"),
        (r"\01", "no escape"),
        (r"\u{110000}", "beyond the last character"),
        ("(" * (MOST_GROUPS + 1) + ")" * (MOST_GROUPS + 1), f"more than {MOST_GROUPS} groups"),
    ],
)
def test_a_pattern_that_is_none_says_what_to_write(pattern: str, said: str) -> None:
    with pytest.raises(BadPattern) as caught:
        read(pattern)

    assert said in str(caught.value)


def test_groups_may_stand_inside_each_other_and_beside_each_other() -> None:
    assert isinstance(read("(" * MOST_GROUPS + "a" + ")" * MOST_GROUPS), OneOf)
    assert isinstance(read("(a)" * (MOST_GROUPS + 1)), Sequence)


def test_a_lazy_repetition_is_the_same_as_a_greedy_one() -> None:
    for pattern in ("a{2,5}", "a{2,5}?"):
        match read(pattern):
            case Repeat(OneOf(((0x61, 0x61),)), 2, 5):
                pass
            case other:
                pytest.fail(repr(other))


def test_an_empty_alternative_is_nothing_at_all() -> None:
    match read("a|"):
        case Choice((OneOf(), Sequence(()))):
            pass
        case other:
            pytest.fail(repr(other))
