"""What the router says of a call that needs no decision, known before the call comes.

Most calls of a plan that begins with one certain target are answered there with 200. The router would send to that
target and end; having that ready saves a call its generators (7 µs in place, a twentieth of a whole call).
"""

from __future__ import annotations

from msgspec import Struct

from emberway.routing.base import Send, Step
from emberway.routing.plan import Node, Target


class Lead(Struct, frozen=True, eq=False):
    """The first command of every walk through a plan while its first target is not out."""

    command: Send
    trail: tuple[Step, ...]
    """The router's steps if the answer's status is 200, which also ends the walk."""


def lead_of(node: Node) -> Lead | None:
    """The lead of the plan below ``node``; ``None`` where chance, the call, or a race has a say."""
    while not isinstance(node, Target):
        is_certain = node.mode in ("single", "fallback") and node.hedge is None
        if not is_certain or (node.moves_on is not None and 200 in node.moves_on):
            return None
        node = node.nodes[0]
    return Lead(Send(node, 0), (Step("sent", node.path, 0), Step("answered", node.path, 200)))
