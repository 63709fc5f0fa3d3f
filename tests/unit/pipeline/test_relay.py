from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.pipeline.parts import Recipient, exchange

from emberway.errors import GatewayError, StreamBroken, UpstreamTimeout
from emberway.exchange import NO_USAGE, Exchange, Headers
from emberway.pipeline.obtain import Obtained
from emberway.pipeline.relay import MAX_TAPPED, Client, is_event_stream, note_answer, relay_stream
from emberway.upstream.scripted import ScriptedAnswer, ScriptedInbound

EVENTS: Headers = [(b"content-type", b"text/event-stream"), (b"x-a", b"b")]
CONTENT = b'data: {"model":"m","choices":[{"delta":{"content":"a"}}]}\n\n'
LAST = b'data: {"model":"m","choices":[{"finish_reason":"stop"}],"usage":{"completion_tokens":7}}\n\n'


def inbound(*chunks: bytes, error: GatewayError | None = None) -> ScriptedInbound:
    return ScriptedInbound(ScriptedAnswer(200, EVENTS, chunks, error))


async def relayed(source: ScriptedInbound, client: Client, exchange: Exchange, *, events: bool) -> None:
    """Relay ``source`` from its first bytes on, as an attempt hands it over."""
    exchange.answered = time.monotonic()
    begun = Obtained(source.status, source.headers, await source.chunk(), rest=source)
    await relay_stream(begun, client, exchange, events=events)


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=10), st.booleans())
def test_the_pieces_that_come_are_the_pieces_that_go(pieces: list[bytes], events: bool) -> None:
    pieces = [piece for piece in pieces if b'{"error"' not in piece]
    client = Recipient()

    asyncio.run(relayed(inbound(*pieces), client, exchange(), events=events))

    assert client.said == [("start", b""), *(("send", piece) for piece in pieces), ("end", b"")]
    assert (client.status, client.headers) == (200, EVENTS)


@given(st.integers(0, len(CONTENT) * 2), st.integers(0, len(CONTENT) * 2))
def test_an_event_is_never_continued_by_the_error_event(one: int, other: int) -> None:
    first, second = sorted((one, other))
    whole = CONTENT * 2
    client = Recipient()
    broken = inbound(b":\n\n", whole[:first], whole[first:second], error=StreamBroken("It broke."))

    asyncio.run(relayed(broken, client, exchange(), events=True))

    passed, _, event = client.body.partition(b"event: error\n")
    assert client.ending == "end"
    assert passed.endswith(b"\n\n")
    assert passed.rstrip(b"\n") == (b":\n\n" + whole[:second]).rstrip(b"\n")
    assert json.loads(event.removeprefix(b"data: "))["error"]["message"] == "It broke."


@pytest.mark.anyio
@pytest.mark.parametrize("error", [StreamBroken("It broke."), UpstreamTimeout("Silence.")])
@pytest.mark.parametrize("events", [True, False])
async def test_a_break_before_the_first_byte_is_raised_and_nothing_was_said(error: GatewayError, events: bool) -> None:
    client = Recipient()

    with pytest.raises(type(error)):
        await relayed(inbound(error=error), client, exchange(), events=events)

    assert client.said == []


@pytest.mark.anyio
async def test_a_break_of_what_is_no_event_stream_cuts_the_answer() -> None:
    client, noted = Recipient(), exchange()

    await relayed(inbound(b"abc", error=StreamBroken("It broke.")), client, noted, events=False)

    assert client.said == [("start", b""), ("send", b"abc"), ("cut", b"")]
    assert noted.error == "upstream_closed"


@pytest.mark.anyio
async def test_an_empty_answer_is_begun_and_ended() -> None:
    client = Recipient()

    await relayed(inbound(), client, exchange(), events=True)

    assert client.said == [("start", b""), ("end", b"")]


@pytest.mark.anyio
async def test_no_piece_is_asked_for_while_the_client_still_takes_the_last() -> None:
    order: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            order.append("asked")
            yield CONTENT

    async def taking() -> None:
        order.append("sent")
        for _ in range(10):
            await asyncio.sleep(0)
        order.append("taken")

    source = ScriptedInbound(ScriptedAnswer(200, EVENTS, pieces()))

    await relayed(source, Recipient(taking), exchange(), events=True)

    assert order == ["asked", "sent", "taken"] * 3


@pytest.mark.anyio
async def test_what_a_stream_says_of_itself_lands_on_the_exchange() -> None:
    noted = exchange()

    await relayed(inbound(CONTENT, LAST), Recipient(), noted, events=True)

    assert (noted.response_model, noted.finish_reason, noted.usage.completion) == ("m", "stop", 7)
    assert noted.first_token is not None
    assert noted.first_token >= noted.answered > 0


@pytest.mark.anyio
@pytest.mark.parametrize("end", [StreamBroken("It broke."), asyncio.CancelledError(), OSError("gone")])
async def test_what_was_seen_before_a_break_lands_on_the_exchange_however_it_broke(end: BaseException) -> None:
    noted = exchange()
    said = 0

    async def leave() -> None:
        nonlocal said
        said += 1
        if said == 2 and not isinstance(end, GatewayError):
            raise end

    error = end if isinstance(end, GatewayError) else None
    relaying = relayed(inbound(CONTENT, LAST, error=error), Recipient(leave), noted, events=True)
    if error is not None:
        await relaying
    else:
        with pytest.raises(type(end)):
            await relaying

    assert (noted.finish_reason, noted.usage.completion) == ("stop", 7)
    assert noted.first_token is not None


@pytest.mark.anyio
async def test_what_is_no_event_stream_is_not_read() -> None:
    noted = exchange()

    await relayed(inbound(LAST, b'\n\ndata: {"error":1}'), client := Recipient(), noted, events=False)

    assert noted.usage is NO_USAGE
    assert client.body == LAST + b'\n\ndata: {"error":1}'


@pytest.mark.anyio
@pytest.mark.parametrize("before", [b"", CONTENT, CONTENT.replace(b"\n\n", b"\r\n\r\n")])
async def test_a_providers_unnamed_error_gets_its_name_and_every_other_byte_stays(before: bytes) -> None:
    error = b'data: {"error":{"message":"x"}}\n\n'

    await relayed(inbound(before + error + CONTENT), client := Recipient(), exchange(), events=True)

    assert client.body == before + b"event: error\n" + error + CONTENT


@pytest.mark.anyio
async def test_the_word_error_inside_an_event_is_text() -> None:
    told = b'data: {"choices":[{"delta":{"content":"\\n\\ndata: {\\"error\\""}}]}\n\n'
    halves = (b'data: {"a":1,\ndata: ', b'data: {"error":2}}\n\n')

    await relayed(inbound(told, *halves), client := Recipient(), exchange(), events=True)

    assert client.body == told + b"".join(halves)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [(b"text/event-stream", True), (b"text/event-stream;charset=utf-8", True), (b"TEXT/Event-Stream", True),
     (b"application/json", False), (b"text/plain", False), (b"", False)],
)  # fmt: skip
def test_an_event_stream_is_known_by_its_content_type(value: bytes, is_one: bool) -> None:
    assert is_event_stream([(b"x-a", b"text/event-stream"), (b"content-type", value)]) == is_one


def test_an_answer_without_a_content_type_is_no_event_stream() -> None:
    assert not is_event_stream([])


def test_what_a_whole_answer_says_lands_on_the_exchange() -> None:
    noted = exchange()

    note_answer(noted, b'{"model":"m","choices":[{"finish_reason":"length"}],"usage":{"prompt_tokens":3}}')

    assert (noted.response_model, noted.finish_reason, noted.usage.prompt) == ("m", "length", 3)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"choices":[]}', b'{"choices":[{"finish_reason":null}],"usage":null}']
)
def test_an_answer_that_says_nothing_leaves_the_exchange_alone(body: bytes) -> None:
    noted = exchange()

    note_answer(noted, body)

    assert (noted.response_model, noted.finish_reason, noted.usage) == ("", "", NO_USAGE)


@pytest.mark.parametrize(("size", "is_read"), [(MAX_TAPPED, True), (MAX_TAPPED + 1, False)])
def test_a_very_long_answer_passes_unread(size: int, is_read: bool) -> None:
    noted = exchange()

    note_answer(noted, b'{"model":"m"}'.ljust(size))

    assert bool(noted.response_model) == is_read


@pytest.mark.anyio
@pytest.mark.parametrize("client_gone", [False, True])
async def test_a_stream_that_this_process_ends_is_told_so_if_anybody_is_there(client_gone: bool) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield CONTENT
        await asyncio.Event().wait()

    reached = asyncio.Event()

    async def taking() -> None:
        reached.set()

    source = ScriptedInbound(ScriptedAnswer(200, EVENTS, endless()))
    noted, client = exchange(), Recipient(taking)
    relaying = asyncio.create_task(relayed(source, client, noted, events=True))
    await reached.wait()
    noted.client_gone = client_gone
    relaying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await relaying
    source.close()

    told = client.body.partition(b"event: error\n")[2]
    if client_gone:
        assert told == b""
    else:
        assert json.loads(told.removeprefix(b"data: "))["error"]["code"] == noted.error == "shutting_down"
        assert client.ending == "end"
