"""The smallest client of an ASGI application: one call in, the whole answer out, in the calling thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message

from fireworks_emulator.app import Application
from fireworks_emulator.distortion import Cut
from fireworks_emulator.settings import Settings

LLAMA = "accounts/fireworks/models/llama-v3p1-405b-instruct"
AUTHORIZATION = {"authorization": "Bearer fw_test"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``whole`` False: the connection was cut."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool = True

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The text of an error in shape A, B or F."""
        return str(self.json["error"]["message"])

    @property
    def events(self) -> list[Any]:
        """The objects of an event stream, without the closing mark."""
        return [json.loads(data) for data in self.data() if data != b"[DONE]"]

    def data(self) -> Iterator[bytes]:
        """The data of each event."""
        for line in self.body.split(b"\n"):
            if line.startswith(b"data: "):
                yield line.removeprefix(b"data: ")


@dataclass(slots=True)
class Api:
    """An emulator in this process."""

    settings: Settings = field(default_factory=Settings)
    log: Callable[[str], None] | None = None
    application: Application = field(init=False)

    def __post_init__(self) -> None:
        self.application = Application(self.settings, self.log)

    def post(self, path: str, body: Any, headers: Mapping[str, str] = {}, *, fault: str | None = None) -> Answer:
        """Send a JSON object, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        extra = {"x-emulator-fault": fault} if fault else {}
        return self.send("POST", path, data, {**AUTHORIZATION, **headers, **extra})

    def get(self, path: str, headers: Mapping[str, str] = AUTHORIZATION) -> Answer:
        """Ask for a path, which may have a query."""
        return self.send("GET", path, b"", headers)

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One call."""
        return asyncio.run(self._send(method, path, body, headers))

    def chat(self, question: str = "What is the capital of France?", fault: str | None = None, **fields: Any) -> Answer:
        """Ask a chat model, Llama 3.1 405B unless another is named."""
        messages = [{"role": "user", "content": question}]
        return self.post(
            "/inference/v1/chat/completions", {"model": LLAMA, "messages": messages, **fields}, fault=fault
        )

    async def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        received: list[Message] = []
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])
        never = asyncio.Event()

        async def receive() -> Message:
            for message in messages:
                return message
            await never.wait()
            raise AssertionError

        async def send(message: Message) -> None:
            received.append(message)

        whole = True
        try:
            await self.application(scope(method, path, headers), receive, send)
        except Cut:
            whole = False
        start, *rest = received
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(part.get("body", b"") for part in rest), whole)


def scope(method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The scope of an HTTP call."""
    plain, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }


def text(chunks: list[Any], name: str = "content") -> str:
    """The text of a stream of chat chunks."""
    return "".join(chunk["choices"][0]["delta"].get(name) or "" for chunk in chunks if chunk["choices"])
