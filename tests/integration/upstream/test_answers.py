"""What counts as an answer: framing, interim answers, headers, and bytes that no HTTP peer should send."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from tests.integration.upstream.peer import Wire, once, peer, polite, then_silence

from emberway.errors import BadAnswer, StreamBroken
from emberway.upstream.answer import Answer
from emberway.upstream.base import Outbound
from emberway.upstream.client import PooledUpstream

pytestmark = pytest.mark.anyio


async def ask(upstream: PooledUpstream, outbound: Outbound, limit: int = 1 << 20) -> tuple[int, bytes]:
    answer = await upstream.send(outbound)
    try:
        return answer.status, await answer.read(limit)
    finally:
        answer.close()


async def each(answer: Answer) -> AsyncIterator[bytes]:
    while chunk := await answer.chunk():
        yield chunk


async def rest(answer: Answer) -> bytes:
    return b"".join([chunk async for chunk in each(answer)])


LIMIT = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
HI = OK + b"content-length: 2\r\n\r\nhi"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"

VALID = {
    "a stated length": (HI, 200, b"hi"),
    "an empty body": (OK + b"content-length: 0\r\n\r\n", 200, b""),
    "chunks": (CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, b"abcde"),
    "chunks with extensions and trailers": (CHUNKED + b"3;a=b\r\nabc\r\n0\r\nx-t: 1\r\nX-u: 2\r\n\r\n", 200, b"abc"),
    "100 before": (b"HTTP/1.1 100 Continue\r\n\r\n" + HI, 200, b"hi"),
    "103 before": (b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n" + HI, 200, b"hi"),
    "both before": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\n" + HI, 200, b"hi"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "304 with the length it would have": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, b""),
    "a redirect": (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 302, b""),
    "an error": (b"HTTP/1.1 429 Slow Down\r\nretry-after: 1\r\ncontent-length: 4\r\n\r\nslow", 429, b"slow"),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nhi", 200, b"hi"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, b"hi"),
    "binary bytes": (OK + b"content-length: 6\r\n\r\n\x00\xff\r\n\r\n", 200, b"\x00\xff\r\n\r\n"),
    "gzip unasked": (
        OK
        + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(gzip.compress(b"hello"))
        + gzip.compress(b"hello"),
        200,
        b"hello",
    ),
    "deflate unasked": (
        OK + b"content-encoding: deflate\r\nconnection: close\r\n\r\n" + zlib.compress(b"hello"),
        200,
        b"hello",
    ),
    "a body until the end of the connection": (OK + b"\r\nto the end", 200, b"to the end"),
}


@pytest.mark.parametrize("name", VALID)
async def test_a_valid_answer_is_read_however_it_is_cut(upstream: PooledUpstream, name: str) -> None:
    wire, status, body = VALID[name]
    step = max(1, len(wire) // 25)
    for pieces in (
        [wire],
        [wire[:1], wire[1:]],
        [wire[:-1], wire[-1:]],
        [wire[i : i + step] for i in range(0, len(wire), step)],
    ):
        async with peer(once(*pieces)) as provider:
            answer = await upstream.send(provider.post())
            assert (answer.status, await answer.read(LIMIT), await answer.chunk()) == (status, body, b"")
            answer.close()
            assert provider.connections == 1


INVALID = {
    "nothing": b"",
    "html": b"<html><body>Bad gateway</body></html>",
    "HTTP/0.9": b"hello there\r\n",
    "a version of 0.9": b"HTTP/0.9 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "a version of 2.0": b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "a version of 2.0 that keeps alive": b"HTTP/2.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi",
    "a version of 1.2": b"HTTP/1.2 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an HTTP/2 frame": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x16",
    "an SSH greeting": b"SSH-2.0-OpenSSH_9.6\r\n",
    "an SMTP greeting": b"220 mail.example.com ESMTP\r\n",
    "a Redis error": b"-ERR unknown command 'POST'\r\n",
    "zeros": bytes(64),
    "a request": b"POST /v1 HTTP/1.1\r\nhost: x\r\n\r\n",
    "lower case": b"http/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "a leading space": b" " + HI,
    "an icy server": b"ICY 200 OK\r\n\r\nhi",
    "no status": b"HTTP/1.1 OK\r\ncontent-length: 2\r\n\r\nhi",
    "a status of two digits": b"HTTP/1.1 99 Low\r\ncontent-length: 2\r\n\r\nhi",
    "a status of four digits": b"HTTP/1.1 2000 High\r\ncontent-length: 2\r\n\r\nhi",
    "status 000": b"HTTP/1.1 000 None\r\ncontent-length: 2\r\n\r\nhi",
    "status 999": b"HTTP/1.1 999 Denied\r\ncontent-length: 2\r\n\r\nhi",
    "a switch of protocols": b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nhello",
    "a bare switch of protocols": b"HTTP/1.1 101 Switching\r\n\r\nhello",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
    "bare carriage returns": b"HTTP/1.1 200 OK\rcontent-length: 2\r\rhi",
    "a folded header": OK + b"x-a: b\r\n c\r\ncontent-length: 2\r\n\r\nhi",
    "a NUL in a header": OK + b"x-a: b\x00c\r\ncontent-length: 2\r\n\r\nhi",
    "a carriage return in a header": OK + b"x-a: b\rc\r\ncontent-length: 2\r\n\r\nhi",
    "a space before the colon": OK + b"content-length : 2\r\n\r\nhi",
    "an empty header name": OK + b": x\r\ncontent-length: 2\r\n\r\nhi",
    "a header without a colon": OK + b"nonsense\r\ncontent-length: 2\r\n\r\nhi",
    "a negative length": OK + b"content-length: -1\r\n\r\nhi",
    "a signed length": OK + b"content-length: +2\r\n\r\nhi",
    "a hexadecimal length": OK + b"content-length: 0x2\r\n\r\nhi",
    "an endless length": OK + b"content-length: 99999999999999999999999999\r\n\r\nhi",
    "an empty length": OK + b"content-length:\r\n\r\nhi",
    "a list of lengths": OK + b"content-length: 2, 2\r\n\r\nhi",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi",
    "a length and chunks": OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunks and a length": OK + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunks twice": OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "gzip as a transfer coding": OK + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "an unknown transfer coding": OK + b"transfer-encoding: xchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "identity as a transfer coding": OK + b"transfer-encoding: identity\r\n\r\nhi",
    "a chunk size in words": CHUNKED + b"two\r\nhi\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-2\r\nhi\r\n0\r\n\r\n",
    "a chunk size too large for any machine": CHUNKED + b"ffffffffffffffffff\r\nhi",
    "a space after the chunk size": CHUNKED + b"2 \r\nhi\r\n0\r\n\r\n",
    "a chunk longer than it says": CHUNKED + b"2\r\nhiX\r\n0\r\n\r\n",
    "a chunk with a bare line feed": CHUNKED + b"2\nhi\n0\n\n",
    "an invalid trailer": CHUNKED + b"2\r\nhi\r\n0\r\nx y: z\r\n\r\n",
    "a length among the trailers": CHUNKED + b"2\r\nhi\r\n0\r\ncontent-length: 9\r\n\r\n",
    "more than its length": OK + b"content-length: 2\r\n\r\nhi there",
    "more after a promise to close": OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi there",
    "two answers": HI + HI,
    "a 204 with a body": b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nhi",
    "a 304 with a body": b"HTTP/1.1 304 Not Modified\r\n\r\nhi",
    "201 headers": OK + b"".join(b"x-%d: y\r\n" % i for i in range(201)) + b"content-length: 2\r\n\r\nhi",
    "a header of 70 kB": OK + b"x-a: %b\r\ncontent-length: 2\r\n\r\nhi" % (b"y" * 70_000),
    "a head of 70 kB": OK
    + b"".join(b"x-%d: %b\r\n" % (i, b"y" * 700) for i in range(100))
    + b"content-length: 2\r\n\r\nhi",
    "endless interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 4000,
    "an unasked packing": OK + b"content-encoding: br\r\ncontent-length: 2\r\n\r\nhi",
    "two packings": OK + b"content-encoding: gzip, gzip\r\ncontent-length: 2\r\n\r\nhi",
    "two packing headers": OK + b"content-encoding: gzip\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nhi",
}


@pytest.mark.parametrize("name", INVALID)
async def test_garbage_is_a_bad_answer_and_its_connection_is_closed(upstream: PooledUpstream, name: str) -> None:
    async with peer(once(INVALID[name])) as provider:
        with pytest.raises(BadAnswer) as told:
            await ask(upstream, provider.post())

        assert told.value.status == 502
        assert str(provider.port) in told.value.message
        assert upstream.open_connections == 0


BROKEN_LATE = {
    "a bad chunk": b"zz\r\n",
    "a chunk without its end": b"2\r\nhiX\r\n",
    "a chunk size with a space": b"2 \r\nhi\r\n",
}


@pytest.mark.parametrize("name", BROKEN_LATE)
async def test_bad_framing_after_the_first_bytes_breaks_the_stream(upstream: PooledUpstream, name: str) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"5\r\nfirst\r\n")
        await first_was_read.wait()
        await wire.send(BROKEN_LATE[name])
        await wire.until_closed()

    first_was_read = asyncio.Event()
    async with peer(program) as provider:
        answer = await upstream.send(provider.post())
        assert await answer.chunk() == b"first"
        first_was_read.set()
        with pytest.raises(StreamBroken):
            await rest(answer)
        answer.close()
        assert upstream.open_connections == 0


async def test_headers_come_in_lower_case_and_order_without_those_of_the_connection(upstream: PooledUpstream) -> None:
    head = (
        OK + b"X-One: 1\r\nConnection: keep-alive, X-Private\r\nX-Private: secret\r\nKeep-Alive: timeout=60\r\n"
        b"Proxy-Authenticate: Basic\r\nTrailer: x\r\nUpgrade: h2c\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
    )
    async with peer(once(head)) as provider:
        answer = await upstream.send(provider.post())
        answer.close()

    assert answer.headers == [
        (b"x-one", b"1"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"2"),
    ]


async def test_headers_of_an_interim_answer_and_trailers_are_not_taken_for_the_answers_own(
    upstream: PooledUpstream,
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nx-early: 1\r\ncontent-encoding: br\r\n\r\n"
    async with peer(once(early + CHUNKED + b"2\r\nhi\r\n0\r\nx-late: 1\r\ncontent-encoding: br\r\n\r\n")) as provider:
        answer = await upstream.send(provider.post())
        assert await answer.read(LIMIT) == b"hi"

    assert answer.headers == []


async def test_a_head_request_gets_headers_and_no_body(upstream: PooledUpstream) -> None:
    async with peer(then_silence(OK + b"content-length: 5000000\r\n\r\n")) as provider:
        answer = await upstream.send(Outbound("HEAD", provider.origin, b"/v1/models", []))
        assert (await answer.read(10), answer.headers) == (b"", [(b"content-length", b"5000000")])
        answer.close()
        assert provider.requests[0].head.startswith(b"HEAD /v1/models HTTP/1.1\r\n")


async def test_a_redirect_is_an_answer_and_is_not_followed(upstream: PooledUpstream) -> None:
    async with peer(polite) as elsewhere:
        location = b"location: http://127.0.0.1:%d/" % elsewhere.port
        moved = b"HTTP/1.1 307 Moved\r\n%b\r\ncontent-length: 0\r\n\r\n" % location
        async with peer(once(moved)) as provider:
            answer = await upstream.send(provider.post())
            answer.close()

        assert (answer.status, elsewhere.connections) == (307, 0)


async def test_what_is_sent_is_what_was_asked_for(upstream: PooledUpstream) -> None:
    headers = [(b"authorization", b"Bearer fw_1"), (b"X-Title", b"caf\xe9\ttea"), (b"x-empty", b"")]
    async with peer(polite) as provider:
        outbound = Outbound("POST", provider.origin, b"/v1/a%20b?x=1", headers, b'{"a": 1}')
        (await upstream.send(outbound)).close()
        request = provider.requests[0]

    assert request.body == b'{"a": 1}'
    assert request.lines == [
        b"POST /v1/a%20b?x=1 HTTP/1.1",
        b"host: 127.0.0.1:%d" % provider.port,
        b"accept-encoding: identity",
        b"authorization: Bearer fw_1",
        b"X-Title: caf\xe9\ttea",
        b"x-empty: ",
        b"content-length: 8",
    ]


async def test_get_and_delete_say_nothing_about_a_body_they_do_not_have(upstream: PooledUpstream) -> None:
    async with peer(polite) as provider:
        for method in ("GET", "DELETE", "POST"):
            (await upstream.send(Outbound(method, provider.origin, b"/", []))).close()

    assert [b"content-length: 0" in request.lines for request in provider.requests] == [False, False, True]


async def test_an_answer_longer_than_the_limit_is_refused_before_it_is_held(upstream: PooledUpstream) -> None:
    endless = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    for wire in (OK + b"content-length: 1000000\r\n\r\n", CHUNKED + endless * 8):
        async with peer(then_silence(wire)) as provider:
            with pytest.raises(BadAnswer, match="longer than the allowed 100000 bytes"):
                await ask(upstream, provider.post(), limit=100_000)
            assert upstream.open_connections == 0


async def test_the_limit_counts_only_what_is_left_to_read(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(OK + b"content-length: 12\r\n\r\n0123456789")
        await start_was_read.wait()
        await wire.send(b"ab")

    start_was_read = asyncio.Event()
    async with peer(program) as provider:
        answer = await upstream.send(provider.post())
        assert await answer.chunk() == b"0123456789"
        start_was_read.set()
        assert await answer.read(5) == b"ab"
        answer.close()


async def test_an_aborted_packed_body_yields_nothing_more(upstream: PooledUpstream) -> None:
    packed = gzip.compress(bytes(900_000))
    head = OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    async with peer(once(head + packed)) as provider:
        answer = await upstream.send(provider.post())
        assert len(await answer.chunk()) < 900_000
        answer.abort()
        with pytest.raises(StreamBroken):
            await answer.chunk()


async def test_a_large_body_goes_out_and_comes_back_whole(upstream: PooledUpstream) -> None:
    async def echo(wire: Wire) -> None:
        await wire.answer((await wire.request()).body)

    body = bytes(range(256)) * 20_000
    async with peer(echo) as provider:
        assert await ask(upstream, provider.post(body), limit=len(body)) == (200, body)


async def test_a_slow_holder_makes_the_peer_wait(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        wire.writer.write(OK + b"content-length: %d\r\n\r\n" % total)
        wire.writer.write(bytes(total))
        await wire.writer.drain()

    total = 64 * 1024 * 1024
    async with peer(program) as provider:
        answer = await upstream.send(provider.post())
        while answer.pending <= 256 * 1024:
            await asyncio.sleep(0)
        for _ in range(200):
            await asyncio.sleep(0)
        assert answer.pending <= 512 * 1024
        assert len(await answer.read(total)) == total
        answer.close()


async def test_tiny_chunks_that_come_together_are_handed_over_together(upstream: PooledUpstream) -> None:
    async with peer(once(CHUNKED + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n")) as provider:
        answer = await upstream.send(provider.post())
        chunks = [chunk async for chunk in each(answer)]

    assert b"".join(chunks) == b"x" * 5000
    assert len(chunks) <= 10
    assert len(answer.parts) == 0


async def test_a_body_that_is_there_is_read_without_waiting(upstream: PooledUpstream) -> None:
    async with peer(once(HI)) as provider:
        answer = await upstream.send(provider.post())
        with pytest.raises(StopIteration) as stop:
            answer.read(LIMIT).send(None)

    assert stop.value.value == b"hi"


@pytest.mark.parametrize("chunk", [b"{", b"\xef\xbb\xbf{}", b"\xff\xfe", b"\x00", b"\r", b"<html>", b'{"error":{}}'])
async def test_odd_bodies_pass_as_they_came(upstream: PooledUpstream, chunk: bytes) -> None:
    async with peer(once(CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(chunk), chunk))) as provider:
        assert await ask(upstream, provider.post()) == (200, chunk)


async def test_a_packed_body_loses_the_headers_that_are_not_true_any_more(upstream: PooledUpstream) -> None:
    packed = gzip.compress(b"hello " * 100)
    head = OK + b"content-type: text/plain\r\ncontent-encoding: GZIP\r\ncontent-length: %d\r\n\r\n" % len(packed)
    async with peer(once(head + packed)) as provider:
        answer = await upstream.send(provider.post())
        assert await answer.read(LIMIT) == b"hello " * 100

    assert answer.headers == [(b"content-type", b"text/plain")]


async def test_a_gzip_bomb_is_refused(upstream: PooledUpstream) -> None:
    bomb = gzip.compress(bytes(300 * 1024 * 1024), compresslevel=1)
    head = OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    async with peer(then_silence(head + bomb)) as provider:
        with pytest.raises(BadAnswer, match="200 times"):
            await ask(upstream, provider.post(), limit=1 << 30)
        assert upstream.open_connections == 0


@pytest.mark.parametrize("packed", [b"hi", gzip.compress(b"hello")[:-4], gzip.compress(b"hello") + b"rubbish"])
async def test_a_body_that_is_not_the_gzip_it_says_is_a_bad_answer(upstream: PooledUpstream, packed: bytes) -> None:
    head = OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    async with peer(once(head + packed)) as provider:
        with pytest.raises(BadAnswer):
            await ask(upstream, provider.post())
