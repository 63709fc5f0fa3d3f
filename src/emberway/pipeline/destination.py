"""Where a call goes in the end: a provider, its address in this process, and the credential to show there."""

from __future__ import annotations

from msgspec import Struct, field

from emberway.errors import Unauthenticated
from emberway.providers.base import Provider
from emberway.secret import Secret
from emberway.upstream.addresses import BaseUrl
from emberway.upstream.base import Deadlines

Pairs = tuple[tuple[bytes, bytes], ...]


class Place(Struct, frozen=True):
    """Where a provider is reached in this process."""

    base: BaseUrl
    credential: Secret | None = None
    """Used when the caller brings none; never sent anywhere else."""


class Destination(Struct, eq=False):
    """What all calls have in common that come with the same headers and are meant for the same target."""

    provider: Provider
    place: Place | None
    """``None`` for a provider that is started when it is first needed."""
    credential: Secret | None
    """The caller's own, or the config's."""
    deadlines: Deadlines
    """Of a call whose answer is read whole."""
    streaming: Deadlines
    """Of a call whose answer is passed on as it comes: a time-out of the caller's ends with the answer's head."""
    forwarded: frozenset[bytes]
    """Names of the caller's headers that go on to the provider."""
    starts: dict[tuple[str, str, Pairs], bytes] = field(default_factory=dict)
    """By method, path and the dialect's headers: the head of a request less what is about its body alone."""


def no_credential(provider: Provider) -> Unauthenticated:
    """The error for a call that brings no key for its provider."""
    return Unauthenticated(
        f"The call brings no key for the provider '{provider.slug}'. Send it as 'Authorization: Bearer <provider key>' "
        "and this gateway's own key in x-portkey-api-key.",
        param="authorization",
        code="missing_provider_key",
    )
