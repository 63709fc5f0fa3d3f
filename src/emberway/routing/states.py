"""Counts the states that a search can be in, to tell a pattern that is quick on any text from one that may not be.

An engine that keeps its states (RE2) takes a nanosecond for each character while there are few, and a thousand times
that when each character leads to a new one: ``a[ab]{30}c`` has two to the power of thirty. So it is asked beforehand.

A *place* is what is left to be found, as a chain of nodes; a search that may begin anywhere is at a set of places at
once, and each character takes it to the next set (Antimirov's partial derivatives). Counting stops at a bound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from emberway.routing.characters import ALL, WORDS, Characters, one
from emberway.routing.javascript import Choice, Edge, EdgeKind, Node, OneOf, Repeat, Sequence

Kind = Literal["nothing", "word", "newline", "other"]
"""What an edge has to know of the character on either side of it."""
_LOOKED_AT: dict[EdgeKind, tuple[Kind, Characters]] = {
    "line_start": ("newline", one(0x0A)),
    "line_end": ("newline", one(0x0A)),
    "boundary": ("word", WORDS),
    "within": ("word", WORDS),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """``node`` is to be found, and then ``after``."""

    node: Node
    after: _Place | None


State = tuple[int, Kind]
"""Where the search is, a bit for each place, and the kind of the last character."""
Ways = tuple[tuple[int, int], ...]
"""Each symbol that may come, and the places that it leads to."""


_WALK = 4
"""Steps that one node on the way to the next characters counts for: it takes as long, benchmarks/conditions.py."""


def has_few_states(node: Node, most_steps: int) -> bool:
    """Whether all states of a search for ``node`` are found within that many steps from place to place."""
    return _Survey(node, most_steps).is_finished()


class _Survey:
    def __init__(self, node: Node, most_steps: int) -> None:
        self._steps_left = most_steps
        self._places: dict[tuple[Node, _Place | None], _Place] = {}
        self._repeats: dict[tuple[Node, int, int | None], Repeat] = {}
        self._bits: dict[_Place | None, int] = {}
        self._by_bit: list[_Place | None] = []
        self._known_ways: dict[tuple[_Place | None, Kind, Kind], Ways] = {}
        self._alphabet = _Alphabet(node)
        self._start = self._bit(self._place(node, None))

    def is_finished(self) -> bool:
        first: State = self._start, "nothing"
        known, waiting = {first}, [first]
        while waiting and self._steps_left >= 0:
            for state in self._next_states(*waiting.pop()):
                if state not in known:
                    known.add(state)
                    waiting.append(state)
        return self._steps_left >= 0

    def _next_states(self, places: int, last: Kind) -> Iterator[State]:
        """A search begins anywhere, so each state is at the start too."""
        at = [self._by_bit[bit] for bit in range(places.bit_length()) if places >> bit & 1]
        for coming, symbols in self._alphabet.kinds.items():
            reached = dict.fromkeys(symbols, self._start)
            for place in at:
                ways = self._ways(place, last, coming)
                self._steps_left -= len(ways) + 1
                for symbol, ahead in ways:
                    reached[symbol] |= ahead
            yield from ((ahead, coming) for ahead in reached.values())

    def _ways(self, place: _Place | None, last: Kind, coming: Kind) -> Ways:
        key = (place, last, coming)
        if key not in self._known_ways:
            ways: dict[int, int] = defaultdict(int)
            for wanted, after in self._walk(place, last, coming):
                for symbol in self._alphabet.symbols_of[wanted] & self._alphabet.kinds[coming]:
                    ways[symbol] |= self._bit(after)
            self._known_ways[key] = tuple(ways.items())
        return self._known_ways[key]

    def _bit(self, place: _Place | None) -> int:
        if place not in self._bits:
            self._bits[place] = 1 << len(self._bits)
            self._by_bit.append(place)
        return self._bits[place]

    def _walk(self, start: _Place | None, last: Kind, coming: Kind) -> Iterator[tuple[OneOf, _Place | None]]:
        """The characters that may come at a place, and where each leads."""
        waiting: list[_Place | None] = [start]
        been: set[_Place | None] = {None}
        while waiting and self._steps_left >= 0:
            place = waiting.pop()
            self._steps_left -= _WALK
            if place is None or place in been:
                continue
            been.add(place)
            match place.node:
                case OneOf() as wanted:
                    yield wanted, place.after
                case Edge(kind):
                    waiting += [place.after] if _is_at(kind, last, coming) else []
                case Sequence(parts):
                    waiting.append(self._chain(parts, place.after))
                case Choice(parts):
                    waiting += [self._place(part, place.after) for part in parts]
                case Repeat() as repeat:
                    waiting += self._again(repeat, place.after)

    def _chain(self, parts: tuple[Node, ...], after: _Place | None) -> _Place | None:
        for part in reversed(parts):
            after = self._place(part, after)
        return after

    def _again(self, repeat: Repeat, after: _Place | None) -> Iterator[_Place | None]:
        if repeat.least == 0:
            yield after
        if repeat.most != 0:
            least, most = max(repeat.least - 1, 0), None if repeat.most is None else repeat.most - 1
            rest = self._repeats.setdefault((repeat.part, least, most), Repeat(repeat.part, least, most))
            yield self._place(repeat.part, self._place(rest, after))

    def _place(self, node: Node, after: _Place | None) -> _Place:
        """One place for what is the same: then sets of them can be compared."""
        return self._places.setdefault((node, after), _Place(node, after))


class _Alphabet:
    """The characters of a pattern, those that it never tells apart as one symbol."""

    def __init__(self, node: Node) -> None:
        nodes = list(_nodes(node))
        sets = {part: part.characters for part in nodes if isinstance(part, OneOf)}
        edges = [part.kind for part in nodes if isinstance(part, Edge)]
        looked_at = dict(_LOOKED_AT[kind] for kind in edges if kind in _LOOKED_AT)
        symbols = _symbols({*sets.values(), *looked_at.values(), ALL})
        self.symbols_of = {part: symbols[each] for part, each in sets.items()}
        self.kinds: dict[Kind, frozenset[int]] = {kind: symbols[each] for kind, each in looked_at.items()}
        self.kinds["other"] = symbols[ALL].difference(*self.kinds.values())


def _symbols(sets: Iterable[Characters]) -> dict[Characters, frozenset[int]]:
    """Each set as the symbols that it consists of."""
    ordered = list(sets)
    cuts = sorted({cut for each in ordered for low, high in each for cut in (low, high + 1)})
    owners: list[list[int]] = [[] for _ in cuts]
    for index, each in enumerate(ordered):
        for low, high in each:
            for piece in owners[bisect_left(cuts, low) : bisect_left(cuts, high + 1)]:
                piece.append(index)
    found: list[set[int]] = [set() for _ in ordered]
    for symbol, indices in enumerate(dict.fromkeys(map(tuple, owners))):
        for index in indices:
            found[index].add(symbol)
    return {each: frozenset(members) for each, members in zip(ordered, found, strict=True)}


def _nodes(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        yield (current := waiting.pop())
        match current:
            case Sequence(parts) | Choice(parts):
                waiting += parts
            case Repeat(part):
                waiting.append(part)


def _is_at(kind: EdgeKind, last: Kind, coming: Kind) -> bool:
    """Whether the place between two such characters is that edge; one where the text ends is never asked about."""
    match kind:
        case "start":
            return last == "nothing"
        case "line_start":
            return last in ("nothing", "newline")
        case "end":
            return False
        case "line_end":
            return coming == "newline"
        case "boundary":
            return (last == "word") is not (coming == "word")
        case "within":
            return (last == "word") is (coming == "word")
