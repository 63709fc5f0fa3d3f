"""Looks into the literals and character classes of a GBNF grammar: escapes, ranges, line breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from emberway.wire.gbnf_text import LINE_END, Problem, Token, named


def quoted_problems(token: Token) -> Iterator[Problem]:
    """What is wrong inside a literal or class; after a certain problem nothing more comes."""
    if "\\" in token.text:
        for problem in _escape_problems(token):
            yield problem
            if problem.certain:
                return
    if token.kind == "class":
        yield from _class_problems(token)
    if LINE_END.search(token.text):
        reason = f"this {token.kind} goes on past the end of its line; the line break is sent as the escape \\n"
        yield Problem(token.start, reason, certain=False)


def class_ranges(token: Token) -> list[tuple[int, int, int]]:
    """First and last code point of each member of a class, and its offset in the text; ``^`` is not a member."""
    ranges: list[tuple[int, int, int]] = []
    for member in _MEMBER.finditer(token.text, 2 if token.text.startswith("[^") else 1, len(token.text) - 1):
        low = _code_point(member[1])
        ranges.append((low, _code_point(member[2]) if member[2] else low, token.start + member.start()))
    return ranges


def literal_characters(token: Token) -> str:
    """The text that a literal stands for; code points that no text can hold become U+FFFD."""
    if "\\" not in token.text:
        return token.text[1:-1]
    return _ESCAPE.sub(lambda match: _printable(_code_point(match.group())), token.text[1:-1])


def _code_point(written: str) -> int:
    """The code point of one character or escape."""
    if len(written) == 1:
        return ord(written)
    letter, digits = written[1], written[2:]
    if digits:
        return int(digits, 16)
    return _NAMED_ESCAPES.get(letter) or _GUESSABLE_ESCAPES.get(letter, ord(letter))


def _printable(code_point: int) -> str:
    surrogate = 0xD800 <= code_point <= 0xDFFF
    return "\ufffd" if surrogate or code_point > _LAST_CHARACTER else chr(code_point)


def _escape_problems(token: Token) -> Iterator[Problem]:
    for match in _ESCAPE.finditer(token.text):
        letter = match["bad"]
        if letter is None:
            continue
        offset, wrong = token.start + match.start(), f"`\\{letter}` is no escape of the dialect"
        if letter in _GUESSABLE_ESCAPES:
            yield Problem(offset, f"{wrong}: write \\x{_GUESSABLE_ESCAPES[letter]:02X}", certain=False)
        elif letter.isascii() and not letter.isalnum() and letter.isprintable():
            yield Problem(offset, f"{wrong}: write `{letter}` without the backslash", certain=False)
        else:
            yield Problem(offset, _bad_escape(letter))


def _class_problems(token: Token) -> Iterator[Problem]:
    if token.text in ("[]", "[^]"):
        reason = f"`{token.text}` holds no character: readers disagree on what it matches"
        yield Problem(token.start, reason, certain=False)
    for low, high, offset in class_ranges(token):
        if high < low:
            reason = "this range runs backwards, so it matches nothing: exchange its ends"
            yield Problem(offset, reason, certain=False)
        elif high > _LAST_CHARACTER:
            yield Problem(offset, f"there is no character beyond U+{_LAST_CHARACTER:X}", certain=False)


def _bad_escape(letter: str) -> str:
    if letter in _SHORTHANDS:
        return f"`\\{letter}` is no escape of the dialect: write the class {_SHORTHANDS[letter]} instead"
    if letter in "xuU":
        digits = {"x": 2, "u": 4, "U": 8}[letter]
        return f"`\\{letter}` must be followed by exactly {digits} hexadecimal digits"
    return (
        f"a backslash before {named(letter)} is no escape:"
        ' write one of \\n \\r \\t \\\\ \\" \\[ \\] \\- \\xHH \\uHHHH \\UHHHHHHHH'
    )


_ESCAPED = r"\\(?: x[0-9A-Fa-f]{2} | u[0-9A-Fa-f]{4} | U[0-9A-Fa-f]{8} | [nrt\\\"\[\]-] | (?P<bad>.) )"
_ESCAPE: Final = re.compile(_ESCAPED, re.VERBOSE | re.DOTALL)
_MEMBER: Final = re.compile(
    rf"( {_ESCAPED.replace('(?P<bad>.)', '.')} | . ) (?: - ( {_ESCAPED.replace('(?P<bad>.)', '.')} | . ) )?",
    re.VERBOSE | re.DOTALL,
)
"""One member of a class: a character or a range. A dash right before the bracket is a character of its own."""
_NAMED_ESCAPES: Final = {"n": 0x0A, "r": 0x0D, "t": 0x09}
_LAST_CHARACTER: Final = 0x10FFFF
_GUESSABLE_ESCAPES: Final = {"a": 0x07, "b": 0x08, "e": 0x1B, "f": 0x0C, "v": 0x0B, "0": 0x00}
"""What C and JSON call these characters; some readers follow them."""
_SHORTHANDS: Final = {"d": "[0-9]", "w": "[A-Za-z0-9_]", "s": "[ \\t\\r\\n]", "D": "[^0-9]", "S": "[^ \\t\\r\\n]"}
