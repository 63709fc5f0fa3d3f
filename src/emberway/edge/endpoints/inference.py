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
        head = request.head
        if more or len(body) > tools.limits.body or b"content-encoding" in head.named:
            body = await read_rest(message, request.next_piece, head.named, tools.limits.body)
        if not body:
            raise no_body(message)
        fields = read_fields(body)
        exchange = request.exchange
        model = fields.model
        exchange.model = model or ""
        call = Call(
            name,
            head.method,
            head.path.below,
            head.query,
            head.headers,
            head.options,
            body,
            fields,
            model,
            time.time(),
            head.named.keys(),
        )
        await tools.pipeline.run(call, exchange, request)

    return handle


INFERENCE = (
    Endpoint("chat", "/chat/completions", ("POST",), _inference("chat")),
    Endpoint("completions", "/completions", ("POST",), _inference("completions")),
    Endpoint("embeddings", "/embeddings", ("POST",), _inference("embeddings")),
    Endpoint("images", "/images/generations", ("POST",), _inference("images")),
)
