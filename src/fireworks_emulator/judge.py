"""Asks llguidance, byte by byte, whether a text keeps to a grammar or schema, at a bounded cost.

Nothing constrained leaves the emulator without this second opinion; what the emulated model would like to say is
decided elsewhere (`derivation.py`, `drafting.py`), and where it has no idea, :func:`improvise` writes from llguidance's
own list of allowed bytes.
"""

from __future__ import annotations

import functools
import json
import random
from typing import TYPE_CHECKING, Any

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from fireworks_emulator.gbnf import Chars, Choice, Literal, Node, Reference, Repeat, Rules, Sequence

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions  # a name of the type stub alone

TOO_COSTLY = (
    "Grammar processing took too much time. Likely the grammar allows too much branching. "
    "Please simplify the grammar or contact Fireworks support."
)
"""The beginning, up to "branching.", is the provider's own wording (seen by users)."""

_SCHEMA_OPTIONS: JsonCompileOptions = {"whitespace_flexible": False, "coerce_one_of": True}
_MOST_SYMBOLS = 50_000
"""Of a grammar: a hundred times what people write, a tenth of where it takes seconds."""
_COST_SIGNS = (
    "items; max is",
    "too many items",
    "too many states",
    "too many expressions",
    "too big",
    "too large",
    "fuel",
)
"""How llguidance words that one of the limits below was reached; it has no error codes."""


class Refused(Exception):
    """llguidance takes no such grammar or schema; the message is its reason, for one line."""


class TooCostly(Exception):
    """Deciding would cost more than one request may."""

    def __init__(self) -> None:
        super().__init__(TOO_COSTLY)


class Judge:
    """Follows one text; feed it pieces, and ask what may come next."""

    def __init__(self, grammar: str, limits: LLParserLimits) -> None:
        self._matcher = LLMatcher(_tokenizer(), grammar, log_level=0, limits=limits)
        if self._matcher.is_error():
            raise self._failure()

    def accepts(self, text: bytes) -> bool:
        """Whether the whole of ``text`` is a full match. Starts over each time. Raises TooCostly."""
        return self.follows(text, to_the_end=True)

    def follows(self, text: bytes, *, to_the_end: bool) -> bool:
        """Whether ``text`` is a full match, or else at least the beginning of one. Starts over. Raises TooCostly."""
        self.restart()
        taken = self._matcher.try_consume_tokens(list(text))
        if self._matcher.is_error():
            raise self._failure()
        return taken == len(text) and (not to_the_end or self.may_end())

    def restart(self) -> None:
        """Forget the text so far."""
        self._matcher.reset()

    def take(self, piece: bytes) -> None:
        """Go on with bytes that are allowed. Raises TooCostly."""
        if not self._matcher.consume_tokens(list(piece)):
            raise self._failure()

    def forced(self) -> bytes:
        """What must come next, without choice."""
        return self._matcher.compute_ff_bytes()

    def allowed(self) -> list[int]:
        """The bytes that may come next."""
        mask = int.from_bytes(self._matcher.compute_bitmask(), "little")
        if self._matcher.is_error():
            raise self._failure()
        return [byte for byte in range(256) if mask >> byte & 1]

    def may_end(self) -> bool:
        """Whether the text so far is a full match."""
        return self._matcher.is_accepting()

    def _failure(self) -> Exception:
        reason = self._matcher.get_error()
        if any(sign in reason.lower() for sign in _COST_SIGNS):
            return TooCostly()
        return Refused(reason.strip().splitlines()[0] if reason.strip() else "the grammar is not usable")


def for_rules(rules: Rules, start: str = "root") -> Judge:
    """A judge of the texts that ``start`` derives. Raises TooCostly, Refused."""
    if sum(_expanded_size(node) for node in rules.values()) > _MOST_SYMBOLS:
        raise TooCostly
    return Judge(LLMatcher.grammar_from_lark(to_lark(rules, start)), _grammar_limits())


def for_schema(schema: dict[str, Any]) -> Judge:
    """A judge of compact JSON texts, properties in the schema's order. Raises TooCostly, Refused."""
    return Judge(LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=_SCHEMA_OPTIONS), _schema_limits())


def takes_pattern(pattern: str) -> bool:
    """Whether llguidance can keep to this regular expression (look-around, for one, it cannot)."""
    return not LLMatcher.validate_grammar(
        LLMatcher.grammar_from_json_schema(json.dumps({"type": "string", "pattern": pattern})), _tokenizer()
    )


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether JSON Schema's ``pattern`` (found anywhere in the text) is met. Raises TooCostly, Refused."""
    return for_schema({"type": "string", "pattern": pattern}).accepts(json.dumps(text, ensure_ascii=False).encode())


def to_lark(rules: Rules, start: str = "root") -> str:
    """The rules in llguidance's notation.

    Each terminal is one code point: llguidance's lexer is greedy, so a longer one could swallow what the next symbol
    needs (``[a-z]* "z"``), which GBNF does not do.
    """
    names = {rule: f"r{number}" for number, rule in enumerate(rules)}
    terminals: dict[str, str] = {}
    lines = [f"start: {names[start]}"]
    lines += [f"{names[rule]}: {_lark(node, names, terminals)}" for rule, node in rules.items()]
    lines += [f"{name}: /{pattern}/" for pattern, name in terminals.items()]
    return "\n".join(lines) + "\n"


def improvise(judge: Judge, rng: random.Random, limit: int) -> tuple[bytes, bool]:
    """JSON of at most ``limit`` bytes written from the allowed bytes alone, and whether it is whole.

    Prefers letters and digits over marks, starts no escape or white space by choice, and grows ever fonder of whatever
    ends things. Raises TooCostly.
    """
    judge.restart()
    found = bytearray()
    in_string = False
    while len(found) < limit:
        piece = judge.forced()
        if not piece:
            allowed = judge.allowed()
            if judge.may_end() and (not allowed or rng.random() < 0.5):
                return bytes(found), True
            if not allowed:
                break
            liking = _IN_STRINGS if in_string else _BETWEEN_STRINGS
            ending = 1 + len(found) / 4
            weights = [liking[byte] * (ending if byte in b'"]}' else 1) for byte in allowed]
            piece = bytes(rng.choices(allowed, weights))
        judge.take(piece)
        found += piece
        in_string ^= (piece.count(b'"') - piece.count(b'\\"')) % 2 == 1
    return bytes(found[:limit]), len(found) <= limit and judge.may_end()


def _liking(byte: int, *, in_string: bool) -> float:
    char = chr(byte)
    if char == '"':
        return 2.0
    if char in "]}":
        return 0.01 if in_string else 4.0
    if byte >= 0x80 or not char.isprintable() or char in "\\ ":
        return 0.0001
    if char in "eE" and not in_string:
        return 0.0001  # an exponent soon passes what a double holds
    if char == "," and not in_string:
        return 0.5
    return 4.0 if char in "aeiounrtsl" else 1.0 if char.isalnum() else 0.05


_IN_STRINGS = [_liking(byte, in_string=True) for byte in range(256)]
_BETWEEN_STRINGS = [_liking(byte, in_string=False) for byte in range(256)]


def _lark(node: Node, names: dict[str, str], terminals: dict[str, str]) -> str:
    match node:
        case Literal(text):
            return " ".join(_terminal(((ord(char), ord(char)),), terminals) for char in text) or '""'
        case Chars(ranges):
            return _terminal(ranges, terminals)
        case Reference(rule):
            return names[rule]
        case Sequence(items):
            return " ".join(_group(item, names, terminals) for item in items) or '""'
        case Choice(options):
            return " | ".join(_lark(option, names, terminals) for option in options)
        case Repeat(_, _, 0):
            return '""'
        case Repeat(item, least, most):
            return f"{_group(item, names, terminals)}{{{least},{'' if most is None else most}}}"


def _expanded_size(node: Node) -> int:
    """Symbols once every ``{m,n}`` is written out, which is what engines do with it."""
    match node:
        case Literal(text):
            return 1 + len(text)
        case Sequence(parts) | Choice(parts):
            return sum(map(_expanded_size, parts))
        case Repeat(item, least, most):
            return (1 + _expanded_size(item)) * max(1, least if most is None else most)
    return 1


def _group(node: Node, names: dict[str, str], terminals: dict[str, str]) -> str:
    return f"({_lark(node, names, terminals)})"


def _terminal(ranges: tuple[tuple[int, int], ...], terminals: dict[str, str]) -> str:
    pattern = "[" + "".join(rf"\u{{{low:x}}}-\u{{{high:x}}}" for low, high in ranges) + "]"
    return terminals.setdefault(pattern, f"T{len(terminals)}")


@functools.cache
def _tokenizer() -> LLTokenizer:
    return LLTokenizer("byte", slices=[])


def _grammar_limits() -> LLParserLimits:
    # A row has an item per alternative, and lists of a thousand words are honest; ambiguity multiplies them.
    return LLParserLimits(
        max_items_in_row=2_000,
        step_max_items=5_000,
        initial_lexer_fuel=300_000,
        step_lexer_fuel=100_000,
        max_lexer_states=20_000,
        max_grammar_size=4 * _MOST_SYMBOLS,
        verbose_errors=False,
    )


def _schema_limits() -> LLParserLimits:
    # Each optional property is a branch: three hundred of one object fit, a thousand would take half a minute.
    return LLParserLimits(
        max_items_in_row=1_500, initial_lexer_fuel=300_000, max_lexer_states=50_000, verbose_errors=False
    )
