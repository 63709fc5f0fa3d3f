"""``x-portkey-*`` request headers → :class:`CallOptions`, and the headers that every answer of ours carries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from emberway.errors import HeadersTooLarge, InvalidCall
from emberway.exchange import CallOptions, Exchange, Headers
from emberway.secret import Secret
from emberway.wire.header_lines import header_lines, joined

MAX_COUNT = 100
"""Headers of one request. Their size is the server's to bound."""

_NEVER_FORWARDED = frozenset(
    {
        "authorization", "x-api-key", "api-key", "cookie", "host", "content-length", "transfer-encoding", "connection",
        "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade", "expect",
        "accept-encoding", "content-encoding", "content-type",
        "metadata-flavor", "x-aws-ec2-metadata-token", "metadata",
    }
)  # fmt: skip
"""Framing, credentials and the headers that unlock cloud metadata: a caller's list cannot put them on our request."""


def _text(value: bytes | None) -> str | None:
    """An empty header counts as none: Portkey's Python SDK sends those (captured)."""
    return value.decode("latin-1").strip() or None if value else None


def _secret(value: bytes | None) -> Secret | None:
    text = _text(value)
    return Secret(text) if text else None


def _bearer(value: bytes | None) -> Secret | None:
    """Less its ``Bearer``, in any case; Portkey's Node SDK sends the bare token (captured)."""
    if not value:
        return None
    if value[:7].lower() == b"bearer ":
        return _secret(value[7:])
    return _secret(value) if value.strip().lower() != b"bearer" else None


def _seconds(value: bytes | None) -> float | None:
    """Milliseconds → seconds; what is no positive number is ignored, as the reference gateway does."""
    return int(value) / 1000 if value and len(value) < 12 and value.isdigit() and int(value) > 0 else None


def _names(header: bytes | None) -> tuple[str, ...]:
    """A comma list or JSON list of header names as the SDKs spell them: ``x_custom``, ``xCustom``, ``x-custom``."""
    value = _text(header)
    if value is None:
        return ()
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


_SELDOM = (
    b"x-portkey-virtual-key",
    b"x-portkey-config",
    b"x-portkey-custom-host",
    b"x-portkey-forward-headers",
    b"x-portkey-request-timeout",
    b"x-portkey-package-version",
)
SELDOM_DECIDING = frozenset(_SELDOM)
DECIDING = (b"x-portkey-api-key", b"authorization", b"x-api-key", b"x-portkey-provider", *_SELDOM)
"""The headers that :class:`CallOptions` is made of, in the order of :func:`read_options`."""

Named = dict[bytes, bytes]
"""A request's headers by name; of several equal ones the last."""


def named(headers: Headers) -> Named:
    """A request's headers as a dictionary; HeadersTooLarge for too many.

    The Node SDK leaves snake_case option names as they are (captured): ``x-portkey-trace_id`` counts as
    ``x-portkey-trace-id``.
    """
    by_name = dict(headers)
    if len(headers) > MAX_COUNT:
        raise HeadersTooLarge(f"At most {MAX_COUNT} headers are accepted; the request has {len(headers)}.")
    if b"_" in b"".join(by_name):
        by_name = {name.replace(b"_", b"-"): value for name, value in headers} | by_name
    return by_name


def read_options(values: Sequence[bytes | None]) -> CallOptions:
    """The values of the ``DECIDING`` headers, ``None`` for one that is absent → options."""
    (api_key, authorization, x_api_key, provider, virtual_key, config, custom_host, forward, timeout, version) = values
    return CallOptions(
        _secret(api_key),
        _bearer(authorization),
        _secret(x_api_key),
        _text(provider),
        _text(virtual_key),
        _text(config),
        _text(custom_host),
        _names(forward),
        _seconds(timeout),
        _text(version),
    )


def trace_id(by_name: Named) -> str | None:
    """The caller's trace id: Portkey's header, else the one in a W3C ``traceparent``."""
    given = by_name.get(b"x-portkey-trace-id")
    if given:
        return given.decode("latin-1").strip()[:256] or None
    parent = by_name.get(b"traceparent")
    match = _TRACE_PARENT.match(parent) if parent else None
    return match[1].decode() if match else None


_TRACE_PARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


_PASSED_ON = frozenset(
    {
        b"content-type", b"retry-after", b"retry-after-ms", b"x-should-retry",
        b"content-disposition",
        b"content-language", b"content-range", b"accept-ranges", b"etag", b"last-modified", b"cache-control", b"seed",
        b"finish-reason", b"warning", b"location", b"www-authenticate", b"allow",
    }
)  # fmt: skip
_PASSED_ON_PREFIXES = (b"x-ratelimit-", b"ratelimit-", b"openai-", b"anthropic-", b"fireworks-", b"x-fireworks-")


class _Beginnings(dict[bytes, bytes]):
    """How the line of a provider's header begins in our answer; empty: it stays here. Each name is judged once."""

    most = 2000
    """Names come from outside, so what is remembered is bounded."""

    def __missing__(self, name: bytes) -> bytes:
        line = b""
        if name == b"x-request-id":
            line = b"\r\nx-upstream-request-id: "
        elif name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES):
            line = header_lines([(name, b"")])
        if len(self) < self.most:
            self[name] = line
        return line


_BEGINNINGS = _Beginnings()


def provider_lines(headers: Headers) -> bytes:
    """Those of a provider's answer that the client gets: an allow-list, so that no cookie or internal header leaks.

    The provider's request id moves to ``x-upstream-request-id``; ours is ``x-request-id``.
    """
    beginnings = _BEGINNINGS
    return joined([line + value for name, value in headers if (line := beginnings[name])])


@lru_cache(1024)
def _provider_lines(slug: str, option_path: str, retries: int) -> bytes:
    """What every answer says that came from a provider; most say one of a few things."""
    return header_lines(
        [
            (b"x-portkey-provider", slug.encode("latin-1")),
            (b"x-portkey-last-used-option-index", option_path.encode("latin-1")),
            (b"x-portkey-retry-attempt-count", b"%d" % retries),
            (b"x-portkey-cache-status", b"DISABLED"),
        ]
    )


def own_lines(exchange: Exchange, now: float) -> bytes:
    """The headers of every answer, errors included, as lines; names and values as Portkey's clients read them."""
    upstream = exchange.upstream_seconds(now)
    gateway = now - exchange.started - upstream
    lines = (
        b"\r\nx-content-type-options: nosniff\r\nx-request-id: %s"
        b"\r\nserver-timing: gw;dur=%.2f, up;dur=%.2f\r\nx-portkey-trace-id: "
    ) % (exchange.request_id.encode(), gateway * 1000, upstream * 1000)
    is_own_trace = exchange.trace_id is exchange.request_id
    lines += exchange.request_id.encode() if is_own_trace else _safe(exchange.trace_id)
    if exchange.provider:
        lines += _provider_lines(exchange.provider, exchange.option_path, exchange.retries)
    if exchange.changed:
        lines += b"\r\nx-emberway-changed: " + _line(", ".join(exchange.changed))
    if exchange.warnings:
        lines += b"\r\nx-emberway-warning: " + _line("; ".join(exchange.warnings))
    return lines


def _safe(trace_id: str) -> bytes:
    """A caller's trace id as it came; no server lets one with a line break in it through to us."""
    value = trace_id.encode("latin-1")
    return value.translate(None, b"\r\n\0")


def _line(text: str) -> bytes:
    """Any text as one header value: printable ASCII, at most 1,000 characters."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:1000].encode("ascii")
