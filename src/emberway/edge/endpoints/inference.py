"""The JSON endpoints of inference: read the body once, hand the call to the pipeline."""

from __future__ import annotations

import time

from emberway.edge.body import no_body, read_rest
from emberway.edge.endpoints.base import Endpoint, Handler, Tools
from emberway.edge.request import Request
from emberway.providers.base import Call
from emberway.wire.fields import read_fields


def _inference(name: str) -> Handler:
    async def handle(request: Request, tools: Tools) -> None:
        message = await request.receive()
        body = message.get("body", b"")
        more = message.get("more_body", False)
        request.body_is_read = not more
        if more or len(body) > tools.limits.body or b"content-encoding" in request.named:
            body = await read_rest(message, request.next_piece, request.named, tools.limits.body)
        if not body:
            raise no_body(message)
        fields = read_fields(body)
        exchange = request.exchange
        model = fields.model
        exchange.model = model or ""
        call = Call(
            name,
            request.method,
            request.path.below,
            request.query,
            request.headers,
            request.options,
            body,
            fields,
            model,
            time.time(),
            request.named.keys(),
        )
        await tools.pipeline.run(call, exchange, request)

    return handle


INFERENCE = (
    Endpoint("chat", "/chat/completions", ("POST",), _inference("chat")),
    Endpoint("completions", "/completions", ("POST",), _inference("completions")),
    Endpoint("embeddings", "/embeddings", ("POST",), _inference("embeddings")),
    Endpoint("images", "/images/generations", ("POST",), _inference("images")),
)
