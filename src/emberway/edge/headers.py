"""``x-portkey-*`` request headers → :class:`CallOptions`, and the headers that every answer of ours carries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from emberway.errors import HeadersTooLarge, InvalidCall
from emberway.exchange import CallOptions, Exchange, Headers
from emberway.secret import Secret

MAX_COUNT = 100
"""Headers of one request."""
MAX_BYTES = 32 * 1024
"""Names and values of one request's headers together."""

Parse = Callable[[str], Any]

_NEVER_FORWARDED = frozenset(
    {
        "authorization", "x-api-key", "api-key", "cookie", "host", "content-length", "transfer-encoding", "connection",
        "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade", "expect",
        "accept-encoding", "content-encoding", "content-type",
        "metadata-flavor", "x-aws-ec2-metadata-token", "metadata",
    }
)  # fmt: skip
"""Framing, credentials and the headers that unlock cloud metadata: a caller's list cannot put them on our request."""


def _secret(value: str) -> Secret:
    return Secret(value)


def _bearer(value: str) -> Secret:
    """Less its ``Bearer``, in any case; Portkey's Node SDK sends the bare token (captured)."""
    scheme, _, token = value.partition(" ")
    return Secret(token.strip() if scheme.lower() == "bearer" else value)


def _milliseconds(value: str) -> float | None:
    """Seconds; a value that is no positive number is ignored, as the reference gateway does."""
    return int(value) / 1000 if len(value) < 12 and value.isascii() and value.isdigit() and int(value) > 0 else None


def _names(value: str) -> tuple[str, ...]:
    """A comma list or JSON list of header names as the SDKs spell them: ``x_custom``, ``xCustom``, ``x-custom``."""
    given: Iterable[str]
    if value.startswith("["):
        try:
            given = msgspec.json.decode(value.replace("'", '"'), type=list[str])
        except msgspec.DecodeError:
            raise InvalidCall(
                "The header x-portkey-forward-headers is neither a comma-separated nor a JSON list of header names.",
                param="x-portkey-forward-headers",
            ) from None
    else:
        given = value.split(",")
    names = tuple(re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", name.strip()).lower().replace("_", "-") for name in given)
    for name in names:
        if name in _NEVER_FORWARDED or name.startswith("x-portkey-"):
            raise InvalidCall(
                f"The header '{name}' cannot be forwarded to a provider. Take it out of x-portkey-forward-headers; "
                "a provider's key goes into Authorization.",
                param="x-portkey-forward-headers",
            )
    return tuple(name for name in names if name)


_READ: dict[bytes, tuple[str, Parse]] = {
    b"x-portkey-api-key": ("api_key", _secret),
    b"authorization": ("authorization", _bearer),
    b"x-api-key": ("x_api_key", _secret),
    b"x-portkey-provider": ("provider", str),
    b"x-portkey-virtual-key": ("virtual_key", str),
    b"x-portkey-config": ("config", str),
    b"x-portkey-trace-id": ("trace_id", str),
    b"traceparent": ("trace_parent", str),
    b"x-portkey-custom-host": ("custom_host", str),
    b"x-portkey-forward-headers": ("forward_headers", _names),
    b"x-portkey-request-timeout": ("request_timeout", _milliseconds),
    b"x-portkey-package-version": ("package_version", str),
}


def read_options(headers: Headers) -> CallOptions:
    """One pass over a request's headers (names in lower case); ``x-portkey-*`` headers that we do not know are ignored.

    The first of several equal headers counts. HeadersTooLarge beyond the limits.
    """
    options = CallOptions()
    for name, value in headers:
        known = _READ.get(name)
        if known is None:
            # The Node SDK leaves snake_case option names as they are (captured): x-portkey-trace_id.
            if b"_" not in name or not name.startswith(b"x-portkey-"):
                continue
            known = _READ.get(name.replace(b"_", b"-"))
            if known is None:
                continue
        field, parse = known
        if getattr(options, field) is None:
            setattr(options, field, parse(value.decode("latin-1").strip()) or None)
    if len(headers) > MAX_COUNT or sum(map(len, chain.from_iterable(headers))) > MAX_BYTES:
        raise HeadersTooLarge(
            f"At most {MAX_COUNT} headers of {MAX_BYTES} bytes together are accepted. Send long objects, such as a "
            "routing config, as saved ones by their slug."
        )
    if options.trace_parent is not None and options.trace_id is None:
        options.trace_id = _trace_of(options.trace_parent)
    return options


_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def _trace_of(trace_parent: str) -> str | None:
    """The trace id in a W3C ``traceparent``; ``None`` for a malformed one."""
    match = _TRACE_PARENT.match(trace_parent)
    return match[1] if match else None


_PASSED_ON = frozenset(
    {
        b"content-type", b"content-length", b"retry-after", b"retry-after-ms", b"x-should-retry",
        b"content-disposition",
        b"content-language", b"content-range", b"accept-ranges", b"etag", b"last-modified", b"cache-control", b"seed",
        b"finish-reason", b"warning", b"location", b"www-authenticate", b"allow",
    }
)  # fmt: skip
_PASSED_ON_PREFIXES = (b"x-ratelimit-", b"ratelimit-", b"openai-", b"anthropic-", b"fireworks-", b"x-fireworks-")


@lru_cache(maxsize=512)
def _name_for_the_client(name: bytes) -> bytes | None:
    """What a provider's header is called in our answer; ``None``: it stays here."""
    if name == b"x-request-id":
        return b"x-upstream-request-id"
    return name if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES) else None


def provider_headers(headers: Headers) -> Headers:
    """Those of a provider's answer that the client gets: an allow-list, so that no cookie or internal header leaks.

    The provider's request id moves to ``x-upstream-request-id``; ours is ``x-request-id``.
    """
    return [(ours, value) for name, value in headers if (ours := _name_for_the_client(name)) is not None]


@lru_cache(maxsize=512)
def _of_provider(slug: str) -> Headers:
    return [
        (b"x-portkey-provider", slug.encode("latin-1")),
        (b"x-portkey-last-used-option-index", b"config"),
        (b"x-portkey-retry-attempt-count", b"0"),
        (b"x-portkey-cache-status", b"DISABLED"),
    ]


def own_headers(exchange: Exchange, now: float) -> Headers:
    """The headers that every answer carries, errors included; names and values as Portkey's clients read them."""
    gateway = (now - exchange.started - exchange.upstream_seconds) * 1000
    headers: Headers = [
        (b"x-request-id", exchange.request_id.encode()),
        (b"x-portkey-trace-id", exchange.trace_id.encode("latin-1")),
        (b"server-timing", b"gw;dur=%.2f, up;dur=%.2f" % (gateway, exchange.upstream_seconds * 1000)),
    ]
    if exchange.provider:
        headers += _of_provider(exchange.provider)
    if exchange.changed:
        headers.append((b"x-emberway-changed", ", ".join(exchange.changed).encode("latin-1", "replace")))
    if exchange.warnings:
        headers.append((b"x-emberway-warning", _line("; ".join(exchange.warnings))))
    return headers


def _line(text: str) -> bytes:
    """Any text as one header value: printable ASCII, at most 1,000 characters."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:1000].encode("ascii")
