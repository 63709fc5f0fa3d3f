"""Asks llguidance, a grammar engine of another school, for a second opinion on a grammar."""

from __future__ import annotations

import json
import re
from typing import Final

from emberway.wire.gbnf_meaning import ROOT, all_rules
from emberway.wire.gbnf_quoted import class_ranges, literal_characters
from emberway.wire.gbnf_reader import Grammar, Item, Rule
from emberway.wire.gbnf_text import Token

MAX_ASKED: Final = 256 * 1024
"""Longest text that llguidance compiles here, in characters."""

MAX_RULES: Final = 200
"""Most rules and groups that it is given: it recurses natively, and a chain of 3000 overflows a stack of 8 MiB."""

MAX_TOKENS: Final = 1000
"""Longest grammar that it is given, in tokens: the costliest one of this length takes it a tenth of a second."""

_MAX_READ: Final = 16 * 1024
"""Longest text that its reader, a Python program, is asked to read (about 3 µs a character)."""


_PLACE: Final = re.compile(r"^(?:at )?[0-9]+\([0-9]+\): ")


def refusal(grammar: Grammar) -> str | None:
    """Why llguidance cannot compile a grammar that was read whole; None when it can, or cannot be asked.

    The rules are handed over in its own Lark syntax: its converter from GBNF needs quadratic time for chains of
    rules, and refuses names that differ in case or dashes alone.
    """
    if len(grammar.tokens) > MAX_TOKENS or len(all_rules(grammar)) > MAX_RULES:
        return None
    if any(token.kind in ("special", "look") for token in grammar.tokens):
        return None  # tokens exist in the model's vocabulary only, look-ahead in other engines only
    from llguidance import LLMatcher  # 48 ms, native: only who sends a grammar pays for it

    message = LLMatcher.validate_grammar(LLMatcher.grammar_from_lark(to_lark(grammar)))
    return _first_line(message) if message else None


def can_read(text: str) -> bool:
    """Whether llguidance's reader of GBNF takes ``text``; False for one that is too long to ask."""
    if len(text) > _MAX_READ:
        return False
    from llguidance.gbnf_to_lark import GrammarParser

    try:
        return bool(GrammarParser().parse(text))
    except Exception:  # a foreign parser's errors, RecursionError among them, all mean no
        return False


def to_lark(grammar: Grammar) -> str:
    """The same language in llguidance's Lark: rules r0, r1 ..., one for each group, so that nothing nests."""
    rules = all_rules(grammar)
    names = {rule: f"r{index}" for index, rule in enumerate(rules)}
    lines = ["%llguidance {}", f"start: {names[grammar.rules[ROOT]]}"]
    for rule in rules:
        alternatives = (" ".join(_part(item, grammar, names) for item in line) or '""' for line in rule.alternatives)
        lines.append(f"{names[rule]}: " + " | ".join(alternatives))
    return "\n".join(lines) + "\n"


def _part(item: Item, grammar: Grammar, names: dict[Rule, str]) -> str:
    if item.high == 0:
        return '""'  # Lark has no {0}
    part = _symbol(item, grammar, names)
    if (item.low, item.high) == (1, 1):
        return part
    return f"({part}){{{item.low},{'' if item.high is None else item.high}}}"


def _symbol(item: Item, grammar: Grammar, names: dict[Rule, str]) -> str:
    if item.group is not None:
        return names[item.group]
    match item.token.kind:
        case "name":
            return names[grammar.rules[item.token.text]]
        case "literal":
            return json.dumps(literal_characters(item.token))
        case "class":
            return _pattern(item.token)
        case _:
            return "/(?s:.)/"


def _pattern(token: Token) -> str:
    members = "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high, _ in class_ranges(token))
    if not members:
        return '""'
    return f"/[{'^' if token.text.startswith('[^') else ''}{members}]/"


def _first_line(message: str) -> str:
    """Without the place, which is one in the Lark text that the caller has never seen, as are the further lines."""
    return _PLACE.sub("", message.splitlines()[0])
