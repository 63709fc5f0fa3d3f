"""``conditional``: the call itself decides which node it goes to."""

from __future__ import annotations

from emberway.errors import InvalidCall
from emberway.routing.base import Context, Route, Step, Walk
from emberway.routing.plan import Group


def conditional(group: Group, context: Context, walk: Walk) -> Route:
    """Walk the node of the first condition that holds, or else the default.

    It is walked also if it is out: below a condition nothing can stand in for it (captured; specification 4.9).
    Raises InvalidCall where no condition holds and there is no default.
    """
    return walk(group.nodes[_chosen(group, context)], context)


def _chosen(group: Group, context: Context) -> int:
    for condition in group.conditions:
        holds, seen = condition.examine(context.facts)
        said = {"seen": seen, "holds": holds, "then": condition.then}
        context.trail.append(Step("condition", group.path, said))
        if holds:
            return condition.then
    if group.default is None:
        raise InvalidCall(
            f"No condition of the config's strategy at {group.path} holds for this call, and it names no default: add "
            "`default` to the strategy, or send what one of its conditions asks for.",
            param="x-portkey-config",
            code="no_condition_matched",
        )
    context.trail.append(Step("default", group.path, group.default))
    return group.default
