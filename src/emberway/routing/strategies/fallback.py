"""``fallback``: one node after the other, until an outcome does not ask to move on."""

from __future__ import annotations

from emberway.routing.base import Context, Failed, Outcome, Race, Route, Step, Verdict, Walk, Won
from emberway.routing.hedge import race_of, settle
from emberway.routing.outage import is_out
from emberway.routing.plan import Group
from emberway.routing.retry import LEAST_LEFT


def fallback(group: Group, context: Context, walk: Walk) -> Route:
    """Walk the nodes in order; the last outcome is the answer, be it good or bad.

    Nodes that are out are passed over when their turn comes, unless that leaves none. With a hedge, a target races the
    one behind it, which is not asked again. A ``moved_on`` step is about the node tried next: after which status.
    """
    verdict: Verdict | None = None
    raced: int | None = None
    for whatever_health_says in (False, True):
        for at, node in enumerate(group.nodes):
            if at == raced or (not whatever_health_says and is_out(node, context)):
                continue
            if verdict is not None and not _may_go_on(node.path, verdict, context):
                return verdict
            if (race := _race(group, at, context)) is None:
                verdict = yield from walk(node, context)
            else:
                won: Won = yield race
                raced = at + 1 if won.second or won.both else None
                verdict = yield from settle(race, won, context)
            if not moves_on(group, verdict.outcome):
                return verdict
        if verdict is not None:
            return verdict
        context.trail.append(Step("unskipped", group.path))
    raise AssertionError("a group has a node")


def moves_on(group: Group, outcome: Outcome) -> bool:
    """Whether the next node is tried after ``outcome``.

    An answer: if its status is listed, or without a list if it is not 2xx (so 246 stays and 446 moves on, unless a list
    says otherwise). No answer: always, also when the target cannot take such a call; a timeout is judged as 408.
    """
    status = outcome.status
    if type(outcome) is Failed and status != 408:  # no isinstance: as in router.py
        return True
    if group.moves_on is None:
        return not 200 <= status < 300
    return status in group.moves_on


def _may_go_on(path: str, verdict: Verdict, context: Context) -> bool:
    """Whether there is time for the node at ``path``; the trail says so either way."""
    if context.left() < LEAST_LEFT:
        context.trail.append(Step("stopped", path, "deadline"))
        return False
    context.trail.append(Step("moved_on", path, verdict.outcome.status))
    return True


def _race(group: Group, at: int, context: Context) -> Race | None:
    if group.hedge is None or at + 1 == len(group.nodes):
        return None
    return race_of(group.nodes[at], group.nodes[at + 1], group, context)
