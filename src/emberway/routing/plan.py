"""A config, compiled: the immutable tree of groups and targets that the router walks.

``config.py`` makes it out of the client's JSON, once per config; what a node inherits is already in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from emberway.routing.facts import Facts, Finding
from emberway.secret import Secret

RETRIED = frozenset({429, 500, 502, 503, 504, 529})
"""Statuses that are tried again where a config asks for retries and names none (Portkey's documentation)."""

Mode = Literal["single", "fallback", "loadbalance", "conditional"]


class Retry(Struct, frozen=True):
    """How often a target is tried again, and after what."""

    attempts: int = 0
    """Beyond the first."""
    on_status_codes: frozenset[int] = RETRIED
    use_retry_after: bool = False
    """Wait as long as a 429's headers ask instead of backing off."""


class Breaker(Struct, frozen=True):
    """``cb_config``: when a target is left alone for a while."""

    failure_threshold: int | None
    """Failures since the first one that open it."""
    failure_share: float | None
    """Share of failures, 0 to 1, that opens it once ``minimum_requests`` were made."""
    minimum_requests: int
    cooldown: float
    """Seconds from the first failure until it closes with its counters erased."""
    failure_status_codes: frozenset[int] | None
    """``None``: every status from 500 on."""


class Hedge(Struct, frozen=True):
    """When a second target is asked beside one that is slow to answer."""

    after: float | None
    """Seconds without an answer's head; ``None``: as long as 95 % of the target's latest answers took."""
    max_share: float
    """Of all calls, the share that may be sent twice."""


class Sticky(Struct, frozen=True):
    """Which calls a load balancer sends to the same node."""

    hash_fields: tuple[str, ...]
    """``metadata.user``, ``params.a.b``, ``headers.x``: calls that agree in all of them belong together."""
    ttl: float
    """Seconds that an assignment lasts at the least."""


class Target(Struct, frozen=True, eq=False):
    """A leaf: where a call may be sent, and how it is changed for it."""

    path: str
    """As Portkey's clients read it in a header: ``config``, ``config.targets[1].targets[0]``."""
    key: str = ""
    """Equal for targets whose health is one thing: same provider, credential, host and model."""
    siblings: tuple[str, ...] = ()
    """The keys of the leaves of the same group, this one's among them."""
    name: str | None = None
    weight: float = 1.0
    provider: str | None = None
    """A provider's name or ``@slug``; ``None``: the one that the headers or the model name."""
    api_key: Secret | None = None
    virtual_key: str | None = None
    override_params: Mapping[str, Any] = {}
    """Fields of the body that are set whatever the client sent."""
    default_params: Mapping[str, Any] = {}
    """Fields of the body that are set where the client sent none."""
    drop_params: tuple[str, ...] = ()
    """Paths in the body that are taken out: ``a.b[0].c``, ``a[*].b``."""
    retry: Retry = Retry()
    request_timeout: float | None = None
    """Seconds until the answer's head, for each attempt."""
    custom_host: str | None = None
    forward_headers: tuple[str, ...] = ()
    """Lower case."""
    strict_open_ai_compliance: bool | None = None
    breaker: Breaker | None = None
    settings: Mapping[str, Any] = {}
    """What only the provider understands: ``fireworks_account_id``, ``openai_organization`` …"""


class Group(Struct, frozen=True, eq=False):
    """A strategy over nodes."""

    path: str
    mode: Mode
    nodes: tuple[Node, ...]
    name: str | None = None
    weight: float = 1.0
    moves_on: frozenset[int] | None = None
    """``fallback``: the statuses after which the next node is tried; ``None``: every status but 2xx."""
    cumulative: tuple[float, ...] = ()
    """``loadbalance``: running sums of the nodes' weights."""
    sticky: Sticky | None = None
    conditions: tuple[Condition, ...] = ()
    """``conditional``: in order; the first that holds decides."""
    default: int | None = None
    """``conditional``: index of the node for calls that meet no condition."""
    hedge: Hedge | None = None


class Condition(Struct, frozen=True, eq=False):
    """One line of a conditional group."""

    examine: Callable[[Facts], Finding]
    """What ``condition.py`` made of the query."""
    then: int
    """Index of the node that it leads to."""


Node = Group | Target


class Shadow(Struct, frozen=True, eq=False):
    """A target that gets copies of some calls, whose answers nobody waits for."""

    target: Target
    share: float
    max_concurrency: int


class Plan(Struct, frozen=True, eq=False):
    """One config, ready to be walked."""

    root: Node
    version: str
    """A digest of the config: equal configs have equal ones."""
    shadow: Shadow | None = None
    cache: Mapping[str, Any] | None = None
    reads_params: bool = False
    """Whether any condition or sticky field looks into the body."""
