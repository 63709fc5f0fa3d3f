"""Everything that can go wrong at a provider, on demand: by the header ``x-emulator-fault`` or a suffix of the model.

``x-emulator-fault: NAME[;k=v]...`` works on every endpoint, ``MODEL!NAME[;k=v]...`` wherever a model is named. Neither
means anything at the provider.

===================  ===============================================================================================
name                 what happens
===================  ===============================================================================================
401 402 403 404      refused with the provider's body; ``k`` becomes ``retry-after`` (any text), ``ms`` becomes
412 425 429 500      ``retry-after-ms``, ``should-retry`` becomes ``x-should-retry``. 502 has an HTML body
502 503 504          such as a front proxy sends
503-scaling          a dedicated deployment that wakes up
shape-a … shape-g    the seven shapes of ``errors.py``, with the status that each was seen with
hang                 never answers
slow                 the first token comes after ``k`` seconds (default 2)
cut                  the connection closes after ``k`` events (default 3), or in the middle of a plain answer
stream-error         after ``k`` events (default 3) an error event, then the end; plain answers are untouched
garbage-json         a body, or the ``k``-th event (default 3), that is not JSON
empty                status 200 and nothing else
flaky-P              P percent of the calls answer 500, evenly spread, counted per process
usage-missing        answers and streams without ``usage``
usage-both           with ``include_usage``, also on the chunk that carries ``finish_reason``
tool-quirks          streamed tool calls repeat the full name and id in every chunk
tool-text            a tool call as JSON text in ``content``, with ``finish_reason`` ``stop``
reasoning-leak       a stream puts constrained text in ``reasoning_content`` and leaves ``content`` out
===================  ===============================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fireworks_emulator import errors
from fireworks_emulator.errors import (
    Refused,
    envelope_a,
    envelope_b,
    envelope_c,
    envelope_d,
    envelope_e,
    envelope_f,
    envelope_g,
)

HEADER = "x-emulator-fault"
SUFFIX = re.compile(r"!([A-Za-z0-9-]+(?:;[^/;!]*)*)")
"""A fault within a model's name or a path; a slash ends it."""

DISTORTIONS = frozenset({"slow", "cut", "stream-error", "garbage-json", "empty"})
"""Faults that change the answer's bytes on their way out."""

MANNERS = frozenset({"usage-missing", "usage-both", "tool-quirks", "tool-text", "reasoning-leak"})
"""Faults that the writers of answers look up."""

_FLAKY = re.compile(r"flaky-(\d{1,2}|100)")

_HTML = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
_SUSPENDED = (
    "Account emulator is suspended, possibly due to reaching the monthly spending limit or failure to pay past "
    "invoices. Please go to https://fireworks.ai/account/billing for more information."
)
_SCALING = "Deployment is currently scaled to zero and is scaling up. Please retry your request in a few minutes."
_VALIDATION = [{"loc": ["body", "messages"], "msg": "Field required", "type": "missing"}]
_QUOTA = "policies.ratelimit.QuotaViolation"


def _internal() -> Refused:
    return envelope_a(500, "Internal server error")


_REFUSALS: Mapping[str, Callable[[], Refused]] = MappingProxyType(
    {
        "401": errors.bad_key,
        "402": lambda: envelope_b(402, "Payment required.", "PAYMENT_REQUIRED"),
        "403": lambda: envelope_b(403, "You do not have permission to use this resource.", "FORBIDDEN"),
        "404": errors.model_not_found,
        "412": lambda: envelope_b(412, _SUSPENDED, "PRECONDITION_FAILED"),
        "425": lambda: envelope_b(425, "The deployment is swapping weights.", "TOO_EARLY"),
        "429": lambda: envelope_a(429, "rate limit exceeded, please try again later"),
        "500": _internal,
        "502": lambda: Refused(502, _HTML, message="Bad Gateway", media_type="text/html"),
        "503": lambda: envelope_a(503, "Service Overloaded"),
        "503-scaling": lambda: envelope_b(503, _SCALING, "DEPLOYMENT_SCALING_UP"),
        "504": lambda: envelope_a(504, "Gateway timeout"),
        "shape-a": lambda: envelope_a(400, "An error in shape A"),
        "shape-b": lambda: envelope_b(404, "An error in shape B", "NOT_FOUND", "model"),
        "shape-c": lambda: envelope_c(404, "An error in shape C"),
        "shape-d": lambda: envelope_d(422, list(_VALIDATION)),
        "shape-e": lambda: envelope_e(429, "An error in shape E", _QUOTA),
        "shape-f": lambda: envelope_f(529, "An error in shape F"),
        "shape-g": lambda: envelope_g(404, "An error in shape G"),
    }
)

NAMES = (*_REFUSALS, "hang", *sorted(DISTORTIONS), "flaky-P", *sorted(MANNERS))


class Hang(Exception):
    """The call shall never be answered."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was asked for."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    def number(self, default: float) -> float:
        """The option ``k`` as a number, at least 0."""
        try:
            return max(0.0, float(self.options.get("k", default)))
        except ValueError:
            raise envelope_a(400, f"The emulator's fault {self.name!r} wants a number for k.") from None


class Spread:
    """Decides which calls of a flaky model fail: P of every 100, evenly spread, the first one among the good."""

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}

    def fails(self, percent: int) -> bool:
        """Count one more call and say whether it is one of the failing."""
        before = self._calls.get(percent, 0)
        self._calls[percent] = before + 1
        return (before + 1) * percent // 100 > before * percent // 100


def read(text: str) -> Fault:
    """A fault from ``NAME[;k=v]...``. Raises 400 for one that does not exist."""
    name, *pairs = (part.strip() for part in text.split(";"))
    options = {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in pairs if pair)}
    if name not in _REFUSALS and name not in DISTORTIONS | MANNERS | {"hang"} and not _FLAKY.fullmatch(name):
        raise envelope_a(400, f"The emulator has no fault {name!r}; it knows {', '.join(NAMES)}.")
    return Fault(name, options)


def cut_from(name: str) -> tuple[str, Fault | None]:
    """A model's name, or a path, without its fault, and the fault."""
    found = SUFFIX.search(name)
    return (name[: found.start()] + name[found.end() :], read(found[1])) if found else (name, None)


def strike(fault: Fault, spread: Spread) -> None:
    """Refuse the call if this fault refuses; distortions and manners take effect later. Raises Refused or Hang."""
    if fault.name == "hang":
        raise Hang
    if flaky := _FLAKY.fullmatch(fault.name):
        if spread.fails(int(flaky[1])):
            raise _internal()
        return
    if refusal := _REFUSALS.get(fault.name):
        refused = refusal()
        refused.headers.update(_advice(fault.options))
        raise refused


def _advice(options: Mapping[str, str]) -> dict[str, str]:
    names = {"k": "retry-after", "ms": "retry-after-ms", "should-retry": "x-should-retry"}
    return {header: options[option] for option, header in names.items() if option in options}
