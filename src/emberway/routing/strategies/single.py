"""``single``: the group's first node, whatever else it lists."""

from __future__ import annotations

from emberway.routing.base import Context, Route, Walk
from emberway.routing.hedge import race_of, run
from emberway.routing.plan import Group


def single(group: Group, context: Context, walk: Walk) -> Route:
    """Walk the first node, also if it is out: there is nothing else. A hedge asks the same target twice."""
    node = group.nodes[0]
    race = race_of(node, node, group, context)
    return walk(node, context) if race is None else run(race, context)
