"""Which of a client's headers a config may name: to send them on, or to tell callers apart."""

from __future__ import annotations

import re

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
"""A header's name (RFC 9110 section 5.6.2)."""

NEVER_FORWARDED = frozenset(
    {
        "accept-encoding", "api-key", "authorization", "connection", "content-encoding", "content-length",
        "content-type", "cookie", "expect", "host", "keep-alive", "metadata", "metadata-flavor", "proxy-authenticate",
        "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade", "x-api-key", "x-aws-ec2-metadata-token",
    }
)  # fmt: skip
"""Framing, credentials and the headers that unlock cloud metadata, as for a caller's own list of headers."""


def _any_case(word: str) -> str:
    """A pattern for a header's name however it is spelt: `re.IGNORECASE` is nothing that JSON Schema knows."""
    return "".join(
        f"[{letter}{letter.upper()}]" if letter.isalpha() else "[-_]" if letter == "-" else re.escape(letter)
        for letter in word
    )


FORWARDABLE = _NAME
NOT_FORWARDABLE = rf"{_any_case('x-portkey-')}{_NAME}|{'|'.join(map(_any_case, sorted(NEVER_FORWARDED)))}"

STICKY_FIELD = rf"(?:metadata|params)(?:\.[^.]+)+|headers\.{_NAME}"
"""``metadata.user``, ``params.a.b``, ``headers.x-user``."""
_CREDENTIALS = ("api-key", "apikey", "authorization", "cookie", "credential", "passw", "secret", "token")
NOT_STICKY = rf"headers\.[^ ]*(?:{'|'.join(map(_any_case, _CREDENTIALS))})[^ ]*"
"""Headers whose names speak of a credential: assignments are no place for one, nor is a message that explains them."""
