"""What a load balancer asks; none of it calls a provider."""

from __future__ import annotations

import msgspec

from emberway import __version__
from emberway.edge.endpoints.base import Endpoint, Tools
from emberway.edge.request import Request
from emberway.exchange import Headers

_JSON: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


async def alive(request: Request, tools: Tools) -> None:
    """The process runs."""
    await request.own(200, _JSON, b'{"status":"alive"}')


async def ready(request: Request, tools: Tools) -> None:
    """It takes calls: not while it starts or shuts down."""
    if tools.is_ready():
        await request.own(200, _JSON, b'{"status":"ready"}')
    else:
        await request.own(503, [*_JSON, (b"retry-after", b"1")], b'{"status":"not ready"}')


async def health(request: Request, tools: Tools) -> None:
    """The form that Portkey's hosted gateway answers (captured)."""
    body = {"status": "success", "message": "Server is healthy", "version": __version__}
    await request.own(200, _JSON, msgspec.json.encode(body))


async def welcome(request: Request, tools: Tools) -> None:
    """For whoever opens the address in a browser."""
    body = {
        "name": "Emberway",
        "version": __version__,
        "api": "/v1",
        "try": "POST /v1/chat/completions with your key in x-portkey-api-key and x-portkey-provider: @emulator",
    }
    await request.own(200, _JSON, msgspec.json.encode(body))


HEALTH = (
    Endpoint("welcome", "/", ("GET", "HEAD"), welcome, anonymous=True),
    Endpoint("livez", "/livez", ("GET", "HEAD"), alive, anonymous=True),
    Endpoint("readyz", "/readyz", ("GET", "HEAD"), ready, anonymous=True),
    Endpoint("health", "/health", ("GET", "HEAD"), health, anonymous=True),
)
