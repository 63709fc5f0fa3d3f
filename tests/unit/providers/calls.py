"""Makes calls for the tests of the providers, the way the edge makes them."""

from __future__ import annotations

from typing import Any

import msgspec

from emberway.exchange import CallOptions, Headers
from emberway.providers.base import Call, Provider, Written
from emberway.providers.fireworks import FIREWORKS
from emberway.wire.fields import read_fields

PATHS = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "images": "/images/generations",
    "passthrough": "/rerank",
}
MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
MESSAGES = [{"role": "user", "content": "Hi"}]


def call(
    body: dict[str, Any] | bytes,
    endpoint: str = "chat",
    *,
    path: str | None = None,
    model: str | None = None,
    package_version: str | None = None,
    headers: Headers | None = None,
) -> Call:
    """A call with this body; ``model``: what the gateway settled on, where that is not the body's."""
    text = body if isinstance(body, bytes) else msgspec.json.encode(body)
    fields = read_fields(text)
    return Call(
        endpoint=endpoint,
        method="POST",
        path=path or PATHS[endpoint],
        query=b"",
        headers=headers or [],
        options=CallOptions(package_version=package_version),
        body=text,
        fields=fields,
        model=model or fields.model,
        received=1_795_305_600.0,
    )


def chat(**fields: Any) -> Call:
    """A chat call with a full model name, a message and ``fields``."""
    return call({"model": MODEL, "messages": MESSAGES, **fields})


def write(one: Call, provider: Provider = FIREWORKS) -> Written:
    """What the provider's dialect makes of a call."""
    dialect = provider.dialects[one.endpoint]
    assert dialect.write is not None
    return dialect.write(one)


def sent(written: Written) -> Any:
    """The body on the wire, decoded."""
    return msgspec.json.decode(written.body)
