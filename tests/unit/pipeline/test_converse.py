from __future__ import annotations

import asyncio
from collections.abc import Generator

import msgspec
import pytest
from tests.unit.pipeline.parts import attempt

from emberway.errors import BadAnswer, ConnectFailed, InvalidCall
from emberway.pipeline.converse import converse
from emberway.pipeline.destination import Place
from emberway.providers.base import Answer, Ask, Asks, Conversation, Pause, Reply
from emberway.upstream.addresses import parse_base_url
from emberway.upstream.base import Outbound
from emberway.upstream.scripted import Scripted, ScriptedAnswer, ScriptedUpstream

REPLY = Reply(200, b"{}")


def echo(outbound: Outbound) -> ScriptedAnswer:
    assert isinstance(outbound.body, bytes)
    return ScriptedAnswer(201, [(b"x-a", b"b")], (outbound.body,))


def asking(*steps: Asks | Pause) -> tuple[Conversation, list[tuple[Answer, ...]], list[str]]:
    """A conversation of these steps, what it was sent, and whether it has been closed."""
    heard: list[tuple[Answer, ...]] = []
    closed: list[str] = []

    def talk() -> Generator[Asks | Pause, tuple[Answer, ...], Reply]:
        try:
            for step in steps:
                answers = yield step
                heard.append(answers)
            return REPLY
        finally:
            closed.append("closed")

    return talk(), heard, closed


@pytest.mark.anyio
async def test_answers_come_back_whole_and_in_the_order_of_the_requests() -> None:
    conversation, heard, _ = asking((Ask("/a", body=b"1"), Ask("/b", body=b"2")), (Ask("/c", body=b"3"),))
    upstream = ScriptedUpstream(echo)

    reply = await converse(conversation, attempt(upstream))

    assert reply is REPLY
    answers = [Answer(201, {b"x-a": b"b"}, body) for body in (b"1", b"2", b"3")]
    assert heard == [tuple(answers[:2]), tuple(answers[2:])]
    assert all(one.inbound is not None and one.inbound.is_closed for one in upstream.sent)


@pytest.mark.anyio
async def test_requests_that_are_yielded_together_are_under_way_together() -> None:
    both = asyncio.Barrier(2)

    async def when_both_are_there(outbound: Outbound) -> ScriptedAnswer:
        async with asyncio.timeout(5):
            await both.wait()
        return echo(outbound)

    conversation, heard, _ = asking((Ask("/a", body=b"1"), Ask("/b", body=b"2")))

    await converse(conversation, attempt(ScriptedUpstream(when_both_are_there)))

    assert [answer.body for answer in heard[0]] == [b"1", b"2"]


@pytest.mark.anyio
async def test_a_pause_is_waited_for_and_answered_with_nothing() -> None:
    conversation, heard, _ = asking(Pause(0.03))
    started = asyncio.get_running_loop().time()

    await converse(conversation, attempt(ScriptedUpstream(echo)))

    assert heard == [()]
    assert asyncio.get_running_loop().time() - started >= 0.029


@pytest.mark.anyio
async def test_a_pause_ends_with_its_call() -> None:
    conversation, _, closed = asking(Pause(3600))
    talking = asyncio.create_task(converse(conversation, attempt(ScriptedUpstream(echo))))
    await asyncio.sleep(0)

    talking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await talking

    assert closed == ["closed"]


@pytest.mark.anyio
@pytest.mark.parametrize("others", [0, 2])
async def test_a_request_without_an_answer_ends_the_conversation_with_its_own_error(others: int) -> None:
    left: list[bytes] = []

    async def script(outbound: Outbound) -> Scripted:
        if outbound.body == b"fail":
            await asyncio.sleep(0)
            return ConnectFailed("Nobody there.")
        try:
            await asyncio.Event().wait()
        finally:
            left.append(b"left")
        raise AssertionError

    conversation, _, closed = asking((*[Ask("/a")] * others, Ask("/b", body=b"fail")))

    with pytest.raises(ConnectFailed, match=r"Nobody there\."):
        await converse(conversation, attempt(ScriptedUpstream(script)))

    assert left == [b"left"] * others
    assert closed == ["closed"]


@pytest.mark.anyio
@pytest.mark.parametrize("error", [msgspec.DecodeError("odd"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd")])
async def test_a_body_that_only_the_conversation_finds_unreadable_is_the_callers_to_mend(error: Exception) -> None:
    def talk() -> Conversation:
        raise error
        yield ()

    with pytest.raises(InvalidCall) as caught:
        await converse(talk(), attempt(ScriptedUpstream(echo)))

    assert caught.value.code == "invalid_json"


@pytest.mark.anyio
async def test_an_address_that_a_provider_hands_out_keeps_its_query_and_gets_no_key() -> None:
    conversation, _, _ = asking((Ask("https://cdn.example.com:8443/a%2Fb%20c?sig=x%2Fy&z", "GET", elsewhere=True),))
    upstream = ScriptedUpstream(lambda outbound: ScriptedAnswer())

    await converse(conversation, attempt(upstream))

    outbound = upstream.sent[0].outbound
    assert (outbound.origin.host, outbound.origin.port, outbound.origin.trusted) == ("cdn.example.com", 8443, False)
    assert outbound.target == b"/a%2Fb%20c?sig=x%2Fy&z"
    assert list(outbound.headers) == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/a", "https://10.0.0.1/a", "http://cdn.example.com/a", "file:///a", ""]
)
async def test_a_private_or_plain_address_that_a_provider_hands_out_is_not_called(url: str) -> None:
    conversation, _, closed = asking((Ask(url, "GET", elsewhere=True),))
    upstream = ScriptedUpstream(echo)

    with pytest.raises(BadAnswer):
        await converse(conversation, attempt(upstream))

    assert upstream.sent == []
    assert closed == ["closed"]


@pytest.mark.anyio
@pytest.mark.parametrize(("port", "is_called"), [(9, True), (10, False)])
async def test_a_provider_that_the_operator_trusts_may_hand_out_its_own_origin_and_no_other(
    port: int, is_called: bool
) -> None:
    trusted = Place(parse_base_url("http://127.0.0.1:9/v1", frozenset({("http", "127.0.0.1", 9)})))
    conversation, _, _ = asking((Ask(f"http://127.0.0.1:{port}/a", "GET", elsewhere=True),))
    upstream = ScriptedUpstream(lambda outbound: ScriptedAnswer())

    if is_called:
        await converse(conversation, attempt(upstream, place=trusted))
    else:
        with pytest.raises(BadAnswer):
            await converse(conversation, attempt(upstream, place=trusted))

    assert len(upstream.sent) == is_called
