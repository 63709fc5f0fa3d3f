"""An upstream that writes down every request byte for byte and answers what it was told to."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.process import PATIENCE

CHAT = {
    "id": "c1c08c27-475e-4b4c-9b3a-2d6c1e3a7f10",
    "object": "chat.completion",
    "created": 1763800000,
    "model": "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Recorded."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 21, "completion_tokens": 2, "total_tokens": 23},
}
"""A chat answer in the shape of the provider's (Fireworks' published response schema)."""

IMAGES = [{"base64": "aW1hZ2U=", "finishReason": "SUCCESS", "seed": 7}]
"""An image answer as ``POST /image_generation/{model}`` gives it for ``Accept: application/json``."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came over the wire."""

    raw: bytes
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """The only value of a header, or None; AssertionError if it came more than once."""
        values = [value for known, value in self.headers if known == name]
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer to give; its ``content-length`` is seen to."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"{}"

    def encode(self) -> bytes:
        """The answer's bytes."""
        lines = [f"HTTP/1.1 {self.status} Canned", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join((*lines, "", "")).encode() + self.body


@dataclass(slots=True)
class Recorder:
    """What came in, and what to answer: the canned answer while one is set, else a good one of the endpoint's shape."""

    port: int
    seen: list[Seen] = field(default_factory=list)
    answer: Canned | None = None
    connections: int = 0
    """Opened since the sheet was blank."""
    gate: threading.Event | None = None
    """While set, an answer stops after its first event until the gate opens."""

    @property
    def base_url(self) -> str:
        """What the gateway is given as the provider's address."""
        return f"http://127.0.0.1:{self.port}/inference/v1"

    def reset(self) -> None:
        """Forget what came in and what to answer."""
        self.seen.clear()
        self.answer = self.gate = None
        self.connections = 0

    @property
    def only(self) -> Seen:
        """The one request that came; AssertionError if there was another number of them."""
        assert len(self.seen) == 1, [f"{seen.method} {seen.target}" for seen in self.seen]
        return self.seen[0]

    def reply(self, seen: Seen) -> Iterator[bytes]:
        """Note a request and give the answer to it, in pieces that are to be sent as they come."""
        self.seen.append(seen)
        answer = (self.answer or _good_answer(seen)).encode()
        if self.gate is not None:
            first, end, answer = answer.partition(b"}\n\n")
            yield first + end
            assert self.gate.wait(PATIENCE), "the gate stayed closed"
        yield answer


@contextmanager
def recording() -> Iterator[Recorder]:
    """A recorder that listens on a free port of the loopback."""
    with _Server(("127.0.0.1", 0), _Connection) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.recorder
        finally:
            server.shutdown()
            server.hang_up()
            thread.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.recorder = Recorder(self.server_address[1])
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        self.recorder.connections += 1
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wake the threads that wait for another request on a connection that is kept alive."""
        for connection in tuple(self._open):
            connection.shutdown(socket.SHUT_RDWR)


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            while (seen := self._read()) is not None:
                for piece in self.server.recorder.reply(seen):
                    self.wfile.write(piece)
        except OSError:
            return  # The gateway may hang up whenever it likes: what it sent is noted.

    def _read(self) -> Seen | None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return None
            head += line
        request_line, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        method, target, _ = request_line.split(" ")
        framing = dict(headers)
        raw, body = (
            self._chunked() if "transfer-encoding" in framing else self._sized(framing.get("content-length", "0"))
        )
        return Seen(head + raw, method, target, headers, body)

    def _sized(self, length: str) -> tuple[bytes, bytes]:
        body = self.rfile.read(int(length))
        return body, body

    def _chunked(self) -> tuple[bytes, bytes]:
        raw = body = b""
        while True:
            line = self.rfile.readline()
            size = int(line.split(b";")[0], 16)
            chunk = self.rfile.read(size + 2)
            raw, body = raw + line + chunk, body + chunk[:-2]
            if size == 0:
                return raw, body


def _good_answer(seen: Seen) -> Canned:
    if "/image_generation/" in seen.target:
        return _json(IMAGES)
    if seen.body.startswith(b"{") and seen.json.get("stream"):
        return Canned(200, (("content-type", "text/event-stream"),), _events())
    return _json(CHAT)


def _json(value: object) -> Canned:
    return Canned(200, (("content-type", "application/json"),), json.dumps(value).encode())


def _events() -> bytes:
    head = {name: CHAT[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant"}, None),
        ({"content": "Recor"}, None),
        ({"content": "ded."}, None),
        ({}, "stop"),
    ]
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
    return b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"
