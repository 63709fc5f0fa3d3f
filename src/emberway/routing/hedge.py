"""Two targets asked for one answer: the second when the first is slow to begin.

A hedge is about a pair of targets, never of groups, and only about the first sending to each: once a race is over, the
target whose outcome counts goes on alone, retries and all.
"""

from __future__ import annotations

from emberway.routing.base import Context, Race, Route, Send, Step, Won
from emberway.routing.outage import why_out
from emberway.routing.plan import Group, Node, Target
from emberway.routing.retry import LEAST_LEFT, note, persist


def race_of(first: Node, second: Node, group: Group, context: Context) -> Race | None:
    """The race of ``first`` against ``second``, or ``None`` where ``first`` is walked alone.

    Health is asked last, because what it allows may be counted. A second sending that would start when the request's
    time is nearly up is none.
    """
    if group.hedge is None or not isinstance(first, Target) or not isinstance(second, Target):
        return None
    if why_out(second, context.health) is not None:
        return None
    after = context.health.hedge_after(first, group.hedge)
    if after is None or context.left() - after < LEAST_LEFT:
        return None
    context.trail.append(Step("sent", first.path, 0))
    return Race(Send(first, 0), Send(second, 0), after)


def run(race: Race, context: Context) -> Route:
    """A race where it does not matter whether the second was asked: the group tries nothing else."""
    won: Won = yield race
    return (yield from settle(race, won, context))


def settle(race: Race, won: Won, context: Context) -> Route:
    """What follows a race: the target whose outcome counts is tried again if that outcome asks for it."""
    target = (race.second if won.second else race.first).target
    said = {"after": race.after, "both": won.both, "second": won.second}
    context.trail.append(Step("raced", target.path, said))
    note(target, won.outcome, context)
    return persist(target, won.outcome, context)
