"""The nouns of one request's life: who calls, what they asked for, what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from emberway.secret import Secret

Headers = list[tuple[bytes, bytes]]
"""Header names in lower case and values, in wire order."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a call belongs to."""

    key_id: str
    name: str
    scopes: frozenset[str] = frozenset()


class CallOptions(Struct, eq=False):
    """What the ``x-portkey-*`` headers, ``authorization`` and ``x-api-key`` say, one field each.

    Calls whose headers say the same share one object for a while (``edge/callers.py``), so nothing in it is about a
    single call. A header that is absent or empty is ``None``.
    """

    api_key: Secret | None = None
    authorization: Secret | None = None
    """``authorization`` without its ``Bearer``."""
    x_api_key: Secret | None = None
    provider: str | None = None
    virtual_key: str | None = None
    config: str | None = None
    custom_host: str | None = None
    forward_headers: tuple[str, ...] = ()
    """Lower-case, ``_`` and camelCase folded to ``-``."""
    request_timeout: float | None = None
    """Seconds."""
    package_version: str | None = None
    """Set by Portkey's own SDKs and by no other client."""
    identity: Identity | None = None
    """Whose calls these are, once that is known."""
    target: object | None = None
    """Where they go, once that is known and if the headers alone decide it; ``pipeline/resolve.py`` keeps it here."""


class Usage(Struct, frozen=True):
    """Tokens that the provider counted; ``None`` where it said nothing."""

    prompt: int | None = None
    completion: int | None = None
    total: int | None = None
    cached: int | None = None
    reasoning: int | None = None


NO_USAGE = Usage()
"""Nothing was said."""


class Exchange(Struct, eq=False):
    """One client request with everything that happened to it; filled as it happens, read by the access line."""

    request_id: str
    trace_id: str
    started: float
    """Monotonic seconds."""
    method: str = ""
    path: str = ""
    endpoint: str = ""
    identity: Identity | None = None
    provider: str = ""
    model: str = ""
    """As the client asked for it."""
    status: int = 0
    error: str = ""
    """Code of the error that the client was told, if any."""
    changed: tuple[str, ...] = ()
    """Names of the rules that changed the call on its way to the provider."""
    warnings: tuple[str, ...] = ()
    upstream_seconds: float = 0.0
    """Time spent waiting for the provider, all its answers together."""
    first_token: float | None = None
    """Seconds from the start until the first piece of content of a stream passed."""
    finish_reason: str = ""
    response_model: str = ""
    usage: Usage = NO_USAGE
    client_gone: bool = False
