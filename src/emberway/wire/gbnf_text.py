"""Cuts the text of a GBNF grammar into tokens, and holds the words in which its problems are told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

LINE_END: Final = re.compile(r"\r\n|\r|\n")
"""What ends a line for llama.cpp; its other line breaks (U+2028, form feed) are ordinary characters."""

COMMENT: Final = re.compile(r"#[^\r\n]*")


class Token(NamedTuple):
    """One piece of a grammar's text. Gaps (white space and comments) are not tokens."""

    kind: str
    text: str
    start: int
    end: int
    begins_line: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to tell, at an offset of the text."""

    offset: int
    reason: str
    certain: bool = True


def split(text: str) -> list[Token]:
    """The tokens of a text, up to and with the first one that cannot be read (kind ``other``)."""
    tokens: list[Token] = []
    begins_line = True
    for found in _TOKEN.finditer(text):
        kind, piece = found.lastgroup, found.group()
        assert kind is not None
        if kind == "gap":
            begins_line = begins_line or "\n" in piece or "\r" in piece
            continue
        tokens.append(Token(kind, piece, found.start(), found.end(), begins_line))
        begins_line = False
        if kind == "other":  # nothing after it can be trusted
            break
    return tokens


def short(text: str) -> str:
    """``text`` as it may stand in a message, on a terminal or in a header: short, without control characters."""
    cut = text if len(text) <= 40 else text[:37] + "..."
    return cut if cut.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in cut)


def named(text: str) -> str:
    """A character as it may stand in a message."""
    return f"`{text}`" if text.isprintable() else f"character U+{ord(text[0]):04X}"


_TOKEN: Final = re.compile(
    r"""
      (?P<gap>   (?: [ \t\r\n] | \#[^\r\n]* )++ )
    | (?P<literal> " (?: [^"\\] | \\. )*+ " )
    | (?P<class> \[ (?: [^\]\\] | \\. )*+ \] )
    | (?P<name>  (?: \w | -(?!>) )++ )
    | (?P<define> ::= )
    | (?P<typo>  ::?=? | ==? | -> | → )
    | (?P<any>   \. )
    | (?P<bar>   \| )
    | (?P<look>  \(= )
    | (?P<open>  \( )
    | (?P<close> \) )
    | (?P<repeat> [*+?] )
    | (?P<count> \{ (?: [^{}\#] | \#[^\r\n]* )*+ \} )
    | (?P<special> !?+ < [^<>\r\n]*+ > )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
