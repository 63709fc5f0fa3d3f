"""Every other path below ``/v1`` that a provider may have: bytes in, bytes out."""

from __future__ import annotations

import time

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from emberway.edge.body import declared_length, read_whole, stream
from emberway.edge.endpoints.base import Endpoint, Tools
from emberway.edge.request import Request
from emberway.providers.base import Call
from emberway.wire.fields import Fields, refuse_repeated_keys


class _Loose(Struct):
    """Paths that we do not know may give these names another meaning, so nothing is demanded of them."""

    model: Raw | UnsetType = UNSET


_loose = msgspec.json.Decoder(_Loose)


async def pass_through(request: Request, tools: Tools) -> None:
    """A JSON body is read for its model's name; anything else goes on piece by piece as it comes."""
    head = request.head
    is_json = head.named.get(b"content-type", b"").lower().startswith(b"application/json")
    length = declared_length(head.named, tools.limits.upload)
    # A request that says nothing of a body has none (RFC 9112 section 6.3), and must not get an empty one.
    has_body = bool(length) or (length is None and b"transfer-encoding" in head.named)
    upload = None
    body = b""
    if has_body and not is_json:
        upload = stream(request.next_upload_piece, tools.limits.upload)
    else:
        body = await read_whole(request.next_piece, head.named, tools.limits.body)
    fields = Fields(model=_model_in(body) if is_json else None)
    request.exchange.model = fields.model or ""
    call = Call(
        "passthrough",
        head.method,
        head.path.wire,
        head.query,
        head.headers,
        head.options,
        body,
        fields,
        fields.model,
        time.time(),
        head.named.keys(),
    )
    await tools.pipeline.run(call, request.exchange, request, upload)


def _model_in(body: bytes) -> str | None:
    """The top-level ``model`` of a JSON object, if it is a text; any other body is the provider's to judge."""
    try:
        if not body.isascii():
            body.decode()
        model = _loose.decode(body).model
        name = None if model is UNSET else msgspec.json.decode(model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    name = name if isinstance(name, str) else None
    refuse_repeated_keys(body, Fields(model=name))
    return name


PASSTHROUGH = Endpoint("passthrough", "/", ("GET", "POST", "PUT", "PATCH", "DELETE"), pass_through)
