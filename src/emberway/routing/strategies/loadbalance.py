"""``loadbalance``: one node, drawn by weight."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from emberway.routing.base import Context, Route, Step, Walk
from emberway.routing.hedge import race_of, run
from emberway.routing.outage import is_out
from emberway.routing.plan import Group, Target
from emberway.routing.sticky import identity, share_of

DRAWS = 8
"""Draws until a node that is not out is looked for by going through the list: 2^-8 when half of the weight is out."""


def loadbalance(group: Group, context: Context, walk: Walk) -> Route:
    """Walk one node; its failure is final, unless a fallback stands above. A hedge draws a second one beside it."""
    who = None if group.sticky is None else identity(group.sticky, group.path, context.facts)
    at = _drawn(group, who, context)
    if at is None:
        context.trail.append(Step("unskipped", group.path))
        at = _draw(group, group.cumulative, who, 0, context)
    node = group.nodes[at]
    if group.hedge is not None and isinstance(node, Target):
        other = _drawn(group, who, context, without=(at,))
        race = None if other is None else race_of(node, group.nodes[other], group, context)
        if race is not None:
            return run(race, context)
    return walk(node, context)


def _drawn(group: Group, who: bytes | None, context: Context, without: tuple[int, ...] = ()) -> int | None:
    """Index of a node that is not out, each as likely as its weight says; ``None`` if there is none.

    Draws that hit a node that is out are thrown away, which leaves the shares of the others as they are among each
    other, and costs nothing per node as long as most are well. A node without weight stands in for nobody.
    """
    for turn in range(DRAWS):
        at = _draw(group, group.cumulative, who, turn, context)
        if at not in without:
            if not is_out(group.nodes[at], context):
                return at
            without += (at,)
    rest = [
        at
        for at, node in enumerate(group.nodes)
        if node.weight and at not in without and not is_out(node, context)
    ]  # fmt: skip
    if not rest:
        return None
    sums = tuple(accumulate(group.nodes[at].weight for at in rest))
    return rest[_draw(group, sums, who, DRAWS, context, rest)]


def _draw(
    group: Group, sums: Sequence[float], who: bytes | None, turn: int, context: Context, among: Sequence[int] = ()
) -> int:
    """Index into ``sums`` that draw number ``turn`` falls on: by dice, or always the same for the same ``who``.

    ``among``: the nodes that the sums are of, where those are not all. The trail gets the draw and the weight it met.
    """
    share = context.dice() if who is None else share_of(who, turn)
    at = _spot(sums, share)
    node = group.nodes[among[at] if among else at]
    said = {"draw": share, "weight": node.weight, "of": sums[-1]}
    context.trail.append(Step("drew" if who is None else "stuck", node.path, said))
    return at


def _spot(sums: Sequence[float], share: float) -> int:
    """Index of the interval that ``share`` of the whole falls into, given the running sums of their lengths."""
    whole = sums[-1]
    at = bisect_right(sums, share * whole)
    return at if at < len(sums) else bisect_left(sums, whole)  # rounded up to the end: the last that has a length
