from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace

import msgspec
import pytest
from tests.unit.pipeline.parts import BASE, BODY, PROVIDER, Recipient, call, exchange, pieces

from emberway.accounts.directory import KeyDirectory
from emberway.errors import ConnectFailed, GatewayError, InvalidCall, NotBuilt, NotSupported
from emberway.exchange import CallOptions
from emberway.pipeline.destination import Place
from emberway.pipeline.drive import Driver
from emberway.pipeline.obtain import Origins, passed_through, write
from emberway.pipeline.resolve import EMULATOR, Resolver
from emberway.pipeline.run import Pipeline
from emberway.pipeline.shadow import Shadows
from emberway.providers.base import Ask, Call, Conversation, Dialect, Provider, Reply, Written
from emberway.routing.health import Health
from emberway.secret import Secret
from emberway.upstream.base import Deadlines
from emberway.upstream.scripted import Scripted, ScriptedAnswer, ScriptedUpstream

OPTIONS = {"provider": "example", "authorization": Secret("fw_x")}
JSON = [(b"content-type", b"application/json")]


def ok(body: bytes = b'{"ok":1}', status: int = 200) -> ScriptedAnswer:
    return ScriptedAnswer(status, JSON, (body,))


class Starter:
    """Starts an emulator, and counts how often."""

    def __init__(self) -> None:
        self.starts = 0

    async def __call__(self) -> Place:
        self.starts += 1
        return Place(BASE, Secret("emulators"))


def pipeline(resolver: Resolver, upstream: ScriptedUpstream, starter: Starter) -> Pipeline:
    origins = Origins(upstream, starter)
    driver = Driver(resolver, origins, Health(random.random))
    return Pipeline(resolver, origins, driver, Shadows(resolver, origins, random.random, lambda copy, seconds: None))


async def run(
    of: Call, *answers: Scripted, provider: Provider = PROVIDER, starter: Starter | None = None, upload: bool = False
) -> tuple[Recipient, ScriptedUpstream]:
    """``of``, answered by the provider's ``answers`` in turn."""
    of.options = CallOptions(**{**OPTIONS, "provider": provider.slug})
    upstream = ScriptedUpstream.in_turn(*answers)
    resolver = Resolver(
        KeyDirectory(b"", ()), lambda slug: provider, lambda model: None, {"example": Place(BASE)}, Deadlines()
    )
    client = Recipient()
    await pipeline(resolver, upstream, starter or Starter()).run(
        of, exchange(), client, pieces(b"up", b"load") if upload else None
    )
    return client, upstream


def assert_all_closed(upstream: ScriptedUpstream) -> None:
    assert all(one.inbound is not None and one.inbound.is_closed for one in upstream.sent)


@pytest.mark.anyio
async def test_a_call_that_no_dialect_reads_goes_and_comes_as_it_is() -> None:
    client, upstream = await run(call(), ok(b"\x00"))

    assert upstream.sent[0].outbound.body is BODY
    assert (client.status, client.body, client.ending) == (200, b"\x00", "whole")
    assert_all_closed(upstream)


@pytest.mark.anyio
async def test_a_call_that_the_provider_cannot_serve_is_not_sent() -> None:
    provider = replace(PROVIDER, refuses=lambda call: "It has no such thing.")

    with pytest.raises(NotSupported, match="no such thing"):
        await run(call(), provider=provider)


@pytest.mark.anyio
async def test_a_prompt_of_the_library_is_said_to_be_missing_and_not_left_out() -> None:
    with pytest.raises(NotBuilt) as caught:
        await run(call(b'{"model":"m","prompt_key":"p-1"}'))

    assert (caught.value.param, caught.value.code) == ("prompt_key", "prompts_not_built")


@pytest.mark.anyio
async def test_the_emulator_is_started_by_the_call_that_needs_it_and_by_no_other() -> None:
    starter = Starter()

    await run(call(), ok(), starter=starter)
    assert starter.starts == 0
    await run(call(), ok(), provider=replace(PROVIDER, slug=EMULATOR), starter=starter)

    assert starter.starts == 1


def amending(times: list[int]) -> Provider:
    def amend(call: Call, written: Written, status: int, answer: bytes) -> Written | None:
        times.append(status)
        return msgspec.structs.replace(written, body=b"{}", changed=("mended",))

    return replace(PROVIDER, amend=amend, error=lambda status, answer: b"told:" + answer)


@pytest.mark.anyio
async def test_a_refused_call_is_amended_once_and_its_second_answer_counts() -> None:
    times: list[int] = []

    client, upstream = await run(call(), ok(b"no", 400), ok(b"yes"), provider=amending(times))

    assert [one.body for one in upstream.sent] == [BODY, b"{}"]
    assert (client.status, client.body, times) == (200, b"yes", [400])
    assert_all_closed(upstream)


@pytest.mark.anyio
async def test_an_amended_call_that_is_refused_again_is_not_amended_again() -> None:
    times: list[int] = []

    client, upstream = await run(call(), ok(b"no", 400), ok(b"never", 422), provider=amending(times))

    assert (client.status, client.body, times) == (422, b"told:never", [400])
    assert_all_closed(upstream)


@pytest.mark.anyio
async def test_an_amended_call_without_an_answer_raises_and_leaves_nothing_open() -> None:
    with pytest.raises(ConnectFailed):
        await run(call(), ok(b"no", 400), ConnectFailed("No."), provider=amending([]))


@pytest.mark.anyio
async def test_an_upload_is_never_repeated() -> None:
    times: list[int] = []

    client, upstream = await run(
        call(b"", endpoint="passthrough"), ok(b"no", 400), provider=amending(times), upload=True
    )

    assert (client.status, client.body, times) == (400, b"told:no", [])
    assert [one.body for one in upstream.sent] == [b"upload"]
    assert_all_closed(upstream)


@pytest.mark.anyio
async def test_an_error_that_is_not_reworded_keeps_its_content_type() -> None:
    html = ScriptedAnswer(502, [(b"content-type", b"text/html")], (b"<p>",))

    client, _ = await run(call(), html)

    assert (client.status, client.body, client.headers) == (502, b"<p>", [(b"content-type", b"text/html")])


@pytest.mark.anyio
async def test_a_reworded_error_is_json() -> None:
    html = ScriptedAnswer(502, [(b"content-type", b"text/html"), (b"retry-after", b"3")], (b"<p>",))

    client, _ = await run(call(), html, provider=replace(PROVIDER, error=lambda status, answer: b"{}"))

    assert client.headers == [(b"retry-after", b"3"), (b"content-type", b"application/json")]


@pytest.mark.anyio
@pytest.mark.parametrize("endpoint", ["chat", "passthrough"])
@pytest.mark.parametrize("error", [None, ConnectFailed("x")])
async def test_an_answer_is_given_back_however_it_ends(endpoint: str, error: GatewayError | None) -> None:
    answer = ScriptedAnswer(200, JSON, (b"{}",), error)
    upstream = ScriptedUpstream.in_turn(answer)
    resolver = Resolver(
        KeyDirectory(b"", ()), lambda slug: PROVIDER, lambda model: None, {"example": Place(BASE)}, Deadlines()
    )
    of = call(endpoint=endpoint, options=CallOptions(**OPTIONS))

    with suppress(ConnectFailed):
        await pipeline(resolver, upstream, Starter()).run(of, exchange(), Recipient())

    assert_all_closed(upstream)


@pytest.mark.anyio
@pytest.mark.parametrize(("buffered", "body"), [(True, b"reread:x"), (False, b"x")])
async def test_only_an_answer_that_the_dialect_asked_for_is_reread(buffered: bool, body: bytes) -> None:
    dialect = Dialect(
        write=lambda call: Written("/x", b"{}", buffered=buffered), reread=lambda call, answer: b"reread:" + answer
    )

    client, _ = await run(call(), ok(b"x"), provider=replace(PROVIDER, dialects={"chat": dialect}))

    assert client.body == body


@pytest.mark.anyio
async def test_a_conversation_ends_in_the_clients_answer() -> None:
    def talk(call: Call) -> Conversation:
        (answer,) = yield (Ask("/make", body=b"1"),)
        return Reply(207, b"made:" + answer.body, b"image/png", ("images:n",), ((b"retry-after", b"1"),))

    client, upstream = await run(
        call(), ok(b"x"), provider=replace(PROVIDER, dialects={"chat": Dialect(converse=talk)})
    )

    assert (client.status, client.body) == (207, b"made:x")
    assert client.headers == [(b"content-type", b"image/png"), (b"retry-after", b"1")]
    assert upstream.sent[0].outbound.target == b"/base/make"


@pytest.mark.parametrize("error", [msgspec.ValidationError("1e999"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd")])
def test_a_body_that_only_a_rule_finds_unreadable_is_the_callers_to_mend(error: Exception) -> None:
    def refuse(call: Call) -> Written:
        raise error

    with pytest.raises(InvalidCall) as caught:
        write(Dialect(write=refuse), call())

    assert caught.value.code == "invalid_json"


def test_a_slug_before_the_models_name_is_all_that_is_taken_from_an_unread_call() -> None:
    of = call(b'{ "a":1.0e0, "model":"@emulator/x/y", "b":"\\u00e9" }', endpoint="passthrough", path="/a%2Fb")
    of.model = "x/y"

    written = passed_through(of)

    assert (written.path, written.changed) == ("/a%2Fb", ("model_slug",))
    assert written.body == b'{"a":1.0e0,"model":"x/y","b":"\\u00e9"}'


def test_an_unread_call_keeps_the_headers_that_describe_it() -> None:
    headers = [
        (b"content-type", b"audio/x"),
        (b"accept", b"a"),
        (b"cookie", b"c"),
        (b"range", b"r"),
        (b"x-other", b"o"),
    ]

    written = passed_through(call(headers=headers))

    assert written.headers == ((b"content-type", b"audio/x"), (b"accept", b"a"), (b"range", b"r"))
    assert written.body is BODY
