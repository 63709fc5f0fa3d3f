"""Whether a node of a group is passed over because nothing should be sent there now."""

from __future__ import annotations

from emberway.routing.base import Context, HealthView, Step
from emberway.routing.plan import Node, Target


def is_out(node: Node, context: Context) -> bool:
    """Whether ``node`` is to be passed over; if so, the trail says why."""
    why = why_out(node, context.health)
    if why is None:
        return False
    context.trail.append(Step("skipped", node.path, why))
    return True


def why_out(node: Node, health: HealthView) -> str | None:
    """Why nothing should be sent to ``node``, or ``None``; a group is out when every target below it is."""
    if isinstance(node, Target):
        return health.why_out(node)
    if any(why_out(below, health) is None for below in node.nodes):
        return None
    return "every target below it is out"
