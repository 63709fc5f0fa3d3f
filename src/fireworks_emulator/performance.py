"""How long an answer took, as the provider tells it: in headers of plain answers, in ``perf_metrics`` where asked for.

The times are those of a modelled machine, not of this one, so that they are the same in every run: 20 ms and 50 µs per
uncached prompt token to the first token, then the stream's rate, or 200 tokens per second where that is unlimited.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

FIRST_TOKEN = 0.02
PER_PROMPT_TOKEN = 0.00005
USUAL_RATE = 200.0


@dataclass(frozen=True, slots=True)
class Performance:
    """Figures of one answer; times in seconds."""

    prompt_tokens: int
    cached_tokens: int
    first_token: float
    total: float
    predicted: tuple[int, int] | None = None
    """With a predicted output: its tokens, and how many of them were right."""

    def headers(self, options: dict[str, float] | None = None) -> dict[str, str]:
        """Header names and values; ``options``: the sampling values in use."""
        headers = {f"fireworks-{name}": text for name, text in self.metrics().items()}
        if options is not None:
            headers["fireworks-sampling-options"] = msgspec.json.encode(options).decode()
        return headers

    def metrics(self) -> dict[str, str]:
        """The object ``perf_metrics``."""
        metrics = {
            "prompt-tokens": str(self.prompt_tokens),
            "cached-prompt-tokens": str(self.cached_tokens),
            "server-time-to-first-token": f"{self.first_token:.3f}",
            "server-processing-time": f"{self.total:.3f}",
        }
        if self.predicted:
            metrics["speculation-prompt-tokens"] = str(self.predicted[0])
            metrics["speculation-prompt-matched-tokens"] = str(self.predicted[1])
        return metrics


def measure(
    prompt: int, cached: int, generated: int, rate: float, predicted: tuple[int, int] | None = None
) -> Performance:
    """The figures of an answer of these tokens; ``rate`` in tokens per second, 0 for unlimited."""
    first = FIRST_TOKEN + PER_PROMPT_TOKEN * (prompt - cached)
    return Performance(prompt, cached, first, first + generated / (rate or USUAL_RATE), predicted)
