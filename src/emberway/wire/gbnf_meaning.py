"""Judges what a grammar's rules mean together: names without a rule, left recursion, rules that never end."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from emberway.wire.gbnf_reader import Grammar, Item, Rule
from emberway.wire.gbnf_text import Problem, short

ROOT: Final = "root"
"""The rule that is the whole output."""

_EMPTY_TERMINALS: Final = ('""', "[]", "[^]")
_SUGGEST_AMONG: Final = 200
"""Looking for a similar name costs time in proportion to the number of rules, for each unknown name."""


def find_problems(grammar: Grammar) -> Iterator[Problem]:
    """Yield what is wrong between the rules of a grammar that was read to its end."""
    if not grammar.rules:
        yield Problem(0, "the grammar is empty: write at least `root ::= ...`")
        return
    if ROOT not in grammar.rules:
        yield _no_root(grammar)
    rules = all_rules(grammar)
    undefined = list(_undefined(grammar, rules))
    yield from undefined
    yield from _continuations(grammar)
    if not undefined:
        web = _Web(grammar, rules)
        yield from _left_recursion(web)
        yield from _empty_repetition(web)
        yield from _endless(web)


def all_rules(grammar: Grammar) -> list[Rule]:
    """The named rules that count and the groups inside them."""
    rules = list(grammar.rules.values())
    for rule in rules:  # the list grows while it is walked
        for sequence in rule.alternatives:
            rules.extend(item.group for item in sequence if item.group is not None)
    return rules


def _no_root(grammar: Grammar) -> Problem:
    first = next(iter(grammar.rules.values()))
    likely = next((rule for name, rule in grammar.rules.items() if name.lower() in (ROOT, "start", "main")), None)
    if likely is not None:
        return Problem(likely.start, f"there is no rule named `root`: rename `{short(likely.name)}` to `root`")
    return Problem(first.start, "there is no rule named `root`: the rule that is the whole output must have this name")


def _undefined(grammar: Grammar, rules: list[Rule]) -> Iterator[Problem]:
    told: set[str] = set()
    for rule in rules:
        for sequence in rule.alternatives:
            for item in sequence:
                name = item.token.text
                if item.group is None and item.token.kind == "name" and name not in grammar.rules and name not in told:
                    told.add(name)
                    yield _undefined_name(grammar, item)


def _undefined_name(grammar: Grammar, item: Item) -> Problem:
    name = item.token.text
    stray = grammar.stray_names.get(name)
    if stray is not None:
        return Problem(stray.end, f"`::=` is missing after `{short(name)}`: a rule is `name ::= ...`")
    return Problem(item.token.start, f"rule `{short(name)}` is not defined{_suggestion(name, grammar)}")


def _continuations(grammar: Grammar) -> Iterator[Problem]:
    """Lines that begin like a rule, with a name, and are none: read as part of the rule above, which may surprise."""
    for name, token in grammar.stray_names.items():
        if name in grammar.rules:
            yield Problem(
                token.start,
                f"no `::=` follows `{short(name)}`, so this line continues the rule above it: indent it, or add `::=`",
                certain=False,
            )


def _suggestion(name: str, grammar: Grammar) -> str:
    if len(grammar.rules) > _SUGGEST_AMONG:
        return ""
    by_lower = {known.lower().replace("_", "-"): known for known in grammar.rules}
    close = difflib.get_close_matches(name.lower().replace("_", "-"), by_lower, n=1)
    return (
        f": did you mean `{short(by_lower[close[0]])}`?"
        if close
        else ": define it, or write it in quotes if it is text"
    )


@dataclass(slots=True)
class _Waiting:
    """An alternative that waits until ``missing`` more of its items hold."""

    missing: int
    rule: Rule


class _Web:
    """All rules, and which item leads to which."""

    def __init__(self, grammar: Grammar, rules: list[Rule]) -> None:
        self.named = grammar.rules
        self.rules = rules
        self.nullable = self._closure(lambda item: item.low == 0 or item.token.text in _EMPTY_TERMINALS)

    def target(self, item: Item) -> Rule | None:
        """The rule that an item stands for; None for a terminal."""
        if item.group is not None:
            return item.group
        return self.named[item.token.text] if item.token.kind == "name" else None

    def can_end(self) -> set[Rule]:
        """Rules that match at least one finite text."""
        return self._closure(lambda item: item.low == 0 or self.target(item) is None)

    def first_items(self, rule: Rule) -> Iterator[Item]:
        """The items with which a text of ``rule`` may begin: those before which everything can be empty."""
        for sequence in rule.alternatives:
            for item in sequence:
                yield item
                if not self._is_nullable(item):
                    break

    def _is_nullable(self, item: Item) -> bool:
        return item.low == 0 or item.token.text in _EMPTY_TERMINALS or self.target(item) in self.nullable

    def _closure(self, at_once: Callable[[Item], bool]) -> set[Rule]:
        """Rules with an alternative of which each item holds, at once or because its rule does. Linear in the items."""
        holds: set[Rule] = set()
        waiting: dict[Rule, list[_Waiting]] = defaultdict(list)
        ready: list[Rule] = []
        for rule in self.rules:
            for sequence in rule.alternatives:
                needs = [self.target(item) for item in sequence if not at_once(item)]
                entry = _Waiting(len(needs), rule)
                if not needs:
                    ready.append(rule)
                for need in needs:
                    if need is not None:  # a terminal that does not hold at once never will
                        waiting[need].append(entry)
        while ready:
            rule = ready.pop()
            if rule in holds:
                continue
            holds.add(rule)
            for entry in waiting[rule]:
                entry.missing -= 1
                if entry.missing == 0:
                    ready.append(entry.rule)
        return holds


def _left_recursion(web: _Web) -> Iterator[Problem]:
    """Walk depth first along first items; whoever meets a rule that is still open has found a circle.

    A doubt: llama.cpp refuses left recursion, readers with another algorithm take it.
    """
    done: set[Rule] = set()
    for start in web.rules:
        if start in done:
            continue
        path: dict[Rule, Iterator[Item]] = {start: web.first_items(start)}
        while path:
            rule, items = next(reversed(path.items()))
            item = next(items, None)
            if item is None:
                done.add(rule)
                path.popitem()
                continue
            target = web.target(item)
            if target in path:
                yield _circle(list(path), target, item)
            elif target is not None and target not in done:
                path[target] = web.first_items(target)


def _circle(path: list[Rule], target: Rule, item: Item) -> Problem:
    names = [short(rule.name) for rule in path[path.index(target) :] if rule.name]
    route = " -> ".join([*names[:5], *(["..."] if len(names) > 5 else []), names[0]])
    return Problem(
        item.token.start,
        f"left recursion ({route}): rule `{names[0]}` begins with itself, which llama.cpp refuses;"
        " write the repeated part with ( ... )* or put the recursion last",
        certain=False,
    )


def _empty_repetition(web: _Web) -> Iterator[Problem]:
    """A group or rule with an empty alternative, repeated without limit: left recursion once llama.cpp has expanded it.

    It looks for an alternative that is written empty, and not further, hence so do we.
    """
    for rule in web.rules:
        for sequence in rule.alternatives:
            for item in sequence:
                target = web.target(item)
                if target is not None and item.high is None and [] in target.alternatives:
                    yield Problem(
                        item.token.start,
                        "this part can be empty and is repeated without limit, which llama.cpp refuses:"
                        " remove its empty alternative",
                        certain=False,
                    )


def _endless(web: _Web) -> Iterator[Problem]:
    """A doubt, because such a grammar compiles: the output just runs on until the token limit cuts it."""
    can_end = web.can_end()
    for rule in web.named.values():
        if rule not in can_end:
            yield Problem(
                rule.start,
                f"rule `{short(rule.name)}` can never end, because each alternative leads to another round:"
                " add an alternative that stops; as it is, the output runs until the token limit",
                certain=False,
            )
