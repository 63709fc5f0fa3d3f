"""A whole gateway in this process: a client made of ASGI messages in front, a scripted provider behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from emberway.accounts.keys import record_of
from emberway.app import Gateway
from emberway.exchange import Headers
from emberway.launch import EmulatorAt, Launch
from emberway.secret import Secret
from emberway.settings import Settings
from emberway.telemetry import AccessLog
from emberway.upstream.request import request_head
from emberway.upstream.scripted import Script, Scripted, ScriptedAnswer, ScriptedUpstream, Sent

KEY = "ew-key-of-this-gateway"
PROVIDER_KEY = "fw_of-the-caller"
SECRET_OF_EMULATOR = Secret("fw_of-the-emulator")
MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
CHAT = b'{ "model":"%b", "messages":[{"role":"user","content":"Hi \\u00e9"}],"temperature":1.0e0}' % MODEL.encode()
STREAM = CHAT[:-1] + b',"stream":true}'
LOGIN: Headers = [
    (b"content-type", b"application/json"),
    (b"x-portkey-api-key", KEY.encode()),
    (b"x-portkey-provider", b"fireworks-ai"),
    (b"authorization", b"Bearer " + PROVIDER_KEY.encode()),
]
EVENTS: Headers = [(b"content-type", b"text/event-stream")]
PATIENCE = 5.0
"""Seconds after which a call that goes on counts as hung."""


def without(headers: Headers, *names: bytes) -> Headers:
    """``headers`` less those called ``names``."""
    return [header for header in headers if header[0] not in names]


@dataclass
class Reply:
    """What the client has got so far."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    is_whole: bool = False
    is_cut: bool = False
    """Whether the application failed, on which a server breaks the connection."""

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The envelope's inside."""
        error: dict[str, Any] = self.json["error"]
        return error

    @property
    def names(self) -> set[str]:
        return {name.decode() for name, _ in self.headers}

    def header(self, name: str) -> str | None:
        """The one header called ``name``."""
        values = [value.decode("latin-1") for given, value in self.headers if given.decode() == name]
        assert len(values) <= 1, f"{name} stands there more than once: {values}"
        return values[0] if values else None


class Visit:
    """One request under way. The client's body comes from :meth:`feed`; its reading can be :meth:`hold`-ed back."""

    def __init__(self, house: House, scope: dict[str, Any]) -> None:
        self.reply = Reply()
        self.taken = 0
        """Bytes of the body that the application took."""
        self._coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reads = asyncio.Event()
        self._reads.set()
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._serve(house, scope))

    def feed(self, piece: bytes, *, more: bool = True) -> None:
        """Send a piece of the body."""
        self._coming.put_nowait({"type": "http.request", "body": piece, "more_body": more})

    def hang_up(self) -> None:
        """Go away."""
        self._coming.put_nowait({"type": "http.disconnect"})

    def hold(self) -> None:
        """Stop reading: the application's next ``send`` waits."""
        self._reads.clear()

    def go_on(self) -> None:
        """Read again."""
        self._reads.set()

    async def until(self, happened: Callable[[Reply], bool]) -> None:
        """Wait until the reply has come that far."""
        async with asyncio.timeout(PATIENCE):
            while not happened(self.reply):
                self._news.clear()
                await self._news.wait()

    async def finished(self) -> Reply:
        """The reply, once the application is done with the request."""
        async with asyncio.timeout(PATIENCE):
            await self._task
        return self.reply

    async def _serve(self, house: House, scope: dict[str, Any]) -> None:
        try:
            await house.edge(scope, self._receive, self._send)
        except Exception:
            self.reply.is_cut = True

    async def _receive(self) -> dict[str, Any]:
        message = await self._coming.get()
        self.taken += len(message.get("body", b""))
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert not self.reply.status, "a second head"
            self.reply.status = message["status"]
            self.reply.headers = list(message["headers"])
        else:
            assert not self.reply.is_whole, "bytes after the end"
            self.reply.pieces.append(message.get("body", b""))
            self.reply.is_whole = not message.get("more_body", False)
        self._news.set()
        await self._reads.wait()


class House:
    """The gateway, wired as in production but for its upstream. ``provider`` says what that answers, in turn."""

    def __init__(
        self, provider: Iterable[Scripted] | Script = (), settings: Settings | None = None, *, emulator: bool = False
    ) -> None:
        self.upstream = ScriptedUpstream(provider) if callable(provider) else ScriptedUpstream.in_turn(*provider)
        pepper = bytes(32)
        self.launch = Launch(
            settings or Settings(),
            pepper,
            (record_of(pepper, KEY, ""),),
            EmulatorAt("http://127.0.0.1:9/inference/v1", SECRET_OF_EMULATOR) if emulator else None,
        )
        self._lines = StringIO()
        self._log = AccessLog("json", self._lines)
        self.edge = Gateway(self.launch, self.upstream).edge(self._log)

    def begin(self, method: str, path: str, headers: Headers = LOGIN, *, query: bytes = b"") -> Visit:
        """Send a request's head; its body is for the caller to feed."""
        raw = path.encode("latin-1")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": raw,
            "query_string": query,
            "headers": list(headers),
        }
        return Visit(self, scope)

    async def call(
        self, method: str, path: str, body: bytes = b"", headers: Headers = LOGIN, *, query: bytes = b""
    ) -> Reply:
        """A whole request and its whole reply."""
        visit = self.begin(method, path, [*headers, (b"content-length", b"%d" % len(body))], query=query)
        visit.feed(body, more=False)
        return await visit.finished()

    async def chat(self, body: bytes = CHAT, headers: Headers = LOGIN) -> Reply:
        """A chat call."""
        return await self.call("POST", "/v1/chat/completions", body, headers)

    @property
    def only(self) -> Sent:
        """The one request that went upstream."""
        assert len(self.upstream.sent) == 1, f"{len(self.upstream.sent)} requests went upstream"
        return self.upstream.sent[0]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The access log."""
        self._log.flush()
        return [json.loads(line) for line in self._lines.getvalue().splitlines()]

    @property
    def line(self) -> dict[str, Any]:
        """The one line of the access log."""
        (line,) = self.lines
        return line


def answer(body: bytes = b'{"id":"1"}', status: int = 200, *headers: tuple[bytes, bytes]) -> ScriptedAnswer:
    """A provider's whole answer; JSON, where no header says otherwise."""
    return ScriptedAnswer(status, list(headers) or [(b"content-type", b"application/json")], (body,))


def head_of(sent: Sent) -> dict[str, str]:
    """The head that a request has on the wire: ``:`` is its first line, the rest are its headers, each once."""
    line, *fields = request_head(sent.outbound).decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    pairs = [field.split(": ", 1) for field in fields]
    assert len({name for name, _ in pairs}) == len(pairs), f"a header stands there twice: {fields}"
    return {":": line, **dict(pairs)}
