"""What an endpoint is: a public path of ours, its methods, and the function that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from emberway.edge.request import Request
from emberway.pipeline.run import Pipeline


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a request may bring."""

    body: int
    """Bytes of a JSON body."""
    upload: int
    """Bytes of anything else."""
    body_seconds: float = 30.0
    """How long the body of a request may take until it is there or, for an upload, begins."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the handlers work with."""

    pipeline: Pipeline
    limits: Limits
    is_ready: Callable[[], bool]


Handler = Callable[[Request, Tools], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the route table."""

    name: str
    path: str
    """Below the API's root. A path that ends in ``/`` stands for all that begins with it."""
    methods: tuple[str, ...]
    handler: Handler
    anonymous: bool = False
    """Whether it answers without a key: a closed list, held by a test."""
