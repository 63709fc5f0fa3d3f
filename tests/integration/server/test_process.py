"""One worker process: signals, exit code, and nothing said on the way."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

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
def worker(descriptors: int = 1024) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that serves and may open so many files, and its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        process = subprocess.Popen(
            [
                "prlimit",
                f"--nofile={descriptors}",
                sys.executable,
                "-X",
                "dev",
                "-W",
                "error",
                "-c",
                PROGRAM,
                str(listener.fileno()),
            ],
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


def stop_twice(process: subprocess.Popen[str], port: int) -> None:
    """Two signals, and not so close to each other that the system makes them one."""
    process.send_signal(signal.SIGTERM)
    while is_accepting(port):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)


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
        stop_twice(process, port)

        assert process.communicate(timeout=10)[0] == "ended\n"
        assert process.returncode == 0
        assert client.recv(100) == b""


def test_a_flood_of_connections_leaves_those_that_were_there_alone():
    with worker(descriptors=256) as (process, port), ask(port, "/endless") as stream, ExitStack() as flood:
        crowd = [flood.enter_context(socket.create_connection(("127.0.0.1", port), 10)) for _ in range(400)]
        refused = [client for client in crowd if was_refused(client)]
        for client in crowd:
            client.close()

        assert len(refused) >= 400 - (256 - 64)
        ask(port, "/").close()
        stream.setblocking(False)
        with pytest.raises(BlockingIOError):
            stream.recv(1)
        stop_twice(process, port)
        process.wait(10)


def was_refused(client: socket.socket) -> bool:
    """Whether an answer, or the end, has come to a client that has said nothing."""
    client.settimeout(0.01)
    try:
        answer = client.recv(65536)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return not answer or answer.startswith(b"HTTP/1.1 503 ")
