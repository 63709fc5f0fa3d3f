"""Targets, calls and clients for the tests of the pipeline, without an edge around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from emberway.exchange import CallOptions, Exchange, Headers
from emberway.pipeline.attempt import Attempt
from emberway.pipeline.destination import Destination, Place
from emberway.providers.auth import bearer
from emberway.providers.base import Call, Provider
from emberway.secret import Secret
from emberway.upstream.addresses import BaseUrl, parse_base_url
from emberway.upstream.base import Deadlines, Inbound
from emberway.upstream.scripted import ScriptedUpstream
from emberway.wire.fields import Fields, read_fields

BODY = b'{"model":"m", "messages":[]}'
BASE: BaseUrl = parse_base_url("https://api.example.com/base", frozenset())
PROVIDER = Provider(slug="example", base_url="https://api.example.com/base", auth=bearer)


def exchange() -> Exchange:
    return Exchange("r", "t", 0.0)


def call(
    body: bytes = BODY,
    *,
    endpoint: str = "chat",
    method: str = "POST",
    path: str = "/chat/completions",
    query: bytes = b"",
    headers: Headers | None = None,
    options: CallOptions | None = None,
) -> Call:
    headers = headers or []
    fields = read_fields(body) if body else Fields()
    names = {name for name, _ in headers}
    return Call(
        endpoint, method, path, query, headers, options or CallOptions(), body, fields, fields.model, 0.0, names
    )


def destination(
    credential: str | None = "callers", *, provider: Provider = PROVIDER, forwarded: frozenset[bytes] = frozenset()
) -> Destination:
    secret = Secret(credential) if credential is not None else None
    return Destination(provider, Place(BASE), secret, Deadlines(), Deadlines(), forwarded)


def attempt(
    upstream: ScriptedUpstream, to: Destination | None = None, of: Call | None = None, place: Place | None = None
) -> Attempt:
    to = to or destination()
    return Attempt(upstream, of or call(), to, place or to.place or Place(BASE))


class Recipient:
    """A client that notes what it is sent; ``on_send`` runs while a piece is on its way."""

    def __init__(self, on_send: Callable[[], Awaitable[None]] | None = None) -> None:
        self.said: list[tuple[str, bytes]] = []
        self.status = 0
        self.headers: Headers = []
        self._on_send = on_send

    @property
    def body(self) -> bytes:
        return b"".join(data for _, data in self.said)

    @property
    def ending(self) -> str:
        """``end``, ``cut``, ``whole``, or the last thing that happened where there was no end."""
        return self.said[-1][0] if self.said else ""

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.status, self.headers = status, headers
        self.said.append(("whole", body))

    async def start(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers
        self.said.append(("start", b""))

    async def send(self, chunk: bytes) -> None:
        self.said.append(("send", chunk))
        if self._on_send is not None:
            await self._on_send()

    async def end(self) -> None:
        self.said.append(("end", b""))

    async def cut(self) -> None:
        self.said.append(("cut", b""))


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def sent(upstream: ScriptedUpstream, awaitable: Awaitable[Inbound]) -> Inbound:
    """The answer to one request, given back as its holder must."""
    inbound = await awaitable
    inbound.close()
    return inbound
