"""The JSON endpoints of inference: read the body once, hand the call to the pipeline."""

from __future__ import annotations

import time

from emberway.edge.body import read_whole
from emberway.edge.endpoints.base import Endpoint, Handler, Tools
from emberway.edge.request import Request
from emberway.errors import InvalidCall
from emberway.providers.base import Call
from emberway.wire.fields import read_fields


def _inference(name: str) -> Handler:
    async def handle(request: Request, tools: Tools) -> None:
        body = await read_whole(request.receive, request.named, tools.limits.body)
        request.body_is_read = True
        if not body:
            raise InvalidCall("The request has no body. Send one JSON object.", code="missing_body")
        fields = read_fields(body)
        request.exchange.model = fields.model or ""
        call = Call(
            name,
            request.method,
            request.path.below,
            request.query,
            request.headers,
            request.options,
            body,
            fields,
            fields.model,
            received=time.time(),
        )
        await tools.pipeline.run(call, request.exchange, request)

    return handle


INFERENCE = (
    Endpoint("chat", "/chat/completions", ("POST",), _inference("chat")),
    Endpoint("completions", "/completions", ("POST",), _inference("completions")),
    Endpoint("embeddings", "/embeddings", ("POST",), _inference("embeddings")),
    Endpoint("images", "/images/generations", ("POST",), _inference("images")),
)
