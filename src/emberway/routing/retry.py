"""Which outcomes are tried again at the same target, how often, and after how long.

Portkey's rules (specification 4.4), mended: full jitter instead of none, a cap on the back-off, no wait beyond the
request's deadline, no retry of a refusal of our own, and a budget of retries per target.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

from emberway.routing.base import Answered, Command, Context, Outcome, Route, Send, Step, Verdict, Wait
from emberway.routing.plan import Retry, Target

LEAST_LEFT = 0.1
"""Seconds before the request's deadline from which on no further attempt starts: no provider answers in less."""
LONGEST_ASKED = 60.0
"""Seconds that one request waits, over all its attempts, because providers ask for it (Portkey's rule)."""
BACK_OFF = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds at the most before the first retry, the second, …; the last stands for all that follow."""

Obstacle = Literal["attempts", "retry_after", "deadline", "retry_budget"]
"""Why a target is not tried again although its outcome asks for it, as a ``stopped`` step says it."""


def is_success(outcome: Outcome) -> bool:
    """Whether ``outcome`` is never tried again, listed or not: 200 to 204 (Portkey's rule; 246 is a guardrail's)."""
    return isinstance(outcome, Answered) and 200 <= outcome.status <= 204


def is_retried(outcome: Outcome, retry: Retry) -> bool:
    """Whether ``outcome`` asks for another attempt, if one is left.

    An answer does if its status is listed. No answer always does; but a timeout only if 408 is listed, and never what
    we ourselves refused with another 4xx, such as a target without a credential: it would be refused again.
    """
    status = outcome.status
    if isinstance(outcome, Answered):
        return status in retry.on_status_codes and not is_success(outcome)
    return status >= 500 or (status == 408 and status in retry.on_status_codes)


def persist(target: Target, outcome: Outcome, context: Context) -> Route:
    """Try ``target`` again, after a first sending that came to ``outcome``, until there is no reason or no way to."""
    retries = 0
    while target.retry.attempts and is_retried(outcome, target.retry):
        obstacle = yield from _pause(target, outcome, retries, context)
        if obstacle is not None:
            context.trail.append(Step("stopped", target.path, obstacle))
            return Verdict(target, outcome, -1)
        retries += 1
        context.trail.append(Step("sent", target.path, retries))
        outcome = yield Send(target, retries)
        note(target, outcome, context)
    return Verdict(target, outcome, retries)


def note(target: Target, outcome: Outcome, context: Context) -> None:
    """Put what a sending came to on the trail."""
    if isinstance(outcome, Answered):
        context.trail.append(Step("answered", target.path, outcome.status))
    else:
        context.trail.append(Step("failed", target.path, {"status": outcome.status, "code": outcome.code}))


def _pause(
    target: Target, outcome: Outcome, retries: int, context: Context
) -> Generator[Command, Any, Obstacle | None]:
    """Wait until the next attempt may start, or say what stands against it; the budget last: its yes is counted."""
    if retries >= target.retry.attempts:
        return "attempts"
    asked = _asked(target.retry, outcome)
    if asked is not None and context.asked_to_wait + asked > LONGEST_ASKED:
        return "retry_after"
    wait = BACK_OFF[min(retries, len(BACK_OFF) - 1)] * context.dice() if asked is None else asked
    if context.left() - wait < LEAST_LEFT:
        return "deadline"
    if not context.health.may_retry(target):
        return "retry_budget"
    context.asked_to_wait += asked or 0.0
    yield Wait(wait)
    context.trail.append(Step("waited", target.path, wait))
    return "deadline" if context.left() < LEAST_LEFT else None  # woken late


def _asked(retry: Retry, outcome: Outcome) -> float | None:
    """Seconds that a 429 asks to wait, where the config wants that heard."""
    if retry.use_retry_after and isinstance(outcome, Answered) and outcome.status == 429:
        return outcome.retry_after
    return None
