"""The nouns of one request's life: who calls, what they asked for, what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from emberway.secret import Secret

Headers = list[tuple[bytes, bytes]]
"""Header names in lower case and values, in wire order."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a call belongs to."""

    key_id: str
    name: str
    scopes: frozenset[str] = frozenset()


class CallOptions(Struct, eq=False):
    """What the ``x-portkey-*`` headers, ``authorization`` and ``x-api-key`` say, one field each.

    Calls whose headers say the same share one object for a while (``edge/callers.py``), so nothing in it is about a
    single call. A header that is absent or empty is ``None``.
    """

    api_key: Secret | None = None
    authorization: Secret | None = None
    """``authorization`` without its ``Bearer``."""
    x_api_key: Secret | None = None
    provider: str | None = None
    virtual_key: str | None = None
    config: str | None = None
    custom_host: str | None = None
    forward_headers: tuple[str, ...] = ()
    """Lower-case, ``_`` and camelCase folded to ``-``."""
    request_timeout: float | None = None
    """Seconds."""
    package_version: str | None = None
    """Set by Portkey's own SDKs and by no other client."""
    identity: Identity | None = None
    """Whose calls these are, once that is known."""
    target: object | None = None
    """Where they go, once that is known and if the headers alone decide it; ``pipeline/resolve.py`` keeps it here."""


class PromptDetails(Struct, frozen=True):
    """Part of :class:`Usage`."""

    cached_tokens: int | None = None


class CompletionDetails(Struct, frozen=True):
    """Part of :class:`Usage`."""

    reasoning_tokens: int | None = None


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens as the provider counted them, in the shape of OpenAI's ``usage`` object; ``None`` where it said nothing.

    The numbers are the provider's word: read them through the properties, which take what cannot be a count as not
    said.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None

    @property
    def prompt(self) -> int | None:
        """Tokens of the prompt, cached ones included."""
        return _count(self.prompt_tokens)

    @property
    def completion(self) -> int | None:
        """Tokens of the answer, those of reasoning included."""
        return _count(self.completion_tokens)


def _count(value: int | None) -> int | None:
    return value if value is not None and 0 <= value <= 1_000_000_000 else None


NO_USAGE = Usage()
"""Nothing was said."""


class AttemptNote(Struct, eq=False):
    """One sending of the call to one target of its config."""

    path: str
    """Of the target, as Portkey's clients read it: ``config.targets[1]``."""
    provider: str
    model: str
    began: float
    """Seconds after the request came in."""
    seconds: float
    """Until the answer was whole or, of a stream, had begun."""
    status: int
    """The provider's; what the client would have been told where there was no answer; 0 for one that was given up."""
    error: str = ""
    """Code of the error where there was no answer."""


class Exchange(Struct, eq=False):
    """One client request with everything that happened to it; filled as it happens, read by the access line."""

    request_id: str
    trace_id: str
    started: float
    """Monotonic seconds."""
    method: str = ""
    path: str = ""
    endpoint: str = ""
    identity: Identity | None = None
    provider: str = ""
    model: str = ""
    """As the client asked for it."""
    status: int = 0
    error: str = ""
    """Code of the error that the client was told, if any."""
    changed: tuple[str, ...] = ()
    """Names of the rules that changed the call on its way to the provider."""
    warnings: tuple[str, ...] = ()
    sent: float = 0.0
    """When the provider was first asked, in the clock of ``started``; 0 if it was not."""
    answered: float = 0.0
    """When its answer was whole, or the first bytes of a stream there; 0 if it never was."""
    first_token: float | None = None
    """Seconds from the start until the first piece of content of a stream passed."""
    finish_reason: str = ""
    response_model: str = ""
    usage: Usage = NO_USAGE
    client_gone: bool = False
    option_path: str = "config"
    """Of the target that gave the answer."""
    retries: int = 0
    """Of that target; -1 when they were used up in vain (Portkey's way of saying so)."""
    attempts: Sequence[AttemptNote] = ()
    """Each sending to a target of a config; none where the call had no config."""
    trail: Sequence[object] = ()
    """Why they were made: the router's steps."""
    shadow: str = ""
    """``sent`` or ``dropped``: what became of the copy that its config asked for, if the draw fell so."""
    shadow_of: str = ""
    """Id of the request that this one, which no client made, is a copy of."""

    def upstream_seconds(self, now: float) -> float:
        """How long the provider was waited for, until ``now`` if it still is."""
        return (self.answered or now) - self.sent if self.sent else 0.0
