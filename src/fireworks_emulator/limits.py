"""Rate-limit headers that really count down: one window per key, model and minute.

The figures are those read from the provider in August 2026. Nothing is refused for them: the fault ``429`` does that,
when asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MINUTE = 60.0
LIMITS = {
    "tokens-prompt": 11_250_000,
    "tokens-cache-adjusted-prompt": 5_400_000,
    "tokens-generated": 216_000,
    "requests": 6_000,
}
"""Per minute."""


@dataclass(slots=True)
class _Window:
    began: float
    used: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))


class Limits:
    """What each key has used of each model in the current minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], _Window] = {}

    def charge(self, key: str, model: str, *, prompt: int, cached: int, generated: int) -> dict[str, str]:
        """Count one call and give the headers that tell what is left."""
        window = self._window(key, model)
        spent = {
            "tokens-prompt": prompt,
            "tokens-cache-adjusted-prompt": prompt - cached,
            "tokens-generated": generated,
            "requests": 1,
        }
        headers: dict[str, str] = {}
        for name, limit in LIMITS.items():
            window.used[name] += spent[name]
            headers[f"x-ratelimit-limit-{name}"] = str(limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(max(0, limit - window.used[name]))
        over = any(window.used[name] > limit for name, limit in LIMITS.items())
        headers["x-ratelimit-over-limit"] = "yes" if over else "no"
        return headers

    def _window(self, key: str, model: str) -> _Window:
        now = self._clock()
        window = self._windows.get((key, model))
        if window is None or now - window.began >= MINUTE:
            self._windows = {name: kept for name, kept in self._windows.items() if now - kept.began < MINUTE}
            window = self._windows[key, model] = _Window(now)
        return window
