"""Checks a GBNF grammar before it costs money, and puts each of its rules on one line as the provider wants them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from emberway.wire.gbnf_meaning import ROOT, find_problems
from emberway.wire.gbnf_opinion import MAX_ASKED, can_read, refusal
from emberway.wire.gbnf_reader import Grammar, read_grammar
from emberway.wire.gbnf_text import COMMENT, LINE_END, Problem, Token

MAX_CACHED: Final = 64 * 1024
"""Longest text whose result is remembered, in characters: 256 of them are 16 MiB at most."""

_MAX_FINDINGS: Final = 20
"""More do not help anybody to mend a grammar."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a grammar. ``line`` and ``column`` count characters of the text as given, from 1.

    ``certain``: no reader of the dialect takes it, so it may be refused. Otherwise it is a doubt: the grammar goes to
    the provider, and the caller is told.
    """

    line: int
    column: int
    reason: str
    certain: bool


def check_grammar(text: str) -> tuple[Finding, ...]:
    """What is wrong with a grammar, in the order of its text; empty for one that compiles. Never raises."""
    return _check_remembered(text) if len(text) <= MAX_CACHED else _check(text)


def join_rules(text: str) -> str:
    """``text`` with each rule on one line, which Fireworks wants of a grammar; else nothing changes.

    The same object comes back when there is nothing to join, or when the text cannot be read. Where a rule went on over
    a line's end, one space stands instead, and comments in between are gone. Source: the grammar-mode experiments
    quoted in section 3.3 of the provider's specification.
    """
    joined = _join_remembered(text) if len(text) <= MAX_CACHED else _join(text)
    return text if joined is None else joined


def _check(text: str) -> tuple[Finding, ...]:
    grammar = read_grammar(text)
    if grammar.broken is not None:
        certain = [problem for problem in grammar.problems if problem.certain]
        return _located(text, [*certain, _softened(grammar.broken, text)])
    problems = [*grammar.problems, *find_problems(grammar)]
    return _located(text, problems or _second_opinion(grammar, len(text)))


def _softened(broken: Problem, text: str) -> Problem:
    """What we cannot read but another reader of the dialect can is a doubt."""
    return replace(broken, certain=False) if can_read(text) else broken


def _second_opinion(grammar: Grammar, length: int) -> Iterator[Problem]:
    start = grammar.rules[ROOT].start
    if length > MAX_ASKED:
        yield Problem(
            start, f"the grammar is longer than {MAX_ASKED} characters, so it was not compiled", certain=False
        )
        return
    reason = refusal(grammar)
    if reason is not None:
        yield Problem(start, f"another grammar engine (llguidance) refuses this grammar: {reason}", certain=False)


def _located(text: str, problems: Iterable[Problem]) -> tuple[Finding, ...]:
    """Certain ones survive the cut, then those that stand first."""
    chosen = sorted(problems, key=lambda problem: (not problem.certain, problem.offset))[:_MAX_FINDINGS]
    if not chosen:
        return ()
    starts = [0, *(match.end() for match in LINE_END.finditer(text))]
    findings = []
    for problem in sorted(chosen, key=lambda problem: problem.offset):
        line = bisect_right(starts, problem.offset)
        column = problem.offset - starts[line - 1] + 1
        findings.append(Finding(line, column, problem.reason, problem.certain))
    return tuple(findings)


def _join(text: str) -> str | None:
    """The joined text, or None when nothing is to be joined."""
    if LINE_END.search(text) is None:
        return None
    grammar = read_grammar(text)
    if grammar.broken is not None or not grammar.starts:
        return None
    tokens = grammar.tokens
    pieces = [text[: tokens[0].start]]
    rule_starts = {*grammar.starts, len(tokens)}
    for index, token in enumerate(tokens):
        pieces.append(_on_one_line(token))
        end = tokens[index + 1].start if index + 1 < len(tokens) else len(text)
        gap = text[token.end : end]
        inside_rule = index + 1 not in rule_starts
        pieces.append(" " if inside_rule and LINE_END.search(gap) else gap)
    joined = "".join(pieces)
    return None if joined == text else joined


def _on_one_line(token: Token) -> str:
    """The token itself; a line break inside it becomes the escape of the same meaning, or nothing where it has none."""
    if LINE_END.search(token.text) is None:
        return token.text
    if token.kind == "count":
        return "".join(COMMENT.sub("", token.text).split())
    return token.text.replace("\r", "\\r").replace("\n", "\\n")


_check_remembered = lru_cache(maxsize=256)(_check)
_join_remembered = lru_cache(maxsize=256)(_join)
