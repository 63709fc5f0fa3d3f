"""Plays a plan against a script: the commands that the router should give, and what comes back for each.

::

    first, second = target("first", attempts=1), target("second")

    assert play(group("fallback", first, second), [
        (Send(first, 0), Answered(503)),
        (Wait(0.5), None),
        (Send(first, 1), Answered(503)),
        (Send(second, 0), Answered(200)),
    ]) == Verdict(second, Answered(200), 0)

A third entry of a line is how many seconds it took; a wait takes as long as it says. What the router may know beside
the plan is in a :class:`World`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from emberway.routing.base import Command, Context, Outcome, Route, Send, Step, Verdict, Wait, Won
from emberway.routing.facts import Finding, Seen
from emberway.routing.plan import RETRIED, Condition, Group, Hedge, Mode, Node, Retry, Target
from emberway.routing.router import route

Line = tuple[Command, Outcome | Won | None] | tuple[Command, Outcome | Won | None, float]


@dataclass
class Call:
    """The call's facts."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    caller: str = "key-1"
    path: str = "/v1/chat/completions"

    def header(self, name: str) -> str | None:
        return self.headers.get(name)


class World:
    """Dice, time, health and facts as a test wants them; ``asked`` lists what the router wanted to know of health."""

    def __init__(
        self,
        *,
        dice: float | Iterable[float] | Callable[[], float] = 0.5,
        left: float = float("inf"),
        out: Iterable[Target] = (),
        retries: float = float("inf"),
        hedge_after: float | None = None,
        facts: Call | None = None,
    ) -> None:
        self.left = left
        self.out = set(out)
        self.retries = retries
        self.hedge = hedge_after
        self.asked: list[tuple[str, str]] = []
        self.trail: list[Step] = []
        self.context = Context(facts or Call(), _rolled(dice), lambda: self.left, self, self.trail)

    def why_out(self, target: Target) -> str | None:
        self.asked.append(("why_out", target.path))
        return "breaker_open" if target in self.out else None

    def may_retry(self, target: Target) -> bool:
        self.asked.append(("may_retry", target.path))
        self.retries -= 1
        return self.retries >= 0

    def hedge_after(self, target: Target, hedge: Hedge) -> float | None:
        self.asked.append(("hedge_after", target.path))
        return self.hedge

    def told(self, *kinds: str) -> list[tuple[str, str, Any]]:
        """The trail, or those of its steps that are of ``kinds``."""
        return [(step.kind, step.path, step.said) for step in self.trail if not kinds or step.kind in kinds]


def play(plan: Node, script: Sequence[Line], world: World | None = None) -> Verdict:
    """The verdict; fails where the router says anything else than the script, or stops at another place."""
    world = world or World()
    flow = route(plan, world.context)
    answer: Any = None
    for number, (command, comes_back, *took) in enumerate(script):
        said = _next(flow, answer)
        assert said == command, f"line {number}: {_brief(said)}, not {_brief(command)}"
        world.left -= took[0] if took else command.seconds if isinstance(command, Wait) else 0.0
        answer = comes_back
    end = _next(flow, answer)
    assert isinstance(end, Verdict), f"after the script's end: {_brief(end)}"
    return end


def drive(plan: Node, answer: Callable[[Command], Outcome | Won | None], world: World) -> tuple[Verdict, list[Command]]:
    """The verdict and all commands when ``answer`` plays the rest of the world, which ends after 10,000 of them."""
    flow = route(plan, world.context)
    given: list[Command] = []
    comes_back: Any = None
    while not isinstance(said := _next(flow, comes_back), Verdict):
        given.append(said)
        assert len(given) < 10_000
        comes_back = answer(said)
    return said, given


def target(
    path: str,
    *,
    attempts: int = 0,
    codes: Iterable[int] = RETRIED,
    use_retry_after: bool = False,
    weight: float = 1.0,
) -> Target:
    """A leaf."""
    return Target(path, key=path, weight=weight, retry=Retry(attempts, frozenset(codes), use_retry_after))


def group(mode: Mode, *nodes: Node, path: str = "config", **more: Any) -> Group:
    """A strategy over nodes, their weights summed up as a compiled config has them."""
    return Group(path, mode, nodes, cumulative=tuple(accumulate(node.weight for node in nodes)), **more)


def condition(holds: bool, then: int) -> Condition:
    """A condition that was decided beforehand."""
    return Condition(lambda facts: Finding(holds, (Seen("metadata.tier", "$eq", "paid", "free", holds),)), then)


def _next(flow: Route, answer: Any) -> Command | Verdict:
    try:
        return flow.send(answer)
    except StopIteration as end:
        verdict: Verdict = end.value
        return verdict


def _rolled(dice: float | Iterable[float] | Callable[[], float]) -> Callable[[], float]:
    if callable(dice):
        return dice
    if isinstance(dice, int | float):
        return lambda: dice
    rolls = iter(dice)

    def roll() -> float:
        value = next(rolls, None)
        assert value is not None, "the dice are rolled once more than was foreseen"
        return value

    return roll


def _brief(said: Command | Verdict) -> str:
    match said:
        case Send(target, attempt):
            return f"Send({target.path}, {attempt})"
        case Verdict(target, outcome, retries):
            return f"Verdict({target.path}, {outcome}, {retries})"
        case _:
            return repr(said)
