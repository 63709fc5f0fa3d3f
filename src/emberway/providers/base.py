"""What a provider is: a value that says where its API is, how it is paid for, and how its calls are written.

Everything here is pure. A dialect either *writes* a call (one request whose answer is relayed as it comes) or
*converses*: a generator that yields requests and is sent answers, for the few endpoints where one call of ours is
several of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from msgspec import Struct

from emberway.exchange import CallOptions, Headers
from emberway.secret import Secret
from emberway.wire.fields import Fields


class Call(Struct):
    """One call of a client, as data."""

    endpoint: str
    """``chat``, ``completions``, ``embeddings``, ``images``, ``models``, or ``passthrough``."""
    method: str
    path: str
    """Below the API's root, percent-encoding kept: ``/chat/completions``."""
    query: bytes
    headers: Headers
    options: CallOptions
    body: bytes
    fields: Fields
    model: str | None
    """The model to ask the provider for: the body's, less an ``@slug/`` in front."""
    received: float = 0.0
    """When the call came in, in Unix seconds; for answers that we compose and that say when they were made."""
    names: AbstractSet[bytes] = frozenset()
    """The names of ``headers``."""


class Written(Struct, frozen=True):
    """A call as the provider takes it."""

    path: str
    """Appended to the provider's base path."""
    body: bytes
    """The client's own object when nothing had to change."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    changed: tuple[str, ...] = ()
    """Names of the rules that fired, for ``x-emberway-changed``."""
    warnings: tuple[str, ...] = ()
    """Doubts that did not stop the call, for ``x-emberway-warning``."""
    buffered: bool = False
    """Whether a good answer is read whole and handed to the dialect's ``reread`` before the client gets it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a conversation."""

    path: str
    """Below the provider's base path; or, where ``elsewhere``, an absolute URL that gets no credential."""
    method: str = "POST"
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before the next request of a conversation."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer to an :class:`Ask`; header names in lower case."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What a conversation ends with: the client's answer."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    changed: tuple[str, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()


Asks = tuple[Ask, ...]
"""Requests that may be under way at the same time; their answers come back in the same order."""

Conversation = Generator[Asks | Pause, tuple[Answer, ...], Reply]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one endpoint of a provider is spoken. ``write`` for a relayed call, ``converse`` for a composed one."""

    write: Callable[[Call], Written] | None = None
    converse: Callable[[Call], Conversation] | None = None
    reread: Callable[[Call, bytes], bytes] | None = None
    """A whole good answer of a ``buffered`` call → the bytes for the client (the same object if nothing changes)."""


AuthScheme = Callable[[Secret], tuple[tuple[bytes, bytes], ...]]
"""Credential → the headers that carry it."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One company's API."""

    slug: str
    base_url: str
    auth: AuthScheme
    dialects: Mapping[str, Dialect] = field(default_factory=dict)
    """By endpoint. An endpoint that is not listed is passed through unread."""
    refuses: Callable[[Call], str | None] = lambda call: None
    """Why the provider cannot serve this call at all: a sentence for the client, or ``None``."""
    forwards: frozenset[bytes] = frozenset()
    """Headers of the client, lower case, that mean something to this provider and are handed on."""
    claims: Callable[[str], bool] = lambda model: False
    """Whether a model name has a form that only this provider's have, so that a call needs no provider header."""
    amend: Callable[[Call, Written, int, bytes], Written | None] = lambda call, written, status, answer: None
    """After an error answer: the call written so that this error goes away, or ``None``. Asked once for each call."""
    error: Callable[[int, bytes], bytes] = lambda status, answer: answer
    """An error answer's body → the OpenAI envelope; the same object where it already is one."""
