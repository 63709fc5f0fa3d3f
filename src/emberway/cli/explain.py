"""``emberway explain``: where a call would go under a config, and why, told without a call."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from emberway.app import Gateway
from emberway.cli.failure import FAILED, CommandFailed
from emberway.cli.group import ExamplesFirst
from emberway.cli.sources import settings_from
from emberway.edge.endpoints.explain import Asked, Assumed, Question, call_of, dice_of, outcomes_of
from emberway.errors import GatewayError
from emberway.exchange import CallOptions
from emberway.launch import Launch
from emberway.pipeline.explain import Explanation, Request
from emberway.pipeline.explain import explain as explained
from emberway.routing.facts import Seen
from emberway.upstream.client import PooledUpstream

EXAMPLES = (
    "emberway explain --config routing.json --request chat.json",
    "emberway explain --config routing.json --request chat.json --outcome 503 --outcome 200",
    "emberway explain --config routing.json --request chat.json --dice 0.95 --json",
)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=ExamplesFirst, examples=EXAMPLES)
@click.option("--config", "config", type=_FILE, required=True, help="The routing config, a JSON object.")
@click.option("--request", "request", type=_FILE, help="A call's body; or an object with path, headers and body.")
@click.option("--outcome", "outcomes", type=int, multiple=True, help="A status that the attempts come to, in turn.")
@click.option("--dice", type=click.FloatRange(0, 1, max_open=True), multiple=True, help="A draw, instead of chance.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole explanation as JSON.")
def explain(
    *, config: Path, request: Path | None, outcomes: Sequence[int], dice: Sequence[float], as_json: bool
) -> None:
    """Say where a call would go under a config, and why; nothing is sent.

    Prints each condition with what it saw, each draw, what was passed over, and the requests that would be made.
    Attempts come to the outcomes given, and to 200 after those.
    """
    question = Question(
        _asked(request), config.read_text("utf-8", "replace"), list[int | Assumed](outcomes), list(dice)
    )
    launch = Launch(settings_from({}).settings, b"", ())
    driver = Gateway(launch, PooledUpstream()).pipeline(lambda exchange, seconds: None).driver
    try:
        call, exchange = call_of(question, [], CallOptions())
        told = explained(driver, call, exchange, outcomes_of(question.outcomes), _draws(question.dice))
    except GatewayError as error:
        raise CommandFailed(f"{error.param}: {error.message}" if error.param else error.message, FAILED) from None
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(told)))
    else:
        click.echo("\n".join(_lines(told)))


def _draws(given: Sequence[float]) -> Callable[[], float]:
    return dice_of(given, random.random)


def _asked(file: Path | None) -> Asked:
    if file is None:
        return Asked()
    try:
        content = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
        return msgspec.convert(content, Asked) if "body" in content else Asked(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file}: {error}", FAILED) from None


def _lines(told: Explanation) -> list[str]:
    """The explanation for people: the trail, then what would be sent, then the answer."""
    lines = [f"{step['path']}: {_words(step)}" for step in told.steps]
    before: tuple[object, ...] = ()
    for sending in told.sends:
        attempt = f" again, retry {sending.attempt}" if sending.attempt else ""
        lines += ["", f"to {sending.path}{attempt}" + (f", {sending.provider}" if sending.provider else "")]
        if sending.requests and sending.requests == before:
            lines.append("    the same request")
        else:
            lines += [line for request in sending.requests for line in _request(request)]
        before = sending.requests
        if sending.changed:
            lines.append(f"    changed by: {', '.join(sending.changed)}")
        if isinstance(sending.refused, Mapping):
            lines.append(f"    not sent: {sending.refused['message']}")
        elif sending.assumed is not None:
            lines.append(f"    taken for its outcome: {_json(sending.assumed)}")
    if isinstance(told.answer, Mapping):
        answer = told.answer
        lines += ["", f"answer: {_json(answer['outcome'])} from {answer['path']}, retries {answer['retries']}"]
    if isinstance(told.refused, Mapping):
        lines += ["", f"refused with {told.refused['status']}: {told.refused['message']}"]
    return lines


def _request(request: Request) -> list[str]:
    headers = [f"    {name}: {value}" for name, value in request.headers.items()]
    return [f"    {request.method} {request.url}", *headers, f"    {_json(request.body)}"]


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "condition": lambda said: "; ".join(map(_comparison, said["seen"])) + (" → holds" if said["holds"] else " → no"),
    "default": lambda said: "no condition holds: the default",
    "drew": lambda said: (
        f"drew {said['draw']:.3f} of 1: this one, whose weight is {said['weight']:g} of {said['of']:g}"
    ),
    "stuck": lambda said: f"the caller's place is {said['draw']:.3f} of 1: this one",
    "skipped": lambda said: f"passed over: {said}",
    "unskipped": lambda said: "all are out: so none is passed over",
    "sent": lambda said: f"retry {said}" if said else "sent to",
    "raced": lambda said: f"raced, its answer counts (a second one after {said['after']:g} s)",
    "answered": lambda said: f"answers {said}",
    "failed": lambda said: f"fails with {said['code']}",
    "waited": lambda said: f"a wait of {said:.2f} s",
    "moved_on": lambda said: f"next, after {said}",
    "stopped": lambda said: f"not tried again: {str(said).replace('_', ' ')}",
}


def _words(step: Mapping[str, Any]) -> str:
    return _WORDS[step["kind"]](step["said"])


def _comparison(seen: Seen) -> str:
    return f"{seen.where} is {_json(seen.found)}, asked for {seen.operator} {_json(seen.wanted)}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
