"""Reads grammars in the GBNF dialect of llama.cpp, because no ready-made reader takes the whole of it.

The result is a small tree per rule: :class:`Literal`, :class:`Chars`, :class:`Reference`, :class:`Sequence`,
:class:`Choice` and :class:`Repeat`. Everything llama.cpp refuses (a missing ``root``, an unknown rule, left recursion,
an unknown escape) is refused here too, with line and column.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

LAST_CODE_POINT = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)
"""Code points that no UTF-8 text can hold; a class that names them loses them."""

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "[": "[", "]": "]", "-": "-"}
_HEX_LENGTHS = {"x": 2, "u": 4, "U": 8}
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_RULE_HEAD = re.compile(r"[ \t]*[A-Za-z0-9_-]+[ \t]*::=")
_COMMENT_OR_BLANK = re.compile(r"[ \t]*(#.*)?")
_SPACE = r"(?:[ \t\r\n]|#[^\r\n]*)*"
_SPACE_IN_LINE = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_SPACE_AND_LINES = re.compile(_SPACE)
_BRACES = re.compile(rf"\{{{_SPACE}([0-9]{{1,9}}){_SPACE}(,{_SPACE}([0-9]{{1,9}})?{_SPACE})?\}}")
_MAX_DEPTH = 100
"""Groups within groups; llama.cpp has no such limit, its users have no such grammars."""


class GrammarError(Exception):
    """The grammar cannot be read; the message ends with the place."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Fixed text, possibly empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Chars:
    """One code point out of inclusive ranges: sorted, disjoint, never empty, without surrogates."""

    ranges: tuple[tuple[int, int], ...]

    def __contains__(self, char: str) -> bool:
        return any(low <= ord(char) <= high for low, high in self.ranges)

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Chars:
        """From ranges in any order, overlapping or not; empty when they hold surrogates only."""
        merged: list[tuple[int, int]] = []
        for low, high in sorted(piece for whole in ranges for piece in _without_surrogates(*whole)):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    def size(self) -> int:
        """How many code points it holds."""
        return sum(high - low + 1 for low, high in self.ranges)


@dataclass(frozen=True, slots=True)
class Reference:
    """The expansion of another rule."""

    rule: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one of them."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``least`` to ``most`` times; ``most`` None: without end."""

    item: Node
    least: int
    most: int | None


Node = Literal | Chars | Reference | Sequence | Choice | Repeat
Rules = dict[str, Node]


def parse(grammar: str) -> Rules:
    """The rules by name, ``root`` among them, every reference defined, none left-recursive. Raises GrammarError."""
    rules = dict(_Reader(grammar).rules())
    if "root" not in rules:
        raise GrammarError("the grammar has no rule named 'root'")
    for name, node in rules.items():
        for other in references(node):
            if other not in rules:
                raise GrammarError(f"rule '{name}' refers to '{other}', which is not defined")
    _refuse_left_recursion(rules)
    return rules


def lines_are_rules(grammar: str) -> str | None:
    """None when each line is one whole rule, a comment or blank; else what is wrong, for the client.

    Stricter than llama.cpp: the provider takes no rule that runs over several lines (seen by users whose grammars
    were accepted only after joining continuation lines).
    """
    for number, line in enumerate(re.split(r"\r\n|\r|\n", grammar), start=1):
        if not _COMMENT_OR_BLANK.fullmatch(line) and not _RULE_HEAD.match(line):
            return f"line {number} does not start a rule (`name ::= …`); each rule must be on one line"
    return None


def references(node: Node) -> Iterator[str]:
    """Names of the rules that this node mentions."""
    match node:
        case Reference(rule):
            yield rule
        case Sequence(parts) | Choice(parts):
            for part in parts:
                yield from references(part)
        case Repeat(item):
            yield from references(item)


T = TypeVar("T")


def settle(rules: Rules, start: T, value: Callable[[Node, Mapping[str, T]], T]) -> dict[str, T]:
    """For each rule the value that follows from those of the rules it mentions, once nothing changes any more."""
    users: dict[str, dict[str, None]] = {name: {} for name in rules}
    for name, node in rules.items():
        for other in references(node):
            users[other][name] = None
    found = dict.fromkeys(rules, start)
    waiting, queued = deque(reversed(rules)), set(rules)
    while waiting:
        name = waiting.popleft()
        queued.remove(name)
        better = value(rules[name], found)
        if better != found[name]:
            found[name] = better
            waiting.extend(user for user in users[name] if user not in queued)
            queued |= users[name].keys()
    return found


class _Reader:
    """One pass over the text; ``at`` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def rules(self) -> Iterator[tuple[str, Node]]:
        """Rules in order. A name given twice yields twice; the later wins, as in llama.cpp."""
        self.skip_space(newlines=True)
        while self.at < len(self.text):
            yield self.rule()
            self.skip_space(newlines=True)

    def rule(self) -> tuple[str, Node]:
        name = self.name("a rule's name")
        self.skip_space(newlines=False)
        if not self.take("::="):
            raise self.error("'::=' expected")
        self.skip_space(newlines=True)
        node = self.alternatives(nested=False)
        if self.at < len(self.text) and self.text[self.at] not in "\r\n":
            raise self.error("end of line expected")
        return name, node

    def alternatives(self, *, nested: bool) -> Node:
        options = [self.sequence(nested=nested)]
        while self.take("|"):
            self.skip_space(newlines=True)
            options.append(self.sequence(nested=nested))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self, *, nested: bool) -> Node:
        items: list[Node] = []
        while (item := self.item()) is not None:
            self.skip_space(newlines=nested)
            while (counts := self.repetition()) is not None:
                item = Repeat(item, *counts)
                self.skip_space(newlines=nested)
            items.append(item)
        if self.peek() in ("*", "+", "?", "{"):
            raise self.error("nothing stands before the repetition")
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def item(self) -> Node | None:
        match self.peek():
            case '"':
                return self.literal()
            case "[":
                return self.chars()
            case "(":
                return self.group()
            case ".":
                self.at += 1
                return Chars.of([(0, LAST_CODE_POINT)])
            case char if char and _NAME.match(char):
                return Reference(self.name("a rule's name"))
        return None

    def group(self) -> Node:
        start = self.at
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error(f"more than {_MAX_DEPTH} groups within one another")
        self.at += 1
        self.skip_space(newlines=True)
        node = self.alternatives(nested=True)
        if not self.take(")"):
            raise self.error("this group is not closed", start)
        self.depth -= 1
        return node

    def literal(self) -> Literal:
        start = self.at
        self.at += 1
        found = []
        while not self.take('"'):
            found.append(self.char("this literal is not closed", start))
        return Literal("".join(found))

    def chars(self) -> Chars:
        start = self.at
        self.at += 1
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        while not self.take("]"):
            low = high = ord(self.char("this class is not closed", start))
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = ord(self.char("this class is not closed", start))
            if low > high:
                raise self.error("this range runs backwards", start)
            ranges.append((low, high))
        result = Chars.of(_complement(ranges) if negated else ranges)
        if not result.ranges:
            raise self.error("this class matches no character", start)
        return result

    def char(self, unclosed: str, start: int) -> str:
        char = self.peek()
        if not char:
            raise self.error(unclosed, start)
        self.at += 1
        return self.escape() if char == "\\" else char

    def escape(self) -> str:
        start = self.at - 1
        kind = self.peek()
        self.at += 1
        if kind in _ESCAPES:
            return _ESCAPES[kind]
        if kind in _HEX_LENGTHS:
            digits = self.text[self.at : self.at + _HEX_LENGTHS[kind]]
            if len(digits) == _HEX_LENGTHS[kind] and re.fullmatch(r"[0-9A-Fa-f]+", digits):
                self.at += len(digits)
                code = int(digits, 16)
                if code <= LAST_CODE_POINT and not SURROGATES[0] <= code <= SURROGATES[1]:
                    return chr(code)
            raise self.error("this escape names no character", start)
        raise self.error(f"unknown escape '\\{kind}'", start)

    def repetition(self) -> tuple[int, int | None] | None:
        for sign, counts in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.take(sign):
                return counts
        return self.braces() if self.peek() == "{" else None

    def braces(self) -> tuple[int, int | None]:
        start = self.at
        found = _BRACES.match(self.text, self.at)
        if not found:
            raise self.error("repetition expected: {m}, {m,} or {m,n}", start)
        self.at = found.end()
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] else None
        if most is not None and most < least:
            raise self.error("this repetition ends before it starts", start)
        return least, most

    def name(self, what: str) -> str:
        found = _NAME.match(self.text, self.at)
        if not found:
            raise self.error(f"{what} expected")
        self.at = found.end()
        return found[0]

    def skip_space(self, *, newlines: bool) -> None:
        found = (_SPACE_AND_LINES if newlines else _SPACE_IN_LINE).match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, expected: str) -> bool:
        if not self.text.startswith(expected, self.at):
            return False
        self.at += len(expected)
        return True

    def error(self, message: str, at: int | None = None) -> GrammarError:
        before = self.text[: self.at if at is None else at]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return GrammarError(f"{message} (line {line}, column {column})")


def _without_surrogates(low: int, high: int) -> Iterator[tuple[int, int]]:
    if low < SURROGATES[0]:
        yield low, min(high, SURROGATES[0] - 1)
    if high > SURROGATES[1]:
        yield max(low, SURROGATES[1] + 1), high


def _complement(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    gaps, following = [], 0
    for low, high in sorted(ranges):
        if low > following:
            gaps.append((following, low - 1))
        following = max(following, high + 1)
    if following <= LAST_CODE_POINT:
        gaps.append((following, LAST_CODE_POINT))
    return gaps


def _refuse_left_recursion(rules: Rules) -> None:
    empty = settle(rules, False, _is_empty)
    firsts = {name: set(_leading(node, empty)) for name, node in rules.items()}
    done: set[str] = set()
    for start in rules:
        path: dict[str, Iterator[str]] = {}
        pending = [start]
        while pending:
            name = pending[-1]
            if name not in path:
                path[name] = iter(sorted(firsts[name])) if name not in done else iter(())
            follower = next(path[name], None)
            if follower is None:
                done.add(pending.pop())
                del path[name]
            elif follower in path:
                raise GrammarError(f"rule '{follower}' is left-recursive: it can start with itself")
            else:
                pending.append(follower)


def _is_empty(node: Node, empty_rules: Mapping[str, bool]) -> bool:
    match node:
        case Literal(text):
            return not text
        case Chars():
            return False
        case Reference(rule):
            return empty_rules[rule]
        case Sequence(items):
            return all(_is_empty(item, empty_rules) for item in items)
        case Choice(options):
            return any(_is_empty(option, empty_rules) for option in options)
        case Repeat(item, least):
            return least == 0 or _is_empty(item, empty_rules)


def _leading(node: Node, empty_rules: Mapping[str, bool]) -> Iterator[str]:
    match node:
        case Reference(rule):
            yield rule
        case Sequence(items):
            for item in items:
                yield from _leading(item, empty_rules)
                if not _is_empty(item, empty_rules):
                    return
        case Choice(options):
            for option in options:
                yield from _leading(option, empty_rules)
        case Repeat(item, _, most) if most != 0:
            yield from _leading(item, empty_rules)
