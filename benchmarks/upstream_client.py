"""What a call through the pooled client costs, beside the same bytes written and read by hand.

Runs against `instant_upstream.py` from 32 concurrent tasks and prints microseconds of CPU per call, the process's own
and the kernel's, for the client and for raw asyncio streams that only look for the end of the answer: medians of
alternating rounds, with their ratio. The kernel's share differs because the slower caller finds the upstream asleep and
pays for waking it. Then the receipts of single tricks, in nanoseconds.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import subprocess
import sys
import timeit
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import uvloop

from emberway.upstream import request
from emberway.upstream.base import Origin, Outbound
from emberway.upstream.client import PooledUpstream

TASKS = 32
REQUESTS = 1000
ROUNDS = 7
TARGET = b"/v1/chat/completions"
BODY = b'{"model":"m","messages":[{"role":"user","content":"What is the capital of France?"}]}'
HEADERS = [
    (b"content-type", b"application/json"),
    (b"accept", b"application/json"),
    (b"authorization", b"Bearer fw_0123456789abcdefghij"),
    (b"user-agent", b"emberway"),
]

Call = Callable[[], Awaitable[None]]


async def with_client(origin: Origin) -> tuple[Call, Callable[[], Awaitable[None]]]:
    """One call through the client, and how to close it; its head's start is made once, as for calls that are alike."""
    upstream = PooledUpstream()
    start = request.head_start("POST", TARGET, HEADERS, origin)
    outbound = Outbound("POST", origin, TARGET, HEADERS, BODY, start=start)

    async def call() -> None:
        inbound = await upstream.send(outbound)
        await inbound.read(1 << 20)
        inbound.close()

    return call, upstream.aclose


async def with_streams(origin: Origin) -> tuple[Call, Callable[[], Awaitable[None]]]:
    """The same bytes over plain streams: no pool to speak of, no deadlines, no checks."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    written = request.request_head(Outbound("POST", origin, TARGET, HEADERS, BODY)) + BODY

    async def call() -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(origin.host, origin.port)
        writer.write(written)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.rpartition(b"content-length: ")[2]))
        idle.append((reader, writer))

    async def close() -> None:
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()

    return call, close


async def cost(call: Call) -> tuple[float, float]:
    """Microseconds per call, of TASKS tasks that make REQUESTS calls each: our own, and the kernel's."""

    async def task() -> None:
        for _ in range(REQUESTS):
            await call()

    before = os.times()
    await asyncio.gather(*(task() for _ in range(TASKS)))
    after = os.times()
    calls = TASKS * REQUESTS / 1e6
    return (after.user - before.user) / calls, (after.system - before.system) / calls


async def compare(port: int) -> None:
    """Alternate between both ways, so that a slow moment of the machine hits them alike."""
    origin = Origin("http", "127.0.0.1", port, trusted=True)
    ways = {"client": await with_client(origin), "raw streams": await with_streams(origin)}
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (call, _close) in ways.items():
            measured[name].append(await cost(call))
    whole: dict[str, float] = {}
    for name, (_, close) in ways.items():
        await close()
        own, kernel = (median(column) for column in zip(*measured[name], strict=True))
        whole[name] = own + kernel
        print(f"{name:32} {own:6.1f} µs of our own, {kernel:5.1f} µs in the kernel")
    print(f"{'client / raw streams':32} {whole['client'] / whole['raw streams']:6.2f}")


def receipts() -> None:
    """What single tricks save."""

    def checked(name: bytes, value: bytes) -> bytes:
        if not request._TOKEN.fullmatch(name) or name.lower() in request.OURS:
            raise ValueError
        return b"\r\n" + name + b": " + value

    def polled() -> bool:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    names, name, value = request._NAMES, b"content-type", b"application/json"
    print(f"{'header name remembered':32} {nanoseconds(lambda: names[name] + value):6.0f} ns")
    print(f"{'header name checked':32} {nanoseconds(lambda: checked(name, value)):6.0f} ns")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        descriptor = ours.fileno()
        print(f"{'idle connection asked (poll)':32} {nanoseconds(polled):6.0f} ns")


def nanoseconds(once: Callable[[], object]) -> float:
    """The cost of one call, the best of five."""
    return min(timeit.repeat(once, number=50_000, repeat=5)) / 50_000 * 1e9


def main() -> None:
    """Start the upstream, measure, stop it."""
    program = [sys.executable, str(Path(__file__).with_name("instant_upstream.py"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as upstream:
        assert upstream.stdout is not None
        try:
            uvloop.run(compare(int(upstream.stdout.readline())))
        finally:
            upstream.terminate()
    receipts()


if __name__ == "__main__":
    main()
