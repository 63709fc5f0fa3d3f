"""Streams through the whole gateway: every byte as it came, a break told, a slow reader waited for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.edge.house import CHAT, EVENTS, LOGIN, STREAM, House, answer

from emberway import errors
from emberway.exchange import Headers
from emberway.upstream.scripted import ScriptedAnswer

WORDS = (
    b'data: {"model":"m-of-theirs","choices":[{"delta":{"role":"assistant","content":""}}]}\n\n',
    'data: {"choices":[{"delta":{"content":"é\u2028\U0001f600 \\n\\ndata: x"}}]}\n\n'.encode(),
    b": ping\n\n",
    b'event: custom\r\ndata: {"a":\r\ndata: 1}\r\n\r\n',
    b'data: {"model":"m-of-theirs","choices":[{"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n',
    b"data: [DONE]\n\n",
)
WHOLE = b"".join(WORDS)
OCTETS: Headers = [(b"content-type", b"audio/mpeg"), (b"content-length", b"1000")]


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    """``data`` in pieces that end at ``places``."""
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def streamed(pieces: list[bytes], headers: Headers = EVENTS, error: errors.GatewayError | None = None) -> House:
    return House([ScriptedAnswer(200, headers, pieces, error)])


@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_every_byte_of_a_stream_arrives_however_the_provider_cuts_it(places: list[int]) -> None:
    house = streamed(cut_at(WHOLE, places))

    reply = asyncio.run(_chat(house))

    assert reply == WHOLE
    line = house.line
    assert line["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert (line["finish_reason"], line["response_model"]) == ("stop", "m-of-theirs")
    assert line["first_token_ms"] >= 0


def test_every_byte_of_a_stream_arrives_one_by_one() -> None:
    assert asyncio.run(_chat(streamed([WHOLE[at : at + 1] for at in range(len(WHOLE))]))) == WHOLE


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=12))
def test_whatever_a_provider_streams_arrives_as_it_came(pieces: list[bytes]) -> None:
    named = [piece for piece in pieces if b'{"error"' not in piece]

    assert asyncio.run(_chat(streamed(named or [b"x"]))) == b"".join(named or [b"x"])


@given(st.integers(1, len(WHOLE) - 1))
def test_a_stream_that_breaks_ends_with_an_error_event_and_is_never_presented_as_complete(place: int) -> None:
    broken = errors.StreamBroken("The provider hung up.")

    body = asyncio.run(_chat(streamed([WHOLE[:place]], error=broken)))

    assert body.startswith(WHOLE[:place])
    ended, _, event = body.rpartition(b"event: error\n")
    assert ended == WHOLE[:place] or ended == WHOLE[:place] + b"\n\n"
    assert ended.endswith((b"\n\n", b"\r\n\r\n"))
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert json.loads(event[6:])["error"] == {
        "message": "The provider hung up.",
        "type": "upstream_error",
        "param": None,
        "code": "upstream_closed",
    }
    assert b"[DONE]" not in body[place:]


@pytest.mark.anyio
async def test_a_break_between_two_events_needs_no_empty_line() -> None:
    reply = await streamed([WORDS[0]], error=errors.UpstreamTimeout("Silence.", code="upstream_idle_timeout")).chat(
        STREAM
    )

    assert reply.body.startswith(WORDS[0] + b"event: error\ndata: ")
    assert json.loads(reply.body.rpartition(b"data: ")[2])["error"]["code"] == "upstream_idle_timeout"
    assert reply.is_whole


@pytest.mark.anyio
async def test_a_broken_streams_line_has_what_was_seen_of_it() -> None:
    pieces = [*WORDS[:2], b'data: {"model":"m","usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n']
    house = streamed(pieces, error=errors.StreamBroken("It broke."))

    await house.chat(STREAM)

    line = house.line
    assert (line["status"], line["error"], line["response_model"]) == (200, "upstream_closed", "m")
    assert line["usage"]["completion_tokens"] == 1
    assert line["first_token_ms"] >= 0
    assert "finish_reason" not in line


@pytest.mark.anyio
async def test_an_error_that_the_provider_tells_in_mid_stream_gets_the_name_that_clients_look_for() -> None:
    error = b'data: {"error":{"message":"overloaded","code":503}}\n\n'

    reply = await streamed([WORDS[0] + error]).chat(STREAM)

    assert reply.body == WORDS[0] + b"event: error\n" + error


@pytest.mark.anyio
async def test_a_passed_through_body_that_breaks_is_cut_so_that_nobody_takes_it_for_whole() -> None:
    house = streamed([b"x" * 100], OCTETS, errors.StreamBroken("It broke."))

    reply = await house.call("GET", "/v1/audio/x", b"")

    assert reply.status == 200
    assert reply.body == b"x" * 100
    assert reply.is_cut
    assert not reply.is_whole
    assert house.line["error"] == "upstream_closed"


@pytest.mark.anyio
async def test_a_passed_through_body_keeps_its_declared_length() -> None:
    reply = await streamed([b"x" * 400, b"y" * 600], OCTETS).call("GET", "/v1/audio/x", b"")

    assert reply.header("content-length") == "1000"
    assert len(reply.body) == 1000
    assert reply.is_whole


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [b"text/event-stream", b"text/event-stream; charset=utf-8", b"Text/Event-Stream"])
@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
async def test_an_event_stream_is_known_by_its_content_type(kind: bytes, body: bytes) -> None:
    reply = await streamed([WORDS[0]], [(b"content-type", kind)], errors.StreamBroken("It broke.")).chat(body)

    assert b"event: error\n" in reply.body
    assert reply.header("content-type") == kind.decode()


@pytest.mark.anyio
async def test_a_provider_that_answers_a_stream_with_json_is_passed_on_as_json() -> None:
    reply = await House([answer(b'{"choices":[]}')]).chat(STREAM)

    assert (reply.body, reply.header("content-type")) == (b'{"choices":[]}', "application/json")


@pytest.mark.anyio
async def test_an_event_stream_has_no_declared_length_that_an_error_event_would_exceed() -> None:
    reply = await streamed([WORDS[0]], [*EVENTS, (b"content-length", b"9999")]).chat(STREAM)

    assert "content-length" not in reply.names
    assert reply.body == WORDS[0]


@pytest.mark.anyio
async def test_a_slow_client_holds_the_provider_back_to_one_piece() -> None:
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield b"data: {}\n\n"

    house = House([ScriptedAnswer(200, EVENTS, pieces())])
    visit = house.begin("POST", "/v1/chat/completions", LOGIN)
    visit.feed(STREAM, more=False)
    await visit.until(lambda reply: len(reply.pieces) == 3)
    visit.hold()
    await visit.until(lambda reply: len(reply.pieces) == 4)
    for _ in range(50):
        await asyncio.sleep(0)
    assert taken == len(visit.reply.pieces) == 4

    visit.go_on()
    reply = await visit.finished()

    assert reply.body == b"data: {}\n\n" * 100


@pytest.mark.anyio
async def test_a_piece_is_with_the_client_before_the_next_one_is_there() -> None:
    arrived = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield WORDS[0]
        await arrived.wait()
        yield WORDS[-1]

    visit = House([ScriptedAnswer(200, EVENTS, pieces())]).begin("POST", "/v1/chat/completions", LOGIN)
    visit.feed(STREAM, more=False)
    await visit.until(lambda reply: reply.body == WORDS[0])
    arrived.set()

    assert (await visit.finished()).body == WORDS[0] + WORDS[-1]


async def _chat(house: House) -> bytes:
    reply = await house.chat(STREAM)
    assert reply.status == 200
    assert reply.is_whole
    return reply.body
