"""Whatever happens to the targets, in whatever order: nobody is left without one, and nothing lasts for ever."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from emberway.routing.base import Answered, Failed, Outcome
from emberway.routing.health import Health
from emberway.routing.plan import Hedge, Target

GROUPS = (("a",), ("a", "b"), ("a", "b", "c"), ("b", "c", "d"), ("a", "b", "c", "d", "e"))
"""Targets that stand in several groups, as they do in the configs of several callers."""
TARGETS = [
    Target(f"config.targets[{at}]", key=key, siblings=group, virtual_key=f"vk-{key}")
    for group in GROUPS
    for at, key in enumerate(group)
]
EJECTED = ("ejected", "being probed", "slow start")
OUTCOMES = st.sampled_from(
    [
        Answered(200),
        Answered(503),
        Answered(401),
        Answered(429, 30.0),
        Answered(400),
        Failed(408, "upstream_timeout"),
        Failed(502, "upstream_unreachable"),
        Failed(503, "upstream_busy"),
        None,
    ]
)
LONGEST = 300.0 + 60.0 + 10.0
"""Seconds after which nothing is left of what was held against any target: ejected, parked, in a slow start."""


class Clinic(RuleBasedStateMachine):
    """Attempts at all targets, as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 5.0
        self.draws = 0
        self.health = Health(self.dice)
        self.under_way: list[tuple[Target, float]] = []
        self.good = self.retries = 0

    def dice(self) -> float:
        self.draws += 1
        return self.draws * 0.37 % 1

    @rule(seconds=st.sampled_from([0.0, 0.004, 0.3, 2.0, 11.0, 34.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(leaf=st.sampled_from(TARGETS), is_retry=st.booleans())
    def an_attempt_begins(self, leaf: Target, is_retry: bool) -> None:
        self.health.begin(leaf, self.now, is_retry=is_retry)
        self.under_way.append((leaf, self.now))

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0), outcome=OUTCOMES)
    def an_attempt_ends(self, which: int, outcome: Outcome | None) -> None:
        target, began = self.under_way.pop(which % len(self.under_way))
        self.good += outcome == Answered(200)
        self.health.end(target, outcome, self.now - began, self.now)

    @rule(leaf=st.sampled_from(TARGETS), outcome=OUTCOMES, times=st.integers(1, 25))
    def a_target_says_the_same_for_a_while(self, leaf: Target, outcome: Outcome | None, times: int) -> None:
        for _ in range(times):
            self.an_attempt_begins(leaf, False)
            self.now += 0.01
            self.an_attempt_ends(len(self.under_way) - 1, outcome)

    @rule(leaf=st.sampled_from(TARGETS))
    def a_retry_is_asked_for(self, leaf: Target) -> None:
        self.retries += self.health.may_retry(leaf, self.now)

    @rule(leaf=st.sampled_from(TARGETS), hedge=st.sampled_from([Hedge(None, 0.1), Hedge(0.2, 1.0), Hedge(0.2, 0.0)]))
    def a_hedge_is_asked_for(self, leaf: Target, hedge: Hedge) -> None:
        after = self.health.hedge_after(leaf, hedge)

        assert after is None or after >= 0

    @invariant()
    def at_most_half_of_a_group_is_ejected(self) -> None:
        for group in GROUPS:
            assert sum(why in EJECTED for why in self.reasons(group)) <= len(group) // 2

    @invariant()
    def somebody_is_left_in_every_group(self) -> None:
        assert all(None in self.reasons(group) for group in GROUPS)

    @invariant()
    def asking_changes_nothing(self) -> None:
        assert [self.reasons(group) for group in GROUPS] == [self.reasons(group) for group in GROUPS]

    @invariant()
    def retries_are_paid_for(self) -> None:
        assert 5 * self.retries <= 5 * 500 + self.good, "five targets, each with a full bucket at first"

    def teardown(self) -> None:
        """Even if nothing that is under way ever ends."""
        assert all(self.health.why_out(target, self.now + LONGEST) is None for target in TARGETS)

    def reasons(self, group: tuple[str, ...]) -> list[str | None]:
        return [self.health.why_out(target, self.now) for target in TARGETS if target.siblings == group]


TestClinic = Clinic.TestCase
TestClinic.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
