"""Plans are walked to any depth, and whatever plan and world are, some things never happen."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import pytest
from tests.playbook import World, condition, drive, group, play, target

from emberway.routing.base import (
    Answered,
    Command,
    Failed,
    Outcome,
    Race,
    Send,
    StepKind,
    Verdict,
    Wait,
    Won,
)
from emberway.routing.plan import Hedge, Mode, Node, Target
from emberway.routing.retry import Obstacle
from emberway.routing.router import route
from emberway.routing.strategies import STRATEGIES

GOOD, BAD = Answered(200), Answered(503)
UNREACHABLE = Failed(502, "upstream_unreachable")
A, B, C, D = map(target, "abcd")
FIRST, SECOND = 0.25, 0.75
"""Dice that draw the first and the second of two equal nodes."""


def fallback(*nodes, on=None):
    return group("fallback", *nodes, moves_on=None if on is None else frozenset(on))


def balance(*nodes):
    return group("loadbalance", *nodes)


def choose(then, *nodes):
    return group("conditional", *nodes, conditions=(condition(True, then),))


def test_every_mode_that_a_group_can_have_has_a_strategy():
    assert tuple(STRATEGIES) == get_args(Mode)


@pytest.mark.parametrize(
    "outcome", [GOOD, Answered(246), Answered(404), BAD, UNREACHABLE, Failed(401, "invalid_api_key")]
)
def test_a_config_that_is_one_target_sends_to_it(outcome):
    assert play(A, [(Send(A, 0), outcome)]) == Verdict(A, outcome, 0)


def test_a_target_by_itself_is_sent_to_also_when_it_is_out():
    assert play(A, [(Send(A, 0), GOOD)], World(out=[A])).target is A


NESTED = {
    "fallback in fallback": (fallback(fallback(A, B), C), FIRST, [(A, BAD), (B, BAD), (C, GOOD)]),
    "fallback in fallback, inner succeeds": (fallback(fallback(A, B), C), FIRST, [(A, BAD), (B, GOOD)]),
    "the inner list ends the inner walk and the outer moves on": (
        fallback(fallback(A, B, on={429}), C),
        FIRST,
        [(A, BAD), (C, GOOD)],
    ),
    "the outer list judges what the inner walk came to": (
        fallback(fallback(A, B), C, on={404}),
        FIRST,
        [(A, BAD), (B, BAD)],
    ),
    "the outer list moves on after the inner's last": (
        fallback(fallback(A, B), C, on={404}),
        FIRST,
        [(A, BAD), (B, Answered(404)), (C, GOOD)],
    ),
    "load balance in fallback": (fallback(balance(A, B), C), SECOND, [(B, BAD), (C, GOOD)]),
    "fallback in load balance, first": (balance(fallback(A, B), fallback(C, D)), FIRST, [(A, BAD), (B, GOOD)]),
    "fallback in load balance, second": (balance(fallback(A, B), fallback(C, D)), SECOND, [(C, BAD), (D, BAD)]),
    "conditional in fallback": (fallback(choose(1, A, B), C), FIRST, [(B, BAD), (C, GOOD)]),
    "fallback in conditional": (choose(0, fallback(A, B), C), FIRST, [(A, BAD), (B, GOOD)]),
    "load balance in conditional": (choose(1, A, balance(B, C)), SECOND, [(C, BAD)]),
    "conditional in load balance": (balance(A, choose(1, B, C)), SECOND, [(C, GOOD)]),
    "single in single": (group("single", group("single", A, B), C), FIRST, [(A, BAD)]),
    "three levels": (
        fallback(balance(fallback(A, B), C), choose(0, D)),
        FIRST,
        [(A, BAD), (B, UNREACHABLE), (D, GOOD)],
    ),
    "three levels of load balance": (balance(balance(balance(A, B), C), D), FIRST, [(A, GOOD)]),
    "three levels of fallback": (
        fallback(fallback(fallback(A, B), C), D),
        FIRST,
        [(A, BAD), (B, BAD), (C, BAD), (D, BAD)],
    ),
    "four levels": (
        choose(0, fallback(balance(fallback(A, on={}), B), group("single", C))),
        FIRST,
        [(A, UNREACHABLE), (C, GOOD)],
    ),
}


@pytest.mark.parametrize(("plan", "dice", "sendings"), NESTED.values(), ids=NESTED)
def test_strategies_nest(plan, dice, sendings):
    last, outcome = sendings[-1]

    script = [(Send(each, 0), comes_back) for each, comes_back in sendings]

    assert play(plan, script, World(dice=dice)) == Verdict(last, outcome, 0)


def test_retries_happen_inside_a_leaf_before_any_strategy_hears_of_it():
    first, second = target("first", attempts=1), target("second", attempts=1)
    plan = fallback(balance(first), fallback(second))

    script = [
        (Send(first, 0), BAD),
        (Wait(0.5), None),
        (Send(first, 1), UNREACHABLE),
        (Send(second, 0), BAD),
        (Wait(0.5), None),
        (Send(second, 1), GOOD),
    ]

    assert play(plan, script) == Verdict(second, GOOD, 1)


def test_time_that_is_up_stops_every_level():
    world = World(left=10.0)

    verdict = play(fallback(fallback(A, B), fallback(C, D)), [(Send(A, 0), BAD, 9.95)], world)

    assert verdict == Verdict(A, BAD, 0)
    assert world.told("stopped") == [("stopped", "b", "deadline"), ("stopped", "config", "deadline")]


def test_a_plan_is_walked_by_many_calls_at_once():
    plan = fallback(A, B)
    flows = [route(plan, World().context) for _ in range(3)]

    assert [next(flow) for flow in flows] == [Send(A, 0)] * 3
    assert [flow.send(BAD) for flow in flows] == [Send(B, 0)] * 3


STATUSES = [200, 200, 204, 246, 302, 400, 404, 408, 429, 446, 500, 503, 529]
FAILURES = [(502, "upstream_unreachable"), (408, "upstream_timeout"), (401, "invalid_api_key"), (503, "upstream_busy")]
SEEDS = range(400)


@dataclass
class Walk:
    """One call through a plan of random shape, in a random world."""

    world: World
    leaves: list[Target]
    verdict: Verdict
    given: list[tuple[Command, float]]
    """Each command, and the seconds that were left when it was given."""
    outcomes: list[Outcome]

    def sendings(self) -> list[tuple[Send, float]]:
        """What was certainly sent; the second of a race may not have been."""
        return [
            (command.first if isinstance(command, Race) else command, left)
            for command, left in self.given
            if not isinstance(command, Wait)
        ]


def walk(seed: int, modes: Sequence[Mode] = get_args(Mode), *, hedged: bool = False, ill: float = 0.3) -> Walk:
    dice = random.Random(seed)
    leaves: list[Target] = []
    plan = grown(dice, modes, leaves, depth=3, hedged=hedged)
    world = World(
        dice=dice.random,
        left=dice.choice([0.05, 2.0, 30.0, 600.0, 600.0]),
        retries=dice.choice([1, 5, 1000]),
        out=[leaf for leaf in leaves if dice.random() < ill],
        hedge_after=dice.choice([None, 0.2, 0.2]) if hedged else None,
    )
    given: list[tuple[Command, float]] = []
    outcomes: list[Outcome] = []

    def answer(command: Command) -> Outcome | Won | None:
        given.append((command, world.left))
        if isinstance(command, Wait):
            world.left -= command.seconds + dice.choice([0.0, 0.0, 0.2])
            return None
        world.left -= dice.choice([0.001, 0.3, 3.0])
        outcomes.append(any_outcome(dice))
        if isinstance(command, Race):
            return Won(dice.random() < 0.5, outcomes[-1], dice.random() < 0.5)
        return outcomes[-1]

    verdict, _ = drive(plan, answer, world)
    return Walk(world, leaves, verdict, given, outcomes)


def grown(dice: random.Random, modes: Sequence[Mode], leaves: list[Target], depth: int, hedged: bool) -> Node:
    weight = dice.choice([0.5, 1.0, 3.0])
    if depth == 0 or dice.random() < 0.2:
        attempts, heard = dice.choice([0, 1, 2, 5]), dice.random() < 0.5
        codes = [429, 503, *dice.sample(STATUSES, 3)]
        name = f"leaf {len(leaves)}"
        leaves.append(target(name, attempts=attempts, codes=codes, use_retry_after=heard, weight=weight))
        return leaves[-1]
    nodes = [grown(dice, modes, leaves, depth - 1, hedged) for _ in range(dice.randint(1, 3))]
    return group(
        dice.choice(modes),
        *nodes,
        weight=weight,
        moves_on=dice.choice([None, frozenset(dice.sample(STATUSES, 5))]),
        conditions=tuple(condition(dice.random() < 0.3, at) for at in range(len(nodes))),
        default=0,
        hedge=Hedge(None, 0.1) if hedged else None,
    )


def any_outcome(dice: random.Random) -> Outcome:
    if dice.random() < 0.3:
        return Failed(*dice.choice(FAILURES))
    return Answered(dice.choice([*STATUSES, *[429, 503] * 8]), dice.choice([None, 0.0, 30.0, 45.0, 61.0]))


@pytest.mark.parametrize("hedged", [False, True])
def test_every_walk_ends_with_the_last_outcome_that_came(hedged):
    for seed in SEEDS:
        one = walk(seed, hedged=hedged)

        assert one.verdict.outcome is one.outcomes[-1]
        assert one.verdict.target in one.leaves


def test_no_target_is_sent_to_more_often_than_once_and_its_attempts():
    for seed in SEEDS:
        one = walk(seed)

        for leaf in one.leaves:
            attempts = [send.attempt for send, _ in one.sendings() if send.target is leaf]
            assert attempts == list(range(len(attempts)))
            assert len(attempts) <= 1 + leaf.retry.attempts


def test_a_hedge_adds_no_more_than_one_sending_to_a_target():
    for seed in SEEDS:
        one = walk(seed, hedged=True)
        seconds = Counter(command.second.target for command, _ in one.given if isinstance(command, Race))
        firsts = Counter(send.target for send, _ in one.sendings() if send.attempt == 0)

        assert all(times <= 1 for times in (*seconds.values(), *firsts.values()))
        assert all(send.attempt <= send.target.retry.attempts for send, _ in one.sendings())


@pytest.mark.parametrize("hedged", [False, True])
def test_no_attempt_but_the_first_begins_when_the_time_is_up(hedged):
    for seed in SEEDS:
        one = walk(seed, hedged=hedged)

        assert all(left >= 0.1 for _, left in one.sendings()[1:])
        assert all(left - command.after >= 0.1 for command, left in one.given if isinstance(command, Race))


@pytest.mark.parametrize("hedged", [False, True])
def test_no_wait_reaches_beyond_the_deadline_nor_a_minute_in_all_where_providers_ask_for_it(hedged):
    for seed in SEEDS:
        one = walk(seed, hedged=hedged)

        assert all(command.seconds <= left - 0.1 for command, left in one.given if isinstance(command, Wait))
        assert one.world.context.asked_to_wait <= 60.0


def test_retries_never_exceed_what_health_allows():
    for seed in SEEDS:
        one = walk(seed)

        allowed = sum(what == "may_retry" for what, _ in one.world.asked)
        assert sum(send.attempt > 0 for send, _ in one.sendings()) <= allowed


def test_the_count_of_retries_is_the_last_attempts_number_or_minus_one():
    for seed in SEEDS:
        one = walk(seed)
        last = one.sendings()[-1][0]

        assert one.verdict.target is last.target
        assert one.verdict.retries in (last.attempt, -1)
        assert one.verdict.retries == 0 or last.target.retry.attempts > 0


def test_a_target_that_is_out_is_sent_to_only_where_all_of_its_group_are():
    for seed in SEEDS:
        one = walk(seed, ["fallback", "loadbalance"])

        if "unskipped" not in {step.kind for step in one.world.trail} and len(one.leaves) > 1:
            assert not one.world.out & {send.target for send, _ in one.sendings()}


def test_the_trail_tells_of_every_sending_and_of_every_wait():
    for seed in SEEDS:
        one = walk(seed, hedged=True)

        assert one.world.told("sent") == [("sent", send.target.path, send.attempt) for send, _ in one.sendings()]
        assert len(one.world.told("answered", "failed")) == len(one.outcomes)
        assert len(one.world.told("waited")) == sum(isinstance(command, Wait) for command, _ in one.given)


def test_the_same_plan_and_world_give_the_same_walk():
    assert [walk(seed).world.trail for seed in SEEDS] == [walk(seed).world.trail for seed in SEEDS]


def test_the_random_walks_go_everywhere():
    walks = [walk(seed, hedged=seed % 2 == 0) for seed in SEEDS]
    steps = Counter(step.kind for one in walks for step in one.world.trail)
    obstacles = Counter(step.said for one in walks for step in one.world.trail if step.kind == "stopped")

    assert min(steps[kind] for kind in get_args(StepKind) if kind != "stuck") >= 10
    assert min(obstacles[why] for why in get_args(Obstacle)) >= 5
