"""What the supervisor hands to each worker process: all that is needed to build the app, no secret more."""

from __future__ import annotations

from dataclasses import dataclass, field

from emberway.accounts.keys import KeyRecord
from emberway.secret import Secret
from emberway.settings import Settings


@dataclass(frozen=True, slots=True)
class EmulatorAt:
    """An emulator that runs for as long as the gateway does."""

    base_url: str
    """As a client of the provider would be given it, with the path."""
    key: Secret
    """What it takes as a provider key."""

    def __reduce__(self) -> tuple[object, ...]:
        # A Secret refuses to be pickled; this one may travel, through the pipe to our own worker.
        return _emulator_at, (self.base_url, self.key.reveal())


@dataclass(frozen=True, slots=True)
class Launch:
    """The argument of ``emberway.app.build``. Travels to a worker by fork or, on other systems, through a pipe."""

    settings: Settings
    """Without ``api_key`` and ``master_key``: a worker has no use for them."""
    pepper: bytes = field(repr=False)
    """Under which keys are hashed."""
    key_records: tuple[KeyRecord, ...]
    emulator: EmulatorAt | None = None
    """Set when the emulator answers for the first-class provider."""


def _emulator_at(base_url: str, key: str) -> EmulatorAt:
    return EmulatorAt(base_url, Secret(key))
