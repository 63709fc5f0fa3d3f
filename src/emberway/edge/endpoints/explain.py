"""``POST /v1/explain``: where a call would go and why, without sending it; and the schema of a config."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, field

from emberway.edge.body import no_body, read_whole
from emberway.edge.callers import options_of
from emberway.edge.endpoints.base import Endpoint, Tools
from emberway.edge.headers import named as read_names
from emberway.edge.path import read_path
from emberway.edge.request import Request
from emberway.errors import InvalidCall
from emberway.exchange import CallOptions, Exchange, Headers
from emberway.pipeline.explain import explain
from emberway.providers.base import Call
from emberway.routing.base import Answered, Failed, Outcome
from emberway.routing.schema import config_schema
from emberway.wire.fields import Fields, read_fields

_JSON: Headers = [(b"content-type", b"application/json")]
MOST_OUTCOMES = 100
_ENDPOINTS = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/embeddings": "embeddings",
    "/images/generations": "images",
}
_OURS = frozenset({b"x-portkey-api-key", b"x-api-key", b"content-length", b"content-type", b"transfer-encoding"})
"""Headers of the explaining request that are not those of the call to be explained."""


class Asked(Struct, forbid_unknown_fields=True):
    """The call to be explained."""

    body: dict[str, Any] = field(default_factory=dict)
    path: str = "/v1/chat/completions"
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    """Beside those of the explaining request itself."""


class Assumed(Struct, forbid_unknown_fields=True):
    """What an attempt comes to."""

    status: int
    retry_after: float | None = None
    """Seconds that its answer asks to wait."""
    failed: str | None = None
    """Code of the failure, where there is no answer."""


class Question(Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/explain``."""

    request: Asked = field(default_factory=Asked)
    config: dict[str, Any] | str | None = None
    """Instead of the header ``x-portkey-config``."""
    outcomes: list[int | Assumed] = field(default_factory=list)
    """What the attempts come to, in turn; all that follow come to 200."""
    dice: list[float] = field(default_factory=list)
    """Draws of load balancers and back-offs, each from 0 up to, not including, 1; chance where there are no more."""


async def answer(request: Request, tools: Tools) -> None:
    """The explanation as JSON."""
    body = await read_whole(request.next_piece, request.head.named, tools.limits.body)
    if not body:
        raise no_body({"type": "http.request"})
    question = read_question(body)
    given = [header for header in request.head.headers if header[0] not in _OURS]
    call, exchange = call_of(question, given, request.head.options)
    exchange.identity = request.exchange.identity
    driver = tools.pipeline.driver
    told = explain(driver, call, exchange, outcomes_of(question.outcomes), dice_of(question.dice, driver.dice))
    await request.own(200, _JSON, msgspec.json.encode(told))


async def schema(request: Request, tools: Tools) -> None:
    """The JSON Schema of the config object, for editors."""
    await request.own(200, [(b"content-type", b"application/schema+json")], _schema())


@cache
def _schema() -> bytes:
    return msgspec.json.encode(config_schema())


def read_question(body: bytes) -> Question:
    """The request's body; InvalidCall says what is wrong with it."""
    try:
        question = msgspec.json.decode(body, type=Question)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidCall(
            f"The question cannot be read: {error}. Send "
            '{"request": {"path", "headers", "body"}, "config", "outcomes", "dice"}; each of them may be left out.',
            code="invalid_question",
        ) from None
    if not all(0 <= draw < 1 for draw in question.dice):
        raise InvalidCall("A draw in 'dice' is not a number from 0 up to 1.", param="dice")
    if len(question.outcomes) > MOST_OUTCOMES:
        raise InvalidCall(f"There are more than {MOST_OUTCOMES} outcomes.", param="outcomes")
    return question


def call_of(question: Question, given: Headers, caller: CallOptions) -> tuple[Call, Exchange]:
    """The call that is asked about, as the edge would read it; ``given``: headers that it has beside its own."""
    asked = question.request
    config = question.config
    headers = dict(given)
    try:
        headers |= {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in asked.headers.items()}
    except UnicodeEncodeError:
        raise InvalidCall("A header of the request holds characters that no header can.", param="request") from None
    if config is not None:
        text = config if isinstance(config, str) else msgspec.json.encode(config).decode()
        headers[b"x-portkey-config"] = text.encode()
    listed = list(headers.items())
    options = options_of(read_names(listed))
    options.api_key, options.identity = options.api_key or caller.api_key, caller.identity
    path = read_path(asked.path, b"")
    endpoint = _ENDPOINTS.get(path.below, "passthrough")
    body = msgspec.json.encode(asked.body)
    model = asked.body.get("model")
    fields = read_fields(body) if endpoint != "passthrough" else Fields(model=model if isinstance(model, str) else None)
    wire = path.below if endpoint != "passthrough" else path.wire
    call = Call(
        endpoint, asked.method, wire, b"", listed, options, body, fields, fields.model, time.time(), headers.keys()
    )
    return call, Exchange("", "", time.monotonic(), asked.method, asked.path)


def outcomes_of(given: Sequence[int | Assumed]) -> list[Outcome]:
    """What the attempts come to, as the router hears it."""
    found: list[Outcome] = []
    for each in given:
        assumed = Assumed(each) if isinstance(each, int) else each
        if assumed.failed is not None:
            found.append(Failed(assumed.status, assumed.failed))
        else:
            found.append(Answered(assumed.status, assumed.retry_after))
    return found


def dice_of(draws: Sequence[float], chance: Callable[[], float]) -> Callable[[], float]:
    """The draws in turn, then chance."""
    given = iter(draws)

    def roll() -> float:
        drawn = next(given, None)
        return chance() if drawn is None else drawn

    return roll


EXPLAIN = (
    Endpoint("explain", "/explain", ("POST",), answer),
    Endpoint("schema", "/schemas/config.json", ("GET", "HEAD"), schema, anonymous=True),
)
