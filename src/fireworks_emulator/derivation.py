"""Writes a text that a grammar derives, in the words of a model that likes to be read and to come to an end."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from fireworks_emulator import vocabulary
from fireworks_emulator.gbnf import Chars, Choice, Literal, Node, Reference, Repeat, Rules, Sequence, settle
from fireworks_emulator.judge import TooCostly, for_rules

_SOFT_LENGTH = 240
"""Bytes after which the shortest way to the end is taken."""
_STEPS, _STEPS_PER_BYTE = 20_000, 10
"""How much work one text may be; an honest grammar takes two to five steps per byte."""
_NEVER = 10**9
"""The cost of a node that cannot come to an end; no text that anyone waits for costs as much."""
_LOWER = Chars(((ord("a"), ord("z")),))
_UPPER = Chars(((ord("A"), ord("Z")),))
_DIGITS = Chars(((ord("0"), ord("9")),))
_WORDY = 20
"""Letters of one case that a class must have before it is filled with words."""


def derive(rules: Rules, rng: random.Random, limit: int) -> tuple[str, bool]:
    """At most ``limit`` bytes of UTF-8 from ``root``, and whether that is a full match. Raises TooCostly."""
    return _Writer(rules, rng, limit).write()


@dataclass(frozen=True, slots=True)
class _Pending:
    node: Node
    cost: int


class _Writer:
    """Leftmost derivation with a stack of its own: a grammar may nest deeper than Python does.

    ``owed`` is the cost of everything that is still to be written; with ``length`` it tells how much freedom is left.
    """

    def __init__(self, rules: Rules, rng: random.Random, limit: int) -> None:
        self.rules = rules
        self.rng = rng
        self.limit = limit
        self.costs = settle(rules, _NEVER, _cost)
        self.alphabets = settle(rules, None, _alphabet)
        self.known: dict[str, list[str]] = {}
        self.found: list[str] = []
        self.length = 0
        self.owed = 0
        self.pending: list[_Pending] = []

    def write(self) -> tuple[str, bool]:
        self.push(Reference("root"))
        for _ in range(_STEPS + _STEPS_PER_BYTE * self.limit):
            if self.length > self.limit:
                break
            if not self.pending:
                return "".join(self.found), True
            step = self.pending.pop()
            self.owed -= step.cost
            self.expand(step.node)
        else:
            raise TooCostly
        return "".join(self.found).encode()[: self.limit].decode(errors="ignore"), False

    def push(self, node: Node) -> None:
        cost = _cost(node, self.costs)
        self.pending.append(_Pending(node, cost))
        self.owed += cost

    def say(self, text: str) -> None:
        self.found.append(text)
        self.length += len(text.encode())

    def spare(self) -> int:
        return _SOFT_LENGTH - self.length - self.owed

    def expand(self, node: Node) -> None:
        match node:
            case Literal(text):
                self.say(text)
            case Chars():
                self.say(self.pick(node))
            case Reference(rule):
                self.enter(rule)
            case Sequence(items):
                self.sequence(items)
            case Choice(options):
                self.push(self.choose(options))
            case Repeat():
                self.repeat(node)

    def enter(self, rule: str) -> None:
        offers = self.offers(rule)
        if offers:
            self.say(self.rng.choice(offers))
        else:
            self.push(self.rules[rule])

    def offers(self, rule: str) -> list[str]:
        """What the vocabulary knows under this rule's name, as far as the rule allows it."""
        if rule not in self.known:
            texts = vocabulary.strings(rule)
            judge = for_rules(self.rules, rule) if texts else None
            self.known[rule] = [text for text in texts if judge and judge.accepts(text.encode())]
        return self.known[rule]

    def sequence(self, items: tuple[Node, ...]) -> None:
        if len(items) == 2 and (word := self.initial(*items)) is not None:
            self.say(word)
        elif len(items) > 2:
            for piece in reversed(_pairs(items)):
                self.push(piece)
        else:
            for item in reversed(items):
                self.push(item)

    def initial(self, first: Node, rest: Node) -> str | None:
        """One word for a first letter and its followers (``[A-Z] [a-z]*``); None when that is not what stands here."""
        if not isinstance(first, Chars) or not isinstance(rest, Repeat) or rest.most == 0:
            return None
        followers = _alphabet(rest.item, self.alphabets)
        if followers is None or not _is_wordy(followers):
            return None
        text = self.run(followers, rest.least + 1, None if rest.most is None else rest.most + 1)
        head = next((char for char in (text[0], text[0].upper()) if char in first), None)
        return (head or self.pick(first)) + text[1:]

    def choose(self, options: tuple[Node, ...]) -> Node:
        costs = [_cost(option, self.costs) for option in options]
        cheapest = min(costs)
        if self.spare() <= 0 or cheapest >= _NEVER:
            return options[costs.index(cheapest)]
        # What costs more is rarer, so recursion ends by itself; what never ends is not begun.
        weights = [0.0 if cost >= _NEVER else 1 / (1 + cost**0.5) for cost in costs]
        for place, option in enumerate(options):
            weights[place] *= 0.05 if _is_blank(option) else 1
        return self.rng.choices(options, weights)[0]

    def repeat(self, node: Repeat) -> None:
        alphabet = _alphabet(node.item, self.alphabets)
        if alphabet is not None:
            self.say(self.run(alphabet, node.least, node.most))
            return
        count = self.count(node)
        if count > self.limit:
            raise TooCostly
        for _ in range(count):
            self.push(node.item)

    def count(self, node: Repeat) -> int:
        cost = _cost(node.item, self.costs)
        least = node.least if cost else 0  # what may be empty fills any number of places by being so
        if self.spare() <= cost:
            return least
        wanted = least + self.rng.choice((0, 1, 1, 2, 2))
        return wanted if node.most is None else min(wanted, node.most)

    def pick(self, chars: Chars) -> str:
        for favourite in (_LOWER, _DIGITS, _UPPER):
            common = _common(chars, favourite)
            if common:
                return self.anyone(common)
        for _ in range(20):
            char = self.anyone(chars)
            if char.isprintable() and not char.isspace():
                return char
        return self.anyone(chars)

    def anyone(self, chars: Chars) -> str:
        number = self.rng.randrange(chars.size())
        for low, high in chars.ranges:
            if number <= high - low:
                return chr(low + number)
            number -= high - low + 1
        raise AssertionError("a class is never empty")

    def run(self, chars: Chars, least: int, most: int | None) -> str:
        """``least`` to ``most`` characters that read as words or a number; as little as possible of mere space."""
        least = min(least, self.limit + 1)
        if _is_space(chars):
            return (" " if " " in chars else self.anyone(chars)) * least
        most = max(least, 60) if most is None else most
        if self.spare() <= 0:
            most = max(least, min(most, 8))
        if most and _is_wordy(chars):
            return self.prose(chars, least, most)
        return self.figures(chars, max(least, min(most, self.rng.randint(1, 3))))

    def figures(self, chars: Chars, count: int) -> str:
        found = "".join(self.pick(chars) for _ in range(count))
        return "7" + found[1:] if count > 1 and found[0] == "0" and "7" in chars else found

    def prose(self, chars: Chars, least: int, most: int) -> str:
        spell = str.lower if _is_lower(chars) else str.upper
        known = [word for word in map(spell, vocabulary.WORDS) if all(char in chars for char in word)]
        if not known:
            return self.figures(chars, least or 1)
        joint = next((char for char in " _-" if char in chars), "")
        found = self.rng.choice(known)
        while len(found) < least or (joint == " " and len(found) < 18 and self.spare() > 0 and self.rng.random() < 0.7):
            found += joint + self.rng.choice(known)
        found = found[:most]
        return found[:-1] + self.pick(chars) if joint and found.endswith(joint) else found


def _cost(node: Node, costs: Mapping[str, int]) -> int:
    """The least that a node costs: its bytes, and one per rule entered so that the cheapest way always ends."""
    match node:
        case Literal(text):
            return len(text.encode())
        case Chars(ranges):
            return len(chr(ranges[0][0]).encode())
        case Reference(rule):
            return min(_NEVER, 1 + costs[rule])
        case Sequence(items):
            return min(_NEVER, sum(_cost(item, costs) for item in items))
        case Choice(options):
            return min(_cost(option, costs) for option in options)
        case Repeat(item, least):
            return min(_NEVER, least * _cost(item, costs)) if least else 0


def _alphabet(node: Node, rules: Mapping[str, Chars | None]) -> Chars | None:
    """The single characters that a node can be; its longer texts (escapes, mostly) are left out."""
    match node:
        case Chars():
            return node
        case Literal(text):
            return Chars.of([(ord(text), ord(text))]) if len(text) == 1 else None
        case Reference(rule):
            return rules[rule]
        case Choice(options):
            ranges = [pair for option in options if (chars := _alphabet(option, rules)) for pair in chars.ranges]
            return Chars.of(ranges) if ranges else None
    return None


def _pairs(items: tuple[Node, ...]) -> list[Node]:
    """The items, with each single character and the repetition after it taken together."""
    found: list[Node] = []
    for item in items:
        if isinstance(item, Repeat) and found and isinstance(found[-1], Chars):
            found[-1] = Sequence((found[-1], item))
        else:
            found.append(item)
    return found


def _is_blank(node: Node) -> bool:
    """Whether it writes white space and nothing else."""
    match node:
        case Literal(text):
            return text.isspace()
        case Chars():
            return _is_space(node)
        case Repeat(item):
            return _is_blank(item)
        case Sequence(items):
            return bool(items) and all(_is_blank(item) for item in items)
    return False


def _is_space(chars: Chars) -> bool:
    return chars.size() < 30 and all(chr(code).isspace() for low, high in chars.ranges for code in range(low, high + 1))


def _common(one: Chars, other: Chars) -> Chars | None:
    pairs = [(max(a, c), min(b, d)) for a, b in one.ranges for c, d in other.ranges if max(a, c) <= min(b, d)]
    return Chars.of(pairs) if pairs else None


def _is_lower(chars: Chars) -> bool:
    return (letters := _common(chars, _LOWER)) is not None and letters.size() >= _WORDY


def _is_wordy(chars: Chars) -> bool:
    return _is_lower(chars) or ((letters := _common(chars, _UPPER)) is not None and letters.size() >= _WORDY)
