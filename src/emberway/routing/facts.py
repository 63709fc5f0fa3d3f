"""What a decision may look at, and what it was seen to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from msgspec import Struct


class Facts(Protocol):
    """What conditions and sticky fields may look at."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """``x-portkey-metadata``; empty where it is absent or no JSON object."""

    @property
    def params(self) -> Mapping[str, Any]:
        """The client's body before anything was overridden; empty where it is no JSON object."""

    @property
    def path(self) -> str:
        """``url.pathname``: as the client asked for it, ``/v1/chat/completions``."""

    def header(self, name: str) -> str | None:
        """A header of the client by its lower-case name; credentials are never there."""

    @property
    def caller(self) -> str:
        """Id of the key that the call came with; part of every sticky assignment."""


class Seen(Struct, frozen=True):
    """One comparison of a condition that was made."""

    where: str
    """``metadata.tier``, ``params.messages``, ``url.pathname``."""
    operator: str
    """``$eq``, ``$regex`` …"""
    wanted: Any
    found: Any
    """The value that was compared, cut short where it is long; ``None`` where there is none."""
    holds: bool


class Finding(NamedTuple):
    """What a condition came to."""

    holds: bool
    seen: tuple[Seen, ...]
    """The comparisons that were made until the answer was certain."""
