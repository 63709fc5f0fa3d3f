"""Carries out the router's commands: the one place that waits, sends and races on its behalf."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec import field as struct_field

from emberway.errors import GatewayError, NotSupported, Unauthenticated, UpstreamError, UpstreamTimeout
from emberway.exchange import AttemptNote, Exchange
from emberway.pipeline.destination import Destination
from emberway.pipeline.facts import CallFacts
from emberway.pipeline.obtain import Obtained, Origins
from emberway.pipeline.params import adapted
from emberway.pipeline.resolve import Planned, Resolver
from emberway.pipeline.retry_after import retry_after
from emberway.providers.base import Call
from emberway.routing.base import Answered, Context, Failed, HealthView, Outcome, Race, Send, Step, Verdict, Wait, Won
from emberway.routing.health import Health
from emberway.routing.plan import Target
from emberway.routing.router import route

Gotten = Obtained | GatewayError
"""An answer, or why there is none."""

_GOOD = Answered(200)
_UNCHANGED: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Driver:
    """Sends calls along plans."""

    resolver: Resolver
    origins: Origins
    health: Health
    dice: Callable[[], float] = random.random
    view: HealthView = field(init=False)
    """The health as it stands whenever it is asked."""
    _most: float = field(init=False)
    """Seconds that a whole request may take."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "view", self.health.at(time.monotonic))
        object.__setattr__(self, "_most", self.resolver.deadlines.total)

    async def drive(
        self, planned: Planned, call: Call, exchange: Exchange, upload: AsyncIterator[bytes] | None = None
    ) -> Obtained:
        """The answer that the plan leads to; the verdict's path and retries are noted in ``exchange``.

        Raises the last error where no target gave an answer, and at once what the client alone can mend.
        """
        journey = _Journey(self, planned, call, exchange, upload, exchange.started + self._most)
        exchange.attempts = journey.attempts
        gotten: Gotten | None = None
        outcome: Outcome | None = None
        lead = planned.lead
        if lead is not None and self.view.why_out(lead.command.target) is None:
            gotten, outcome = await journey.sent(lead.command)
            if outcome is _GOOD and isinstance(gotten, Obtained):
                exchange.trail, exchange.option_path = lead.trail, lead.command.target.path
                return gotten
        exchange.trail = journey.trail
        gotten, verdict = await self._routed(journey, gotten, outcome)
        exchange.option_path, exchange.retries = verdict.target.path, verdict.retries
        if isinstance(gotten, Obtained):
            return gotten
        raise gotten

    async def _routed(
        self, journey: _Journey, gotten: Gotten | None, outcome: Outcome | None
    ) -> tuple[Gotten, Verdict]:
        """Follow the router to its verdict. ``gotten``, ``outcome``: of the plan's lead, if that was sent."""
        context = Context(CallFacts(journey.call, journey.exchange), self.dice, journey.left, self.view, journey.trail)
        flow = route(journey.planned.plan.root, context)
        try:
            command = next(flow)
            # The lead's failure may have put its target out: then the router begins elsewhere.
            if outcome is not None and journey.planned.begins_with(command):
                command = flow.send(outcome)
            while True:
                if isinstance(command, Wait):
                    # The answer that asked for it stays open: it is the verdict if the wait takes too long.
                    await asyncio.sleep(command.seconds)
                    command = flow.send(None)
                    continue
                _close(gotten)
                gotten = None
                if isinstance(command, Send):
                    gotten, outcome = await journey.sent(command)
                    command = flow.send(outcome)
                else:
                    gotten, won = await journey.raced(command)
                    command = flow.send(won)
        except StopIteration as end:
            assert gotten is not None, "a verdict is about an outcome"
            return gotten, end.value
        except BaseException:
            _close(gotten)
            raise


class _Journey(Struct, eq=False):
    """One call on its way through its plan."""

    driver: Driver
    planned: Planned
    call: Call
    exchange: Exchange
    upload: AsyncIterator[bytes] | None
    ends_at: float
    """In the clock of the exchange."""
    attempts: list[AttemptNote] = struct_field(default_factory=list)
    trail: list[Step] = struct_field(default_factory=list)
    is_first: bool = True
    """Whether nothing has been sent yet."""

    def left(self) -> float:
        """Seconds for what is still to come; none once a body that came in pieces has been passed on."""
        if self.upload is not None and not self.is_first:
            return 0.0
        return self.ends_at - time.monotonic()

    async def sent(self, command: Send) -> tuple[Gotten, Outcome]:
        """One attempt. Raises what is the client's to mend, whichever target is asked."""
        driver, target, exchange = self.driver, command.target, self.exchange
        began = time.monotonic()
        driver.health.begin(target, began, is_retry=command.attempt > 0)
        call, changed = self.call, _UNCHANGED
        model = call.model or ""
        gotten: Gotten
        outcome: Outcome
        try:
            to = self.planned.destinations.get(target) if model[:1] != "@" else None
            if to is None:
                call, changed, to = self._prepared(target)
                model = call.model or ""
            exchange.provider = to.provider.slug
            if self.is_first:  # its own deadlines end no later
                self.is_first = False
                exchange.sent = began
                gotten = await driver.origins.obtain(call, to, self.upload)
            else:
                async with asyncio.timeout(self.left()):
                    gotten = await driver.origins.obtain(call, to)
            if changed:
                gotten.changed = (*changed, *gotten.changed)
            outcome = _GOOD if gotten.status == 200 else _answered(gotten)
        except (UpstreamError, NotSupported, Unauthenticated) as error:
            gotten, outcome = error, Failed(error.status, error.code)
        except TimeoutError:
            gotten = UpstreamTimeout("The time for the whole request is up.", code="upstream_total_timeout")
            outcome = Failed(gotten.status, gotten.code)
        except BaseException:
            self._note(target, None, model, began, 0)
            raise
        self._note(target, outcome, model, began, outcome.status)
        return gotten, outcome

    def _note(self, target: Target, outcome: Outcome | None, model: str, began: float, status: int) -> None:
        """An attempt has ended, or was given up."""
        now = time.monotonic()
        self.driver.health.end(target, outcome, now - began, now)
        code = outcome.code if isinstance(outcome, Failed) else ""
        exchange = self.exchange
        self.attempts.append(
            AttemptNote(target.path, exchange.provider, model, began - exchange.started, now - began, status, code)
        )

    def _prepared(self, target: Target) -> tuple[Call, tuple[str, ...], Destination]:
        """The call as ``target`` wants it, the rules that changed it, and where it goes."""
        call, changed = adapted(self.call, target)
        to = self.driver.resolver.destination(call, target)
        is_lasting = to.place is not None and (target.provider or call.options.provider)
        if is_lasting and call is self.call:
            self.planned.destinations[target] = to
        return call, changed, to

    async def raced(self, race: Race) -> tuple[Gotten, Won]:
        """Both attempts of a race, the second only if the first is slow; what loses is given up and closed."""
        tasks: list[asyncio.Task[tuple[Gotten, Outcome]]] = []
        winner: asyncio.Task[tuple[Gotten, Outcome]] | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks.append(group.create_task(self.sent(race.first)))
                await asyncio.wait(tasks, timeout=race.after)
                if not tasks[0].done():
                    tasks.append(group.create_task(self.sent(race.second)))
                winner = await _winner(tasks)
                for task in tasks:
                    task.cancel()
        except (
            ExceptionGroup
        ) as several:  # not `except*`: what is raised there comes out in a group of its own on 3.11.2
            winner = None
            raise several.exceptions[0] from None
        finally:
            for task in tasks:
                if task is not winner and task.done() and not task.cancelled() and task.exception() is None:
                    _close(task.result()[0])
        self.attempts.sort(key=lambda note: note.began)
        gotten, outcome = winner.result()
        is_second = winner is not tasks[0]
        path = (race.second if is_second else race.first).target.path
        self.exchange.provider = next(note.provider for note in reversed(self.attempts) if note.path == path)
        return gotten, Won(second=is_second, outcome=outcome, both=len(tasks) > 1)


async def _winner(tasks: list[asyncio.Task[tuple[Gotten, Outcome]]]) -> asyncio.Task[tuple[Gotten, Outcome]]:
    """The first that got a good answer; else the one that ended last."""
    running = set(tasks)
    done: set[asyncio.Task[tuple[Gotten, Outcome]]] = set()
    while running:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task in done and _is_good(task.result()[1]):
                return task
    return max(done, key=tasks.index)


def _is_good(outcome: Outcome) -> bool:
    return isinstance(outcome, Answered) and 200 <= outcome.status < 300


def _answered(obtained: Obtained) -> Answered:
    return Answered(obtained.status, retry_after(obtained.headers, time.time()) if obtained.is_refused else None)


def _close(gotten: Gotten | None) -> None:
    if isinstance(gotten, Obtained):
        gotten.close()
