"""What the router says, hears and knows: commands out, outcomes in, and a context for chance, time and health.

The router is a generator: it yields :data:`Command`, is sent what became of it, and returns a :class:`Verdict`. It
cannot wait, roll dice or look at a clock; all of that reaches it through :class:`Context`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Literal, Protocol

from msgspec import Struct

from emberway.routing.facts import Facts
from emberway.routing.plan import Hedge, Node, Target


class Send(Struct, frozen=True):
    """Send the call to ``target``; answered with an :data:`Outcome`."""

    target: Target
    attempt: int
    """0 for the first sending to this target, then 1, 2, …"""


class Wait(Struct, frozen=True):
    """Let time pass; answered with ``None``. The answer before it is kept meanwhile: the walk may still end with it."""

    seconds: float


class Race(Struct, frozen=True):
    """Send ``first``; if no answer's head is there ``after`` seconds later, send ``second`` too; the loser is dropped.

    Answered with :class:`Won`. While one of the two is still on its way, only a 2xx of the other wins; if neither comes
    to that, the later outcome counts. A ``first`` that ends before ``after`` has passed has run alone.
    """

    first: Send
    second: Send
    after: float


Command = Send | Wait | Race


class Answered(Struct, frozen=True):
    """The provider answered, whatever it said."""

    status: int
    retry_after: float | None = None
    """Seconds that the answer asks to wait, if it does."""


class Failed(Struct, frozen=True):
    """No usable answer came, or this target cannot take such a call."""

    status: int
    """What the client would be told: 408 for a deadline that passed, else 4xx or 5xx of our own."""
    code: str


Outcome = Answered | Failed


class Won(Struct, frozen=True):
    """How a race ended."""

    second: bool
    """Whether the second sending won."""
    outcome: Outcome
    both: bool = False
    """Whether the second was sent at all: a target that was not is still there to be tried."""


class Verdict(Struct, frozen=True):
    """What the client gets."""

    target: Target
    outcome: Outcome
    retries: int
    """Portkey's ``retry-attempt-count``: retries at the final target; -1 when they were used up in vain."""


Route = Generator[Command, Any, Verdict]


StepKind = Literal[
    "condition", "default", "drew", "stuck", "skipped", "unskipped", "sent", "raced", "answered", "failed", "waited",
    "moved_on", "stopped",
]  # fmt: skip


class Step(Struct, frozen=True):
    """One line of the trail: why the router did what it did."""

    kind: StepKind
    path: str
    """Of the node that it is about."""
    said: Any = None
    """A status, a number of seconds, or a mapping of what was seen; plain JSON, never a secret."""


class HealthView(Protocol):
    """The health of targets as it stands, and permissions that it gives."""

    def why_out(self, target: Target) -> str | None:
        """Why nothing should be sent to ``target`` now, or ``None``."""

    def may_retry(self, target: Target) -> bool:
        """Whether one more retry of ``target`` is within its budget; a yes is counted."""

    def hedge_after(self, target: Target, hedge: Hedge) -> float | None:
        """Seconds after which a second target may be asked beside ``target``, or ``None`` for not at all."""


class Context(Struct, eq=False):
    """All that the router knows beside the plan."""

    facts: Facts
    dice: Callable[[], float]
    """Uniform in [0, 1)."""
    left: Callable[[], float]
    """Seconds until the whole request's deadline."""
    health: HealthView
    trail: list[Step]
    asked_to_wait: float = 0.0
    """Seconds waited so far because providers asked for it."""


Walk = Callable[[Node, Context], Route]
"""How a strategy hands a node on: the router itself, so that strategies nest without knowing each other."""
