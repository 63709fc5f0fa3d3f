"""Reads a GBNF grammar (the dialect of llama.cpp) into rules and tokens, or says where and why that is impossible.

A line that cannot begin a rule is read as the continuation of the rule above it: that is wider than llama.cpp, and
safe, because such rules are joined to one line before they are sent (`gbnf.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NoReturn

from emberway.wire.gbnf_quoted import quoted_problems
from emberway.wire.gbnf_text import COMMENT, LINE_END, Problem, Token, named, short, split

MAX_COPIES: Final = 2000
"""From this many copies of one part on, llama.cpp refuses a repetition."""


@dataclass(slots=True, eq=False)
class Item:
    """A part of a sequence and how often it may stand there; ``high`` is None without a limit."""

    token: Token
    group: Rule | None = None
    """The alternatives of a parenthesis; None for terminals and references."""
    low: int = 1
    high: int | None = 1
    weight: int = 1
    """How many rules llama.cpp would write for one copy."""
    repeated: bool = False


@dataclass(slots=True, eq=False)
class Rule:
    """A named rule, or the inside of a parenthesis (then ``name`` is empty)."""

    name: str
    start: int
    alternatives: list[list[Item]] = field(default_factory=lambda: [[]])


@dataclass(slots=True, eq=False)
class Grammar:
    """What was read. ``broken``: reading stopped at this problem, and the rest of the text is unknown."""

    tokens: list[Token]
    rules: dict[str, Rule] = field(default_factory=dict)
    """By name; of two definitions the later one, as in llama.cpp."""
    starts: list[int] = field(default_factory=list)
    """For each definition the index of its first token, in the order of the text."""
    stray_names: dict[str, Token] = field(default_factory=dict)
    """Names that begin an unindented line without being followed by ``::=``: possibly a rule that lacks it."""
    problems: list[Problem] = field(default_factory=list)
    broken: Problem | None = None


def read_grammar(text: str) -> Grammar:
    """Read ``text`` to its end or to the first place that cannot be read. Never raises."""
    reader = _Reader(text)
    try:
        reader.read()
    except _Broken as stop:
        reader.grammar.broken = _blame_open_literal(reader.grammar, stop.problem)
    return reader.grammar


_COUNT: Final = re.compile(r"\{[ \t\r\n]*([0-9]+)[ \t\r\n]*(?:(,)[ \t\r\n]*([0-9]+)?[ \t\r\n]*)?\}")
_HUGE: Final = 10**12


class _Broken(Exception):
    """Ends the reading; caught in this file."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


class _Reader:
    """One pass over the tokens with an explicit stack, so that no nesting can exhaust Python's."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.grammar = Grammar(split(text))
        self.tokens = self.grammar.tokens
        self.open: list[tuple[Rule, Token, int]] = []
        """For each open parenthesis: the rule around it, its token, and ``symbols`` at that point."""
        self.symbols = 0
        """How many rules llama.cpp would have made by now: it limits repetition by them."""
        self.names: set[str] = set()
        self.told: set[str] = set()

    def read(self) -> None:
        index, tokens = 0, self.tokens
        while index < len(tokens):
            index = self._rule(index)

    def _rule(self, index: int) -> int:
        """Read one rule whose name is token ``index``; return the index after it."""
        token = self.tokens[index]
        if not self._is_rule_start(index):
            self._no_rule(index)
        self.grammar.starts.append(index)
        rule = Rule(token.text, token.start)
        self._define(rule, token)
        index = self._alternatives(rule, index + 2)
        if rule.alternatives == [[]]:
            self._doubt(token.start, f"rule `{short(rule.name)}` is empty: it matches only the empty text")
        return index

    def _define(self, rule: Rule, token: Token) -> None:
        earlier = self.grammar.rules.pop(rule.name, None)
        if earlier is not None:
            self._doubt(
                token.start,
                f"rule `{short(rule.name)}` is defined a second time, and readers disagree on which one counts"
                " (llama.cpp takes the last): keep one of them",
            )
        self.grammar.rules[rule.name] = rule
        self._mention(token)

    def _alternatives(self, rule: Rule, index: int) -> int:
        """Fill ``rule`` up to the start of the next one."""
        tokens, current = self.tokens, rule
        while index < len(tokens):
            token = tokens[index]
            sequence = current.alternatives[-1]
            match token.kind:
                case "name" if index + 1 < len(tokens) and tokens[index + 1].kind == "define":
                    self._next_rule_may_start(index, current)
                    return index
                case "bar":
                    current.alternatives.append([])
                case "open" | "look":
                    current = self._enter(current, token)
                case "close":
                    current = self._leave(current, token)
                case "repeat" | "count":
                    self._repeat(sequence, token)
                case "literal" | "class" | "any" | "special" | "name":
                    self._plain_item(sequence, token)
                case _:
                    self._unreadable(index)
            index += 1
        if self.open:
            _, opening, _ = self.open[-1]
            _stop(opening.start, "this `(` is never closed: add the missing `)`")
        return index

    def _next_rule_may_start(self, index: int, current: Rule) -> None:
        """Rules begin on lines of their own, outside parentheses, after a rule that is complete."""
        token, before = self.tokens[index], self.tokens[index - 1]
        if not token.begins_line:
            _stop(
                token.start,
                f"rule `{short(token.text)}` begins in the middle of a line: put each rule on a line of its own",
            )
        if self.open:
            _, opening, _ = self.open[-1]
            _stop(
                opening.start, f"this `(` is not closed before rule `{short(token.text)}` begins: add the missing `)`"
            )
        if not current.alternatives[-1]:
            _stop(
                before.start,
                f"nothing follows this `{before.text}` before rule `{short(token.text)}` begins, and a reader takes"
                f' `{short(token.text)}` as its continuation: remove it, or write "" for the empty text',
            )

    def _plain_item(self, sequence: list[Item], token: Token) -> None:
        if token.kind == "name":
            self._mention(token)
            if token.begins_line and (token.start == 0 or self.text[token.start - 1] in "\r\n"):
                self.grammar.stray_names.setdefault(token.text, token)
        elif token.kind in ("literal", "class"):
            self._look_into(token)
        elif token.kind == "special":
            self._doubt_once(
                token.start,
                f"`{short(token.text)}` names a token of the model, which not every reader knows",
                key="special",
            )
        sequence.append(Item(token))

    def _enter(self, current: Rule, token: Token) -> Rule:
        if token.kind == "look":
            self._doubt_once(token.start, "`(=` is a look-ahead, which llama.cpp does not know")
        group = Rule("", token.start)
        self.open.append((current, token, self.symbols))
        self.symbols += 1
        return group

    def _leave(self, group: Rule, token: Token) -> Rule:
        if not self.open:
            _stop(token.start, "this `)` closes nothing: remove it, or open a group with `(` before it")
        outer, opening, symbols = self.open.pop()
        outer.alternatives[-1].append(Item(opening, group, weight=self.symbols - symbols))
        return outer

    def _repeat(self, sequence: list[Item], token: Token) -> None:
        low, high = self._bounds(token)
        if not sequence:
            _stop(token.start, f"`{token.text}` has nothing before it to repeat")
        item = sequence[-1]
        if item.repeated:
            self._doubt(
                token.start,
                f"a second repetition `{token.text}` after `{_bounds_text(item)}`: not every reader takes it,"
                " so write parentheses around the first",
            )
            item = sequence[-1] = self._wrapped(item)
        elif item.token.text in ('""', "[]", "[^]"):
            self._doubt(token.start, f"`{token.text}` repeats the empty text, which llama.cpp refuses")
        item.low, item.high, item.repeated = low, high, True
        self._weigh(item, token)

    def _wrapped(self, item: Item) -> Item:
        group = Rule("", item.token.start, [[item]])
        return Item(item.token, group, weight=item.weight)

    def _bounds(self, token: Token) -> tuple[int, int | None]:
        if token.kind == "repeat":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[token.text]
        match = _COUNT.fullmatch(COMMENT.sub("", token.text))
        if match is None:
            _stop(
                token.start,
                f"`{short(token.text)}` is not a repetition: write {{m}}, {{m,}} or {{m,n}} with whole numbers",
            )
        low = _number(match[1])
        high = (_number(match[3]) if match[3] else None) if match[2] else low
        if high is not None and high < low:
            self._certain(
                token.start, f"`{short(token.text)}` asks for at least {low} and at most {high}: write {{{high},{low}}}"
            )
        return low, high

    def _weigh(self, item: Item, token: Token) -> None:
        """Count the copies as llama.cpp does: it limits repetitions within repetitions by the rules they expand to."""
        bounded = item.high is not None and item.high <= MAX_COPIES
        copies = (item.high if bounded else item.low) or 1
        item.weight = min(item.weight * copies, _HUGE)
        if item.low > MAX_COPIES or item.weight >= MAX_COPIES:
            self._doubt(
                token.start,
                f"`{short(token.text)}` makes {item.weight} copies, and from {MAX_COPIES} on llama.cpp refuses;"
                " a provider may answer that the grammar takes too much time",
            )
        self.symbols += max(item.high - item.low, 0) if bounded and item.high is not None else 1

    def _look_into(self, token: Token) -> None:
        for problem in quoted_problems(token):
            if problem.certain:
                raise _Broken(problem)
            self.grammar.problems.append(problem)

    def _mention(self, token: Token) -> None:
        name = token.text
        if name in self.names:
            return
        self.names.add(name)
        self.symbols += 1
        if "_" in name or not name.isascii():
            self._doubt_once(
                token.start,
                f"the name `{short(name)}` holds a character other than letters, digits and `-`,"
                " which not every reader takes: write `-`",
                key="name",
            )

    def _is_rule_start(self, index: int) -> bool:
        tokens = self.tokens
        return tokens[index].kind == "name" and index + 1 < len(tokens) and tokens[index + 1].kind == "define"

    def _no_rule(self, index: int) -> NoReturn:
        """The first token of the text does not begin a rule."""
        token = self.tokens[index]
        if token.kind == "name":
            follower = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
            if follower is None or follower.kind not in ("typo", "other"):
                _stop(token.end, f"`::=` is missing after `{short(token.text)}`: a rule is `name ::= ...`")
            self._unreadable(index + 1)
        if token.kind == "define":
            _stop(token.start, "this `::=` has no rule name before it")
        if token.kind == "other":
            self._unreadable(index)
        _stop(token.start, f"a rule must begin with its name: write `root ::= ` before `{short(token.text)}`")

    def _unreadable(self, index: int) -> NoReturn:
        token = self.tokens[index]
        if token.kind == "define":
            _stop(token.start, "this `::=` has no rule name before it on its line")
        if token.kind == "typo" and index > 0 and self.tokens[index - 1].begins_line:
            _stop(token.start, f"expected `::=` after `{short(self.tokens[index - 1].text)}`, found `{token.text}`")
        _stop(token.start, _UNEXPECTED.get(token.text) or f"unexpected {named(token.text)}")

    def _certain(self, offset: int, reason: str) -> None:
        self.grammar.problems.append(Problem(offset, reason))

    def _doubt(self, offset: int, reason: str) -> None:
        self.grammar.problems.append(Problem(offset, reason, certain=False))

    def _doubt_once(self, offset: int, reason: str, *, key: str | None = None) -> None:
        """The first place is enough: a feature that is used once is often used everywhere."""
        if (key or reason) not in self.told:
            self.told.add(key or reason)
            self._doubt(offset, reason)


_UNEXPECTED: Final = {
    '"': 'this literal is never closed: add the missing `"` (a quote inside a literal is written \\")',
    "[": "this class is never closed: add the missing `]` (a bracket inside a class is written \\])",
    "{": "this `{` is never closed: write {m}, {m,} or {m,n}",
    "]": 'this `]` closes nothing: inside a class it is written \\], as text it is written "]"',
    "}": 'this `}` closes nothing: as text it is written "}"',
    "'": 'unexpected `\'`: literals stand in double quotes, "like this"',
    "`": "unexpected backtick: send the grammar alone, without the fence of a Markdown code block",
    "/": "unexpected `/`: comments begin with #, and patterns are written with classes and repetition",
    ";": "unexpected `;`: a rule ends with its line, so leave it out",
    ",": "unexpected `,`: the parts of a sequence are separated by spaces",
    "^": "unexpected `^`: it negates inside a class only, and root always matches the whole text",
    "$": "unexpected `$`: root always matches the whole text, so no anchor is needed",
    "\\": "unexpected backslash: escapes stand inside literals and classes",
    "<": "this `<` is never closed",
    "=": "unexpected `=`: a rule is `name ::= ...` on a line of its own",
    ":": "unexpected `:`: a rule is `name ::= ...` on a line of its own",
    "\u201c": 'unexpected curly quote: literals stand in straight quotes, "like this"',
    "\u201d": 'unexpected curly quote: literals stand in straight quotes, "like this"',
    "\ufeff": "unexpected byte order mark: save the grammar without it",
}


def _number(digits: str) -> int:
    """Numbers beyond any sense are all the same number; Python itself refuses to read thousands of digits."""
    return int(digits) if len(digits) < len(str(_HUGE)) else _HUGE


def _bounds_text(item: Item) -> str:
    return {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((item.low, item.high), "{...}")


def _stop(offset: int, reason: str) -> NoReturn:
    raise _Broken(Problem(offset, reason))


def _blame_open_literal(grammar: Grammar, problem: Problem) -> Problem:
    """A quote that is missing shows up only at a later one; the literal that ran over its line is the place to look."""
    for token in grammar.tokens:
        if token.start >= problem.offset:
            break
        if token.kind in ("literal", "class") and LINE_END.search(token.text):
            closing = '"' if token.kind == "literal" else "]"
            return Problem(token.start, f"this {token.kind} is not closed on its line: add the missing `{closing}`")
    return problem
