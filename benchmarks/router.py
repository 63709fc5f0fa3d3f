"""Claim: deciding where a call goes costs a few microseconds, and no more with a thousand targets than with ten.

Each row is a whole call that succeeds at once, every target well: the walk from the plan to the verdict, without the
sending. The ratio is to a plan of a single target.
"""

from __future__ import annotations

import random
import timeit
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from emberway.routing.base import Answered, Context
from emberway.routing.facts import Facts, Finding, Seen
from emberway.routing.plan import Condition, Group, Hedge, Mode, Node, Sticky, Target
from emberway.routing.router import route

ROUNDS = 1_000
FINE = Answered(200)


class Well:
    """The health of targets that nothing is wrong with."""

    def why_out(self, target: Target) -> str | None:
        """Nothing is."""
        return None

    def may_retry(self, target: Target) -> bool:
        """Always."""
        return True

    def hedge_after(self, target: Target, hedge: Hedge) -> float | None:
        """No."""
        return None


class Known:
    """A call with a user and a tier."""

    metadata: Mapping[str, Any] = {"user": "u-1234567890", "tier": "free"}
    params: Mapping[str, Any] = {}
    path = "/v1/chat/completions"
    caller = "key_0123456789ab"

    def header(self, name: str) -> str | None:
        """None."""
        return None


HEALTH = Well()
FACTS: Facts = Known()


def main() -> None:
    """Print the table."""
    plans: dict[str, Node] = {
        "a single target": Target("config"),
        "single": _group("single", 1),
        "fallback of two": _group("fallback", 2),
        "loadbalance of 10": _group("loadbalance", 10),
        "loadbalance of 1,000": _group("loadbalance", 1000),
        "loadbalance of 10, sticky": _group("loadbalance", 10, sticky=Sticky(("metadata.user",), 3600.0)),
        "conditional, the fifth holds": _group("conditional", 5, conditions=tuple(map(_condition, range(5)))),
    }
    costs = {name: _micros(plan) for name, plan in plans.items()}
    print(f"{'plan':32}{'µs':>8}{'ratio':>8}")
    for name, cost in costs.items():
        print(f"{name:32}{cost:8.2f}{cost / costs['a single target']:8.1f}")
    print(f"\n1,000 targets cost {costs['loadbalance of 1,000'] / costs['loadbalance of 10']:.2f} times what 10 do")


def _micros(plan: Node) -> float:
    return min(timeit.repeat(lambda: _walk(plan), number=ROUNDS, repeat=300)) / ROUNDS * 1e6


def _walk(plan: Node) -> object:
    flow = route(plan, Context(FACTS, random.random, _ample, HEALTH, []))
    next(flow)
    try:
        flow.send(FINE)
    except StopIteration as end:
        return end.value
    raise AssertionError("one answer is enough")


def _ample() -> float:
    return 600.0


def _group(mode: Mode, size: int, **more: Any) -> Group:
    nodes = tuple(Target(f"config.targets[{at}]", key=str(at), weight=1.0 + at % 3) for at in range(size))
    return Group("config", mode, nodes, cumulative=tuple(accumulate(node.weight for node in nodes)), **more)


def _condition(at: int) -> Condition:
    finding = Finding(at == 4, (Seen("metadata.tier", "$eq", "paid", "free", at == 4),))
    return Condition(lambda facts: finding, at)


if __name__ == "__main__":
    main()
