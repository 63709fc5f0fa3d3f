"""Bodies that are passed on piece by piece, as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.edge.house import EVENTS, LOGIN, PATIENCE, House, answer, head_of, without

from emberway.exchange import Headers
from emberway.settings import Settings
from emberway.upstream.base import Outbound
from emberway.upstream.scripted import ScriptedAnswer

FORM = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n\x00\xff\r\n\r\n--b--\r\n'
UPLOAD: Headers = [(b"content-type", b"multipart/form-data; boundary=b"), *without(LOGIN, b"content-type")]
PATH = "/v1/audio/transcriptions"


@pytest.mark.anyio
async def test_an_upload_of_known_length_arrives_byte_for_byte_with_that_length() -> None:
    house = House([answer()])

    reply = await house.call("POST", PATH, FORM, UPLOAD)

    assert reply.status == 200
    assert house.only.body == FORM
    head = head_of(house.only)
    assert head[":"] == "POST /inference/v1/audio/transcriptions HTTP/1.1"
    assert head["content-length"] == str(len(FORM))
    assert head["content-type"] == "multipart/form-data; boundary=b"
    assert head["authorization"] == "Bearer fw_of-the-caller"


@pytest.mark.anyio
async def test_an_upload_of_unknown_length_arrives_byte_for_byte_in_chunks() -> None:
    house = House([answer()])

    visit = house.begin("POST", PATH, [*UPLOAD, (b"transfer-encoding", b"chunked")])
    for start in range(0, len(FORM), 7):
        visit.feed(FORM[start : start + 7])
    visit.feed(b"", more=False)
    reply = await visit.finished()

    assert reply.status == 200
    assert house.only.body == FORM
    assert head_of(house.only)["transfer-encoding"] == "chunked"


@pytest.mark.anyio
async def test_an_upload_is_passed_on_while_it_still_comes() -> None:
    taken: list[bytes] = []
    first_is_through = asyncio.Event()

    class Provider:
        async def send(self, outbound: Outbound) -> object:
            assert not isinstance(outbound.body, bytes)
            async for piece in outbound.body:
                taken.append(piece)
                first_is_through.set()
            return await scripted(outbound)

    house = House([answer()])
    scripted = house.upstream.send
    house.upstream.send = Provider().send  # type: ignore[method-assign, assignment]  # a provider that reads by pieces

    visit = house.begin("POST", PATH, [*UPLOAD, (b"transfer-encoding", b"chunked")])
    visit.feed(b"first")
    async with asyncio.timeout(PATIENCE):
        await first_is_through.wait()
    assert taken == [b"first"]
    visit.feed(b"second", more=False)
    await visit.finished()

    assert taken == [b"first", b"second"]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 415, 429, 500])
async def test_a_refused_upload_is_answered_at_once_although_its_body_is_used_up(status: int) -> None:
    house = House([answer(b'{"error":{"message":"no"}}', status)])

    reply = await house.call("POST", PATH, FORM, UPLOAD)

    assert (reply.status, reply.error["message"]) == (status, "no")
    assert "connection" not in reply.names


@pytest.mark.anyio
async def test_an_upload_that_was_refused_is_not_repeated() -> None:
    complaint = b'{"error":{"message":"Extra inputs are not permitted, field: \'language\'"}}'
    house = House([answer(complaint, 400)])

    reply = await house.call("POST", PATH, FORM, UPLOAD)

    assert reply.status == 400
    assert len(house.upstream.sent) == 1


@pytest.mark.anyio
async def test_the_client_of_an_upload_is_watched_while_the_provider_thinks() -> None:
    asked = asyncio.Event()

    async def never(outbound: Outbound) -> ScriptedAnswer:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    house = House(never)
    visit = house.begin("POST", PATH, [*UPLOAD, (b"content-length", b"%d" % len(FORM))])
    visit.feed(FORM, more=False)
    await asked.wait()
    visit.hang_up()
    reply = await visit.finished()

    assert reply.status == 0
    assert house.line["client_gone"] is True


@pytest.mark.anyio
async def test_the_client_of_an_upload_is_watched_while_its_answer_streams() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"data: {}\n\n"
        await asyncio.Event().wait()

    house = House([ScriptedAnswer(200, EVENTS, endless())])
    visit = house.begin("POST", PATH, [*UPLOAD, (b"content-length", b"%d" % len(FORM))])
    visit.feed(FORM, more=False)
    await visit.until(lambda reply: bool(reply.body))
    visit.hang_up()
    await visit.finished()

    assert house.only.inbound is not None
    assert house.only.inbound.is_aborted
    assert house.line["client_gone"] is True


@pytest.mark.anyio
async def test_a_provider_may_think_about_an_upload_for_longer_than_a_body_may_take_to_come() -> None:
    asked, think = asyncio.Event(), asyncio.Event()

    async def slowly(outbound: Outbound) -> ScriptedAnswer:
        asked.set()
        await think.wait()
        return answer()

    house = House(slowly)
    house.edge._rounds._body_seconds = 0.0  # every round from here on finds the body late, if it looks for one
    visit = house.begin("POST", PATH, [*UPLOAD, (b"content-length", b"%d" % len(FORM))])
    visit.feed(FORM, more=False)
    await asked.wait()
    await asyncio.sleep(0.08)  # three rounds of the watch
    think.set()
    reply = await visit.finished()

    assert reply.status == 200


@pytest.mark.anyio
async def test_an_upload_over_the_limit_is_refused_before_anything_of_it_is_read() -> None:
    house = House(settings=Settings(max_upload_bytes=1024))

    visit = house.begin("POST", PATH, [*UPLOAD, (b"content-length", b"1048576")])
    visit.feed(b"x" * 1024)
    reply = await visit.finished()

    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert visit.taken == 0
    assert reply.header("connection") == "close"
    assert house.upstream.sent == []


@pytest.mark.anyio
async def test_an_upload_that_grows_beyond_the_limit_is_refused_and_read_no_further() -> None:
    house = House(settings=Settings(max_upload_bytes=1024))

    visit = house.begin("POST", PATH, [*UPLOAD, (b"transfer-encoding", b"chunked")])
    for _ in range(100):
        visit.feed(b"x" * 256)
    reply = await visit.finished()

    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert visit.taken == 1024 + 256
    assert reply.header("connection") == "close"


@pytest.mark.anyio
async def test_a_client_that_goes_during_its_upload_ends_the_call() -> None:
    house = House([answer()])

    visit = house.begin("POST", PATH, [*UPLOAD, (b"transfer-encoding", b"chunked")])
    visit.feed(FORM[:10])
    visit.hang_up()
    reply = await visit.finished()

    assert reply.status == 0
    assert house.upstream.sent == []
    assert house.line["client_gone"] is True


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_call_without_a_body_gets_none_on_its_way(method: str) -> None:
    house = House([answer()])

    visit = house.begin(method, "/v1/responses/r_1", without(LOGIN, b"content-type"))
    visit.feed(b"", more=False)
    await visit.finished()

    head = head_of(house.only)
    assert "transfer-encoding" not in head
    assert head.get("content-length", "0") == "0"


@pytest.mark.anyio
async def test_an_answer_to_half_an_upload_ends_the_connection() -> None:
    house = House()

    async def early(outbound: Outbound) -> object:
        assert not isinstance(outbound.body, bytes)
        await anext(outbound.body)
        return await scripted.send(Outbound("POST", outbound.origin, b"/", ()))

    scripted = House([answer()]).upstream
    house.upstream.send = early  # type: ignore[method-assign, assignment]  # it takes one piece
    visit = house.begin("POST", PATH, [*UPLOAD, (b"transfer-encoding", b"chunked")])
    visit.feed(FORM)
    reply = await visit.finished()

    assert reply.status == 200
    assert reply.header("connection") == "close"
