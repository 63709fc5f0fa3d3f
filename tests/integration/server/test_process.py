"""One worker process: signals, exit code, and nothing said on the way."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PROGRAM = """
import asyncio, socket, sys
from emberway.server.server import run

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    if scope["path"] == "/endless":
        await asyncio.Event().wait()
    await send({"type": "http.response.body", "body": b"two"})

listener = socket.socket(fileno=int(sys.argv[1]))
run(lambda: app, [listener], on_ready=lambda: print("ready", flush=True), drain_timeout=60)
print("ended", flush=True)
"""


@contextmanager
def worker() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that serves, and its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        port = listener.getsockname()[1]
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process, port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(port: int, path: str) -> socket.socket:
    """A client whose answer has begun."""
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    got = b""
    while b"one" not in got:
        got += client.recv(65536)
    return client


def is_accepting(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_worker_cleanly_and_silently(number: signal.Signals):
    with worker() as (process, port):
        ask(port, "/").close()
        process.send_signal(number)

        assert process.communicate(timeout=10)[0] == "ended\n"
        assert process.returncode == 0


def test_a_second_signal_ends_streams():
    with worker() as (process, port), ask(port, "/endless") as client:
        process.send_signal(signal.SIGTERM)
        while is_accepting(port):
            pass
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)

        assert process.communicate(timeout=10)[0] == "ended\n"
        assert process.returncode == 0
        assert client.recv(100) == b""
