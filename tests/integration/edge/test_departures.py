"""Clients that go away: nothing is asked on their behalf any more, and the log says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.edge.house import CHAT, EVENTS, LOGIN, STREAM, House, Visit, answer

from emberway.upstream.base import Outbound
from emberway.upstream.scripted import ScriptedAnswer

FIRST = (
    b'data: {"model":"m","choices":[{"delta":{"content":"a"}}]}\n\n'
    b'data: {"model":"m","usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
)


class Silence:
    """A provider that never answers, and notes when it is asked and when it is left alone."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, outbound: Outbound) -> ScriptedAnswer:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        raise AssertionError


async def endless() -> AsyncIterator[bytes]:
    yield FIRST
    await asyncio.Event().wait()


def chat(house: House, body: bytes = STREAM) -> Visit:
    visit = house.begin("POST", "/v1/chat/completions", [*LOGIN, (b"content-length", b"%d" % len(body))])
    visit.feed(body, more=False)
    return visit


@pytest.mark.anyio
@pytest.mark.parametrize("sent", [b"", CHAT[:20]])
async def test_a_client_that_goes_during_its_request_asks_for_nothing(sent: bytes) -> None:
    house = House()
    visit = house.begin("POST", "/v1/chat/completions", [*LOGIN, (b"content-length", b"%d" % len(CHAT))])
    if sent:
        visit.feed(sent)
    visit.hang_up()

    reply = await visit.finished()

    assert reply.status == 0
    assert house.upstream.sent == []
    assert house.line["client_gone"] is True


@pytest.mark.anyio
@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
async def test_a_client_that_goes_while_the_provider_thinks_ends_the_call(body: bytes) -> None:
    provider = Silence()
    house = House(provider)
    visit = chat(house, body)
    await provider.asked.wait()

    visit.hang_up()
    reply = await visit.finished()

    assert provider.left.is_set()
    assert reply.status == 0
    line = house.line
    assert (line["client_gone"], line["provider"]) == (True, "fireworks-ai")
    assert "error" not in line


@pytest.mark.anyio
async def test_a_client_that_goes_in_mid_stream_ends_the_call_and_the_line_has_what_was_seen() -> None:
    house = House([ScriptedAnswer(200, EVENTS, endless())])
    visit = chat(house)
    await visit.until(lambda reply: reply.body == FIRST)

    visit.hang_up()
    reply = await visit.finished()

    inbound = house.only.inbound
    assert inbound is not None
    assert inbound.is_aborted
    assert inbound.is_closed
    assert reply.body == FIRST
    assert not reply.is_whole
    line = house.line
    assert (line["client_gone"], line["status"], line["response_model"]) == (True, 200, "m")
    assert line["usage"]["completion_tokens"] == 1


@pytest.mark.anyio
async def test_a_client_that_goes_while_it_is_not_reading_ends_the_call() -> None:
    house = House([ScriptedAnswer(200, EVENTS, (FIRST,) * 100)])
    visit = chat(house)
    visit.hold()
    await visit.until(lambda reply: bool(reply.status))

    visit.hang_up()
    await visit.finished()

    assert house.only.inbound is not None
    assert house.only.inbound.is_aborted
    assert house.line["client_gone"] is True


@pytest.mark.anyio
async def test_a_client_that_goes_while_a_whole_answer_is_read_ends_the_call() -> None:
    reading = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield b'{"choices":'
        reading.set()
        await asyncio.Event().wait()

    house = House([ScriptedAnswer(200, [(b"content-type", b"application/json")], half())])
    visit = chat(house, CHAT)
    await reading.wait()

    visit.hang_up()
    reply = await visit.finished()

    assert reply.status == 0
    assert house.only.inbound is not None
    assert house.only.inbound.is_aborted


@pytest.mark.anyio
async def test_a_client_that_goes_while_a_call_is_repeated_ends_the_repetition() -> None:
    again = asyncio.Event()
    refused = answer(b'{"error":{"message":"Extra inputs are not permitted, field: \'user\'"}}', 400)

    async def first_no_then_silence(outbound: Outbound) -> ScriptedAnswer:
        if not house.upstream.sent:
            return refused
        again.set()
        await asyncio.Event().wait()
        raise AssertionError

    house = House(first_no_then_silence)
    visit = chat(house, CHAT[:-1] + b',"user":"u"}')
    await again.wait()

    visit.hang_up()
    reply = await visit.finished()

    assert reply.status == 0
    assert house.line["client_gone"] is True


@pytest.mark.anyio
async def test_a_client_that_goes_while_images_are_made_ends_every_request_for_them() -> None:
    asked, left = 0, 0
    all_asked = asyncio.Event()

    async def silence(outbound: Outbound) -> ScriptedAnswer:
        nonlocal asked, left
        asked += 1
        if asked == 3:
            all_asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            left += 1
        raise AssertionError

    house = House(silence)
    body = b'{"model":"accounts/fireworks/models/flux-1-schnell-fp8","prompt":"a","n":3}'
    visit = house.begin("POST", "/v1/images/generations", [*LOGIN, (b"content-length", b"%d" % len(body))])
    visit.feed(body, more=False)
    await all_asked.wait()

    visit.hang_up()
    await visit.finished()

    assert (asked, left) == (3, 3)
    assert house.line["client_gone"] is True


@pytest.mark.anyio
async def test_a_server_that_stops_is_not_taken_for_a_client_that_has_gone() -> None:
    provider = Silence()
    house = House(provider)
    visit = chat(house)
    await provider.asked.wait()

    visit._task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await visit.finished()

    assert provider.left.is_set()
    assert "client_gone" not in house.line


@pytest.mark.anyio
async def test_a_body_that_does_not_come_is_a_408() -> None:
    house = House()
    house.edge._rounds._body_seconds = 0.0
    visit = house.begin("POST", "/v1/chat/completions", [*LOGIN, (b"content-length", b"100000")])
    visit.feed(CHAT)

    reply = await visit.finished()

    assert (reply.status, reply.error["code"]) == (408, "request_body_timeout")
    assert reply.header("connection") == "close"
    assert house.upstream.sent == []


@pytest.mark.anyio
async def test_a_short_body_that_does_not_come_is_a_408_that_waits_for_nothing() -> None:
    house = House()
    house.edge._rounds._body_seconds = 0.0
    visit = house.begin("POST", "/v1/chat/completions", [*LOGIN, (b"content-length", b"100")])
    visit.feed(b"{")

    reply = await visit.finished()

    assert (reply.status, reply.error["code"]) == (408, "request_body_timeout")
    assert reply.header("connection") == "close"


@pytest.mark.anyio
async def test_a_refused_call_is_answered_although_its_small_body_does_not_come() -> None:
    house = House()
    house.edge._rounds._body_seconds = 0.0
    visit = house.begin("POST", "/v1/chat/completions", [(b"content-length", b"100")])

    reply = await visit.finished()

    assert reply.status == 401
    assert reply.header("connection") == "close"


@pytest.mark.anyio
async def test_nothing_watches_a_client_that_was_answered() -> None:
    house = House([ScriptedAnswer(200, EVENTS, (FIRST,))])
    await chat(house).finished()
    await asyncio.sleep(0)

    watching = [task for task in asyncio.all_tasks() if task.get_name() == "client watch"]

    assert watching == []
