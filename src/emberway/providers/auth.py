"""The ways in which a credential travels: each turns a secret into the headers that carry it."""

from __future__ import annotations

from emberway.errors import InvalidCall
from emberway.providers.base import AuthScheme
from emberway.secret import Secret


def bearer(credential: Secret) -> tuple[tuple[bytes, bytes], ...]:
    """``authorization: Bearer …`` (RFC 6750 section 2.1); InvalidCall if the credential cannot stand in a header."""
    return ((b"authorization", b"Bearer " + _header_value(credential)),)


def api_key_header(name: str) -> AuthScheme:
    """The bare credential in a header called ``name``, as in ``x-api-key: …``."""
    header = name.lower().encode("ascii")

    def scheme(credential: Secret) -> tuple[tuple[bytes, bytes], ...]:
        return ((header, _header_value(credential)),)

    return scheme


def none(credential: Secret) -> tuple[tuple[bytes, bytes], ...]:
    """No header at all: for a server that asks for no credential."""
    return ()


def _header_value(credential: Secret) -> bytes:
    """Visible ASCII only (RFC 9110 section 5.5): a line break inside a key would start a header of its own."""
    value = credential.reveal()
    if not value.isascii() or not value.isprintable() or value != value.strip() or not value:
        raise InvalidCall(
            "The provider's credential is empty or holds characters that cannot stand in a header "
            "(line breaks, spaces around it, or anything but ASCII). Check how it was copied.",
            param="authorization",
            code="invalid_credential",
        )
    return value.encode("ascii")
