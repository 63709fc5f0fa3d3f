"""Says where a call would go, and why, without sending anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from emberway.errors import GatewayError, NotSupported, Unauthenticated
from emberway.exchange import Exchange
from emberway.pipeline.destination import Destination, no_credential
from emberway.pipeline.drive import Driver
from emberway.pipeline.facts import CallFacts
from emberway.pipeline.obtain import write
from emberway.pipeline.params import adapted
from emberway.pipeline.resolve import Planned
from emberway.providers.base import Ask, Call, Dialect, Pause
from emberway.routing.base import Answered, Context, Failed, HealthView, Outcome, Race, Send, Step, Wait, Won
from emberway.routing.description import MASK, describe
from emberway.routing.plan import Hedge, Target
from emberway.routing.router import route
from emberway.secret import Secret
from emberway.upstream.request import authority

MOST_COMMANDS = 1000
"""Commands of one explanation: no plan needs more to come to an end, see `routing/config.py`."""


class Request(Struct, omit_defaults=True):
    """What would go on the wire to one target."""

    method: str
    url: str
    headers: dict[str, str]
    """Credentials are masked."""
    body: Any = None
    """As JSON where it is that, else as text."""


class Sending(Struct, omit_defaults=True):
    """One attempt that would be made."""

    path: str
    """Of the target: ``config.targets[1]``."""
    attempt: int
    provider: str = ""
    model: str | None = None
    changed: tuple[str, ...] = ()
    """Names of the rules that would change the call."""
    requests: tuple[Request, ...] = ()
    """More than one where a call of ours is several of the provider's that go out together."""
    refused: Mapping[str, Any] | UnsetType = UNSET
    """Why the call would not be sent: the error's code and message."""
    assumed: Any = None
    """What the explanation takes for its outcome: a status, or the code of a failure."""


class Explanation(Struct, omit_defaults=True):
    """The whole decision."""

    steps: list[Mapping[str, Any]]
    """The router's trail, in order: each condition with what it saw, each draw, what was passed over and why."""
    sends: list[Sending]
    config_version: str = ""
    plan: Mapping[str, Any] | UnsetType = UNSET
    """The config as it was understood: inheritance applied, secrets masked."""
    answer: Mapping[str, Any] | UnsetType = UNSET
    """The target whose outcome the client would get, its status and its retries."""
    refused: Mapping[str, Any] | UnsetType = UNSET
    """The error that would end the request before any answer."""


def explain(
    driver: Driver, call: Call, exchange: Exchange, outcomes: Sequence[Outcome], dice: Callable[[], float] | None = None
) -> Explanation:
    """What would become of ``call`` if its attempts came to ``outcomes`` in turn, and to 200 after those.

    ``dice``: draws, uniform in [0, 1). Raises a CallerError for a call or config that would be refused as a whole.
    """
    found = driver.resolver.resolve(call)
    script = iter(outcomes)
    if isinstance(found, Destination):
        sending = Sending("config", 0)
        told = Explanation([], [sending])
        try:
            _describe(sending, call, found, ())
            sending.assumed = _told(next(script, Answered(200)))
        except GatewayError as error:
            told.refused = _error(error)
        return told
    return _Rehearsal(driver, found, call, exchange, script, dice or driver.dice).played()


class _Rehearsal:
    """A journey in which nothing is sent and no time passes."""

    def __init__(
        self,
        driver: Driver,
        planned: Planned,
        call: Call,
        exchange: Exchange,
        outcomes: Iterator[Outcome],
        dice: Callable[[], float],
    ) -> None:
        self._driver, self._planned, self._call, self._exchange = driver, planned, call, exchange
        self._outcomes, self._dice = outcomes, dice
        self._waited = 0.0
        self._sends: list[Sending] = []

    def played(self) -> Explanation:
        plan = self._planned.plan
        trail: list[Step] = []
        left = self._driver.resolver.deadlines.total
        health = _Looking(self._driver.health.at(time.monotonic))
        context = Context(CallFacts(self._call, self._exchange), self._dice, lambda: left - self._waited, health, trail)
        told = Explanation([], self._sends, plan.version, describe(plan.root))
        try:
            flow = route(plan.root, context)
            command = next(flow)
            for _ in range(MOST_COMMANDS):
                if isinstance(command, Wait):
                    self._waited += command.seconds
                    command = flow.send(None)
                elif isinstance(command, Send):
                    command = flow.send(self._sent(command))
                else:
                    command = flow.send(self._raced(command))
        except StopIteration as end:
            verdict = end.value
            told.answer = {
                "path": verdict.target.path,
                "outcome": _told(verdict.outcome),
                "retries": verdict.retries,
            }
        except GatewayError as error:
            told.refused = _error(error)
        told.steps = [{"kind": step.kind, "path": step.path, "said": step.said} for step in trail]
        return told

    def _sent(self, command: Send) -> Outcome:
        target = command.target
        sending = Sending(target.path, command.attempt)
        self._sends.append(sending)
        try:
            call, changed = adapted(self._call, target)
            _describe(sending, call, self._driver.resolver.destination(call, target), changed)
            outcome = next(self._outcomes, Answered(200))
        except (NotSupported, Unauthenticated) as error:  # as in `drive`: another target may take it
            sending.refused = _error(error)
            outcome = Failed(error.status, error.code)
        sending.assumed = _told(outcome)
        return outcome

    def _raced(self, race: Race) -> Won:
        """Both would be asked: the explanation takes the first to be slow and the second to win."""
        first = self._sent(race.first)
        if isinstance(first, Answered) and first.status == 200:
            return Won(second=False, outcome=first)
        return Won(second=True, outcome=self._sent(race.second), both=True)


class _Looking(HealthView):
    """The health of now, looked at without asking for a share of any budget."""

    def __init__(self, view: HealthView) -> None:
        self._view = view

    def why_out(self, target: Target) -> str | None:
        return self._view.why_out(target)

    def may_retry(self, target: Target) -> bool:
        return True

    def hedge_after(self, target: Target, hedge: Hedge) -> float | None:
        return hedge.after


def _describe(sending: Sending, call: Call, to: Destination, changed: tuple[str, ...]) -> None:
    """Fill in what would go to ``to``. Raises what sending it would raise before the first byte."""
    provider = to.provider
    sending.provider, sending.model, sending.changed = provider.slug, call.model, changed
    refusal = provider.refuses(call)
    if refusal is not None:
        raise NotSupported(refusal)
    if to.credential is None and to.place is not None and to.place.credential is None:
        raise no_credential(provider)
    dialect = provider.dialects.get(call.endpoint, Dialect())
    if dialect.converse is None:
        written = write(dialect, call)
        sending.changed = (*changed, *written.changed)
        sending.requests = (_request(to, call.method, written.path, call.query, written.headers, written.body),)
        return
    conversation = dialect.converse(call)
    first = next(conversation)
    conversation.close()
    sending.requests = () if isinstance(first, Pause) else tuple(_asked(ask, to) for ask in first)


def _asked(ask: Ask, to: Destination) -> Request:
    return _request(to, ask.method, ask.path, b"", ask.headers, ask.body)


def _request(
    to: Destination, method: str, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> Request:
    shown = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    shown |= {name.decode("latin-1"): value.decode("latin-1") for name, value in to.provider.auth(Secret(MASK))}
    if to.place is None:
        url = f"(the built-in emulator){path}"
    else:
        origin = to.place.base.origin
        url = f"{origin.scheme}://{authority(origin)}{to.place.base.path}{path}"
    if query:
        url += "?" + query.decode("latin-1")
    return Request(method, url, shown, _shown(body))


def _shown(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def _told(outcome: Outcome) -> Any:
    return outcome.status if isinstance(outcome, Answered) else {"failed": outcome.code, "status": outcome.status}


def _error(error: GatewayError) -> Mapping[str, Any]:
    return {"status": error.status, "code": error.code, "message": error.message, "param": error.param}
