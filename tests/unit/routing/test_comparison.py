"""The operators: each against a plain reading of Portkey's rules."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import Any

import pytest

from emberway.routing.comparison import MISSING, MOST_LEVELS, OPERATORS, BadOperand, number, text
from emberway.routing.patterns import compile_pattern

VALUES: list[Any] = [
    None, True, False, 0, 1, 1.0, -1, 2, 2.5, 10**30, 1e300, "", "1", "true", "a", "ab", " 2.5 x", "Infinity", "-.5e1",
    [], [1], [True], [1, 2], ["1"], [[]], {}, {"a": 1}, {"a": True}, {"a": 1.0, "b": []}, {"b": [], "a": 1},
]  # fmt: skip
NUMBERS = [0, 1, 2.5, "2.5", "-5", "1 x", "1e30", "Infinity"]
OPERANDS: dict[str, list[Any]] = {
    "$eq": VALUES,
    "$ne": VALUES,
    "$gt": NUMBERS,
    "$gte": NUMBERS,
    "$lt": NUMBERS,
    "$lte": NUMBERS,
    "$regex": ["", "^1$", "^2.5$", "^true$", "a", "None", "null", r"^1e\+30$"],
    "$in": [[], ["a", "b"], [1, 2.5], [True, None], [False, 0, ""], [[1], {"a": 1}], VALUES],
}
OPERANDS["$nin"] = OPERANDS["$in"]


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_says_what_a_plain_reading_of_it_says(name: str) -> None:
    for operand in OPERANDS[name]:
        compare = OPERATORS[name](operand)
        for value in (*VALUES, MISSING):
            assert compare(value) is plainly(name, value, operand), (value, operand)


@pytest.mark.parametrize(
    ("given_text", "read"),
    [
        ("12", 12.0), ("12 apples", 12.0), ("  -3.5e2x", -350.0), ("+.5", 0.5), ("5.", 5.0), ("1e", 1.0), ("1e+", 1.0),
        ("Infinity!", float("inf")), ("-Infinity", float("-inf")), ("0x10", 0.0), ("1_000", 1.0),
        ("9" * 400, float("inf")), (10**400, float("inf")), (-(10**400), float("-inf")), (2.5, 2.5),
    ],
)  # fmt: skip
def test_numbers_are_read_out_of_texts_as_parsefloat_does(given_text: Any, read: float) -> None:
    assert number(given_text) == read


@pytest.mark.parametrize("value", ["", "x1", ".", "-", "e5", "inf", "nan", "٣", True, None, [1], {}, MISSING])
def test_what_begins_with_no_number_is_none(value: Any) -> None:
    assert number(value) != number(value)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("a", "a"), (True, "true"), (False, "false"), (3, "3"), (3.0, "3"), (-0.5, "-0.5"), (1e20, "1" + "0" * 20),
        (1e21, "1e+21"), (10**400, "inf"), (float("inf"), "inf"), (None, None), ([], None), ({}, None), (MISSING, None),
    ],
)  # fmt: skip
def test_patterns_see_texts_and_what_javascript_writes_for_numbers(value: Any, seen: str | None) -> None:
    assert text(value) == seen


@pytest.mark.parametrize(
    ("name", "operand", "said"),
    [
        ("$in", "a", "a list of values"), ("$nin", {}, "a list of values"), ("$gt", "x", "a number"),
        ("$lt", None, "a number"), ("$gte", True, "a number"), ("$regex", 1, "a pattern as a text"),
        ("$regex", "(", "is not closed"),
    ],
)  # fmt: skip
def test_an_operand_that_is_none_is_refused(name: str, operand: Any, said: str) -> None:
    with pytest.raises(BadOperand, match=said):
        OPERATORS[name](operand)


def test_an_operand_has_a_depth() -> None:
    deepest, deeper = nested(MOST_LEVELS), nested(MOST_LEVELS + 1)

    assert OPERATORS["$eq"](deepest)(deepest)
    assert not OPERATORS["$eq"](deepest)(nested(900))
    for name, operand in (("$eq", deeper), ("$ne", {"a": deepest}), ("$in", [deepest])):
        with pytest.raises(BadOperand):
            OPERATORS[name](operand)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def plainly(name: str, found: Any, operand: Any) -> bool:
    match name:
        case "$eq":
            return canonical(found) == canonical(operand)
        case "$ne":
            return not plainly("$eq", found, operand)
        case "$in":
            return any(plainly("$eq", found, each) for each in operand)
        case "$nin":
            return not plainly("$in", found, operand)
        case "$regex":
            if type(found) in (int, float) and float(found).is_integer():
                found = int(found) if abs(found) < 1e21 else float(found)
            words = {True: "true", False: "false"} if isinstance(found, bool) else {}
            is_text = isinstance(found, str | int | float)
            return is_text and compile_pattern(operand)(words.get(found, str(found)))
        case _:
            one, other = leading(found), leading(operand)
            if one is None or other is None:
                return False
            return {"$gt": one > other, "$gte": one >= other, "$lt": one < other, "$lte": one <= other}[name]


def canonical(value: Any) -> Any:
    match value:
        case bool() | None:
            return str(value)
        case int() | float():
            return Fraction(value)
        case str():
            return "text", value
        case list():
            return "list", tuple(map(canonical, value))
        case dict():
            return "object", frozenset((key, canonical(each)) for key, each in value.items())
        case _:
            return value


def leading(value: Any) -> float | None:
    """The longest beginning that is a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).lstrip()
    for end in range(len(text), 0, -1):
        if not set(text[:end]) - set("0123456789+-.eE") or text[:end].lstrip("+-") == "Infinity":
            with suppress(ValueError):
                return float(text[:end])
    return None
