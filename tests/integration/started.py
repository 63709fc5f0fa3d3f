"""An ``emberway`` started as its operator starts it: a real process on a free port, and what a test asks of it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PATIENCE = 30.0
"""Seconds after which something that should have happened counts as missing."""
CHOSEN = "sesame-open-yourself"
"""A key of the operator."""
CHAT = {
    "model": "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "messages": [{"role": "user", "content": "Say this is a test"}],
}
FIRST_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
_OURS = ("EMBERWAY_", "PORTKEY_", "OPENAI_", "FIREWORKS_", "XDG_")


@dataclass(frozen=True, slots=True)
class Running:
    process: subprocess.Popen[bytes]
    folder: Path
    port: int

    @property
    def said(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def complained(self) -> str:
        return (self.folder / "stderr").read_text()

    @property
    def key(self) -> str:
        match = re.search(r"x-portkey-api-key: (ew_\w+)", self.said)
        assert match, self.said
        return match[1]

    def call(self, method: str, path: str, headers: Mapping[str, str], body: object = None) -> tuple[int, bytes]:
        """Status and body of the answer."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, json.dumps(body) if body else None, dict(headers))
            response = connection.getresponse()
            return response.status, response.read()

    def admits(self, key: str) -> bool:
        status, _ = self.call("GET", "/v1/models", {"x-portkey-api-key": key, "x-portkey-provider": "@emulator"})
        return status != 401

    def chat(self, key: str, provider: str = "@emulator") -> tuple[int, bytes]:
        headers = {"x-portkey-api-key": key, "x-portkey-provider": provider, "content-type": "application/json"}
        return self.call("POST", "/v1/chat/completions", headers, CHAT)

    @contextmanager
    def stream(self, provider: socket.socket) -> Iterator[tuple[BinaryIO, socket.socket]]:
        """A stream under way, its first event read: the client's end, and the end where ``provider`` writes."""
        body = json.dumps(CHAT | {"stream": True})
        call = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-portkey-api-key: {CHOSEN}\r\n"
            "x-portkey-provider: fireworks-ai\r\nauthorization: Bearer fw_x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}"
        )
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client, client.makefile("rb") as answer:
            client.sendall(call.encode())
            with provider.accept()[0] as writes:
                assert writes.recv(65536)
                writes.sendall(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + FIRST_EVENT
                )
                while answer.readline() != FIRST_EVENT.removesuffix(b"\n"):
                    pass
                yield answer, writes

    def ends(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(PATIENCE)

    @property
    def family(self) -> list[int]:
        """The process and all its children's children."""
        return [self.process.pid, *descendants(self.process.pid)]


def descendants(pid: int) -> list[int]:
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return children + [one for child in children for one in descendants(child)]


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return mine | {"HOME": str(home)} | settings


def run(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A start that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "emberway", *arguments],
        cwd=home,
        env=environment(home, settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def started(home: Path, *flags: str, command: str = "up", umask: int = -1, **settings: str) -> Iterator[Running]:
    """An `emberway up`, or another command that goes on, just called."""
    port = free_port()
    with (home / "stdout").open("wb") as out, (home / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "emberway", command, "--port", str(port), *flags],
            cwd=home,
            env=environment(home, settings),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            umask=umask,
            start_new_session=True,
        )
    running = Running(process, home, port)
    try:
        yield running
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
    assert "Traceback" not in running.complained, running.complained


@contextmanager
def gateway(home: Path, *flags: str, umask: int = -1, **settings: str) -> Iterator[Running]:
    """An `emberway up` that has said all it has to say."""
    with started(home, *flags, umask=umask, **settings) as running:
        wait_until(lambda: "Ctrl-C to stop\n" in running.said or running.process.poll() is not None)
        assert running.process.poll() is None, running.complained
        yield running


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def behind(provider: socket.socket) -> dict[str, str]:
    """Settings of a gateway whose provider is ours."""
    return {
        "EMBERWAY_EPHEMERAL": "true",
        "EMBERWAY_API_KEY": CHOSEN,
        "EMBERWAY_FIREWORKS_BASE_URL": f"http://127.0.0.1:{provider.getsockname()[1]}/inference/v1",
    }


@contextmanager
def provider() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener
