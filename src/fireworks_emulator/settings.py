"""What an operator chooses when the emulator starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Fixed for the life of the process."""

    rate: float = 0.0
    """Events per second and stream; 0 sends as fast as the client reads."""
    seed: int | None = None
    """Seeds every answer and id. None: answers as with seed 0, ids that differ between processes."""
    strict_catalogue: bool = False
    """Whether models that left the provider's serverless offer are answered 404, as the provider does."""
    keys: frozenset[str] = frozenset()
    """Accepted keys besides all that begin with ``fw_``."""
