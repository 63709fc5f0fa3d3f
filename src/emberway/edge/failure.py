"""The only place that knows how an error of ours looks on the wire."""

from __future__ import annotations

import msgspec

from emberway.errors import GatewayError, MethodNotAllowed
from emberway.exchange import Headers


def body_of(error: GatewayError, request_id: str) -> bytes:
    """OpenAI's envelope, with ``status`` and ``message`` repeated on top for Portkey's own clients."""
    return msgspec.json.encode(
        {
            "error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code},
            "status": "failure",
            "message": error.message,
            "request_id": request_id,
        }
    )


def headers_of(error: GatewayError) -> Headers:
    """The headers that tell clients what to do next: the official SDKs obey ``x-should-retry``."""
    headers: Headers = [(b"content-type", b"application/json")]
    if not error.retry:
        headers.append((b"x-should-retry", b"false"))
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="emberway"'))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if error.status >= 500:
        headers.append((b"x-portkey-gateway-exception", b"true"))
    if error.status == 503:
        headers.append((b"retry-after", b"1"))
    return headers
