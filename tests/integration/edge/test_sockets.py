"""A real process between real sockets: what ends, stalls or leaks when either side behaves badly."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.acceptance.process import Served, gateway
from tests.integration.edge.house import CHAT, STREAM
from tests.integration.upstream.peer import Peer, Program, Wire

PATIENCE = 10.0
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices":[{"delta":{"content":"word"}}]}\n\n'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass(frozen=True)
class Stage:
    """A gateway, the place where its provider listens, and one where nobody should ever call."""

    served: Served
    listener: socket.socket
    canary: socket.socket

    @asynccontextmanager
    async def provider(self, program: Program) -> AsyncIterator[Peer]:
        """Run ``program`` for each connection that the gateway makes, until the block ends."""
        peer = Peer(program)
        server = await asyncio.start_server(peer.converse, sock=self.listener.dup())
        try:
            async with asyncio.timeout(PATIENCE * 2):
                yield peer
        finally:
            server.close()
            for conversation in list(peer.conversations):
                conversation.cancel()
            await asyncio.gather(*peer.conversations, return_exceptions=True)
            await server.wait_closed()
        assert not peer.failures, peer.failures

    def request(self, body: bytes = CHAT, *lines: bytes, path: bytes = b"/v1/chat/completions") -> bytes:
        """A POST as bytes."""
        head = (
            b"POST %b HTTP/1.1" % path,
            b"host: gateway",
            b"x-portkey-api-key: %b" % self.served.key.encode(),
            b"x-portkey-provider: fireworks-ai",
            b"authorization: Bearer fw_x",
            *(
                lines
                if any(line.startswith(b"content-type") for line in lines)
                else (*lines, b"content-type: application/json")
            ),
            b"content-length: %d" % len(body),
        )
        return b"\r\n".join(head) + b"\r\n\r\n" + body

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.served.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()

    @property
    def worker(self) -> Path:
        """The serving process, as the kernel shows it."""
        pid = self.served.process.pid
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return Path("/proc") / child


@dataclass(frozen=True)
class Client:
    """One connection to the gateway."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        status, headers = await self.head()
        if headers.get("transfer-encoding") != "chunked":
            return status, headers, await self.reader.readexactly(int(headers["content-length"]))
        pieces = []
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            pieces.append((await self.reader.readexactly(size + 2))[:-2])
        await self.reader.readexactly(2)
        return status, headers, b"".join(pieces)

    async def head(self) -> tuple[int, dict[str, str]]:
        """The next final head; "100 Continue" may come at any time before it (RFC 9110 section 15.2)."""
        status, headers = 100, {}
        while status < 200:
            line, *fields = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            status, headers = int(line.split(" ")[1]), dict(field.lower().split(": ", 1) for field in fields)
        return status, headers

    def reset(self) -> None:
        """Go without a word: RST in place of FIN."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=256) as listener,
        socket.create_server(("127.0.0.1", 0)) as canary,
    ):
        canary.setblocking(False)
        proxy = f"http://127.0.0.1:{canary.getsockname()[1]}"
        settings = {
            "EMBERWAY_FIREWORKS_BASE_URL": f"http://127.0.0.1:{listener.getsockname()[1]}/inference/v1",
            **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"), proxy),
        }
        with gateway(tmp_path_factory.mktemp("gateway"), settings=settings) as served:
            yield Stage(served, listener, canary)


async def polite(wire: Wire) -> None:
    """Answer with the name that the call was given."""
    while True:
        received = await wire.request()
        await wire.answer(_named(received.lines), b"200 OK", b"content-type: application/json")


def _named(lines: list[bytes]) -> bytes:
    return next((line.partition(b": ")[2] for line in lines if line.startswith(b"x-session-affinity")), b"{}")


@pytest.mark.anyio
async def test_the_provider_hears_within_a_tenth_of_a_second_that_a_client_has_gone_and_nothing_is_left(
    stage: Stage,
) -> None:
    loop = asyncio.get_running_loop()
    gone: dict[bytes, asyncio.Future[float]] = {}
    dice = random.Random(20)

    async def stream_until_left(wire: Wire) -> None:
        name = _named((await wire.request()).lines)
        sending = asyncio.ensure_future(send(wire, silent=int(name) % 5 == 0))
        await wire.until_closed()
        gone[name].set_result(loop.time())
        sending.cancel()

    async def send(wire: Wire, *, silent: bool) -> None:
        if silent:
            return  # a model that still thinks: there is no write by which to notice
        wire.writer.write(STREAM_HEAD)
        while not wire.writer.is_closing():
            wire.writer.write(chunk(EVENT))
            await asyncio.sleep(0.002)

    async def come_and_go(number: int) -> float:
        name = b"%d" % number
        gone[name] = loop.create_future()
        async with stage.client() as client:
            client.writer.write(stage.request(STREAM, b"x-session-affinity: " + name))
            if number % 5 == 0:
                while not any(_named(one.lines) == name for one in provider.requests):
                    await asyncio.sleep(0.001)
            else:
                await client.reader.readexactly(dice.randint(1, 3000))
            left = loop.time()
            client.reset() if number % 2 else client.writer.transport.abort()
            return await gone[name] - left

    async def in_a_row(numbers: range) -> list[float]:
        return [await come_and_go(number) for number in numbers]

    async with stage.provider(stream_until_left) as provider:
        await in_a_row(range(1, 2))  # whatever is opened once and kept
        open_before = len(list((stage.worker / "fd").iterdir()))
        lanes = await asyncio.gather(*(in_a_row(range(lane, lane + 25)) for lane in range(100, 200, 25)))
        seconds = sorted(second for lane in lanes for second in lane)
        while len(list((stage.worker / "fd").iterdir())) > open_before:
            await asyncio.sleep(0.01)  # until the time limit of the provider's block

    assert len(seconds) == 100
    # The product promises 100 ms at the 99th percentile; machines that run tests are shared, so 150 are allowed here.
    assert seconds[98] < 0.150, seconds[90:]


@pytest.mark.anyio
async def test_the_provider_hears_of_a_client_that_goes_during_its_upload_and_the_log_says_so(stage: Stage) -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    async def take(wire: Wire) -> None:
        await wire.head()
        await wire.reader.readexactly(1000)
        begun.set()
        await wire.until_closed()
        left.set()

    form = b"content-type: multipart/form-data; boundary=b"
    lines_before = stage.served.complaints.read_text().count('"client_gone":true')
    async with stage.provider(take), stage.client() as client:
        request = stage.request(b"x" * 1_000_000, form, path=b"/v1/audio/transcriptions")
        client.writer.write(request[:50_000])
        await begun.wait()
        client.reset()
        await left.wait()
        while stage.served.complaints.read_text().count('"client_gone":true') == lines_before:
            await asyncio.sleep(0.01)  # lines are written ten times a second

    last = json.loads(stage.served.complaints.read_text().splitlines()[-1])
    assert (last["path"], last["client_gone"]) == ("/v1/audio/transcriptions", True)
    assert "error" not in last


@pytest.mark.anyio
async def test_a_client_that_has_only_stopped_sending_gets_its_answer(stage: Stage) -> None:
    async def slow(wire: Wire) -> None:
        await wire.request()
        await asyncio.sleep(0.15)  # several rounds of the watch
        await wire.send(STREAM_HEAD)
        for _ in range(5):
            await asyncio.sleep(0.03)
            await wire.send(chunk(EVENT))
        await wire.send(b"0\r\n\r\n")

    async with stage.provider(slow), stage.client() as client:
        client.writer.write(stage.request(STREAM))
        client.writer.write_eof()

        status, _, body = await client.answer()

    assert (status, body) == (200, EVENT * 5)


@pytest.mark.anyio
async def test_a_client_that_reads_nothing_makes_the_provider_wait_and_costs_no_memory(stage: Stage) -> None:
    total = 48 * 2**20
    piece = chunk(b":" + b"x" * (2**16 - 3) + b"\n\n")
    written = 0
    stalled = asyncio.Event()

    async def flood(wire: Wire) -> None:
        nonlocal written
        await wire.request()
        wire.writer.write(STREAM_HEAD)
        while written < total:
            wire.writer.write(piece)
            written += 2**16
            drained = asyncio.ensure_future(wire.writer.drain())
            if not (await asyncio.wait((drained,), timeout=1.0))[0]:
                stalled.set()
            await drained
        await wire.send(b"0\r\n\r\n")

    def resident() -> int:
        return int((stage.worker / "statm").read_text().split()[1]) * 4096

    async with stage.provider(flood), stage.client() as client:
        before = resident()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
        client.writer.write(stage.request(STREAM))
        await stalled.wait()
        stalled_at, grown = written, resident() - before
        client.writer.transport.resume_reading()  # type: ignore[attr-defined]  # same
        _, _, body = await client.answer()

    # What was taken lies in the buffers of the kernel, up to 4 and 6 MiB for each of four socket ends.
    assert stalled_at < 24 * 2**20
    assert grown < 4 * 2**20
    assert len(body) == total


@pytest.mark.anyio
async def test_twenty_requests_sent_at_once_are_answered_in_their_order(stage: Stage) -> None:
    names = [b'{"n":%d}' % number for number in range(20)]

    async with stage.provider(polite), stage.client() as client:
        client.writer.write(b"".join(stage.request(CHAT, b"x-session-affinity: " + name) for name in names))

        answers = [await client.answer() for _ in names]

    assert [body for _, _, body in answers] == names
    assert {status for status, _, _ in answers} == {200}
    assert len({headers["x-request-id"] for _, headers, _ in answers}) == 20


@pytest.mark.anyio
async def test_a_packed_body_reaches_the_provider_unpacked_and_a_bomb_does_not(stage: Stage) -> None:
    bomb = gzip.compress(b" " * 2**23)

    async with stage.provider(polite) as provider, stage.client() as client:
        client.writer.write(stage.request(gzip.compress(CHAT), b"content-encoding: gzip"))
        good, _, _ = await client.answer()
        client.writer.write(stage.request(bomb, b"content-encoding: gzip"))
        bad, _, _ = await client.answer()
        client.writer.write(stage.request(CHAT, b"content-encoding: br"))
        unknown, _, _ = await client.answer()

    assert (good, bad, unknown) == (200, 413, 415)
    (received,) = provider.requests
    assert received.body == CHAT
    assert b"content-encoding" not in received.head


@pytest.mark.anyio
async def test_proxies_of_the_environment_are_not_used(stage: Stage) -> None:
    async with stage.provider(polite), stage.client() as client:
        client.writer.write(stage.request())
        status, _, _ = await client.answer()

    assert status == 200
    with pytest.raises(BlockingIOError):
        stage.canary.accept()


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["reset", "no terminator", "short of its length"])
async def test_a_provider_that_breaks_off_in_mid_stream_is_told_in_an_error_event(stage: Stage, way: str) -> None:
    async def break_off(wire: Wire) -> None:
        await wire.request()
        if way == "short of its length":
            await wire.send(STREAM_HEAD.replace(b"transfer-encoding: chunked", b"content-length: 9999"), EVENT)
        else:
            await wire.send(STREAM_HEAD, chunk(EVENT))
        await arrived.wait()
        if way == "reset":
            await wire.reset()

    arrived = asyncio.Event()
    async with stage.provider(break_off) as provider, stage.client() as client:
        client.writer.write(stage.request(STREAM))
        status, _ = await client.head()
        body = await client.reader.readuntil(EVENT)
        arrived.set()
        body += await client.reader.readuntil(b"\r\n0\r\n\r\n")

    assert status == 200
    assert b"event: error\ndata: " in body
    assert b"upstream_closed" in body
    assert b"[DONE]" not in body
    assert len(provider.requests) == 1


@pytest.mark.anyio
async def test_a_provider_that_never_answers_is_a_408_at_the_callers_deadline_and_is_hung_up_on(stage: Stage) -> None:
    left = asyncio.Event()

    async def mute(wire: Wire) -> None:
        await wire.request()
        await wire.until_closed()
        left.set()

    async with stage.provider(mute) as provider, stage.client() as client:
        started = time.monotonic()
        client.writer.write(stage.request(CHAT, b"x-portkey-request-timeout: 300"))
        status, _, body = await client.answer()
        took = time.monotonic() - started
        await left.wait()

    assert (status, json.loads(body)["error"]["type"]) == (408, "timeout_error")
    assert took >= 0.29
    assert len(provider.requests) == 1


@pytest.mark.anyio
async def test_a_provider_that_refuses_half_an_upload_is_heard(stage: Stage) -> None:
    async def refuse_early(wire: Wire) -> None:
        await wire.head()
        await wire.reader.readexactly(65536)
        await wire.answer(b'{"error":{"message":"too much"}}', b"413 Content Too Large", b"connection: close")

    form = b"content-type: multipart/form-data; boundary=b"
    async with stage.provider(refuse_early), stage.client() as client:
        head, _, body = stage.request(b"x" * (10 * 2**20), form, path=b"/v1/audio/transcriptions").partition(
            b"\r\n\r\n"
        )
        client.writer.write(head + b"\r\n\r\n" + body[: 2**17])  # and no more until the answer is there
        status, headers, answer = await client.answer()

    assert (status, json.loads(answer)["error"]["message"]) == (413, "too much")
    assert headers["connection"] == "close"
