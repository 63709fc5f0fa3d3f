"""What is known about one call while it is answered, and how an endpoint gets at it."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.types import Scope

from fireworks_emulator import catalogue, faults
from fireworks_emulator.catalogue import Catalogue, Model
from fireworks_emulator.errors import Refused, envelope_a
from fireworks_emulator.faults import Fault, Spread
from fireworks_emulator.limits import Limits
from fireworks_emulator.prompt_cache import PromptCache
from fireworks_emulator.settings import Settings

KEY = "fireworks_emulator.call"
"""Where the call lies in an ASGI scope."""

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes; the provider's own limit is not documented, and ten megabytes of pictures must fit."""


class Emulator:
    """The parts that all calls share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalogue: Catalogue = catalogue.load(strict=settings.strict_catalogue)
        self.spread = Spread()
        self.prompt_cache = PromptCache()
        self.limits = Limits()
        self._ids = itertools.count(1)
        self._space = uuid.uuid4() if settings.seed is None else uuid.UUID(int=settings.seed % (1 << 128))

    def new_id(self) -> str:
        """A UUID as text; with a seed the sequence is the same in every process."""
        return str(uuid.uuid5(self._space, str(next(self._ids))))


@dataclass(slots=True)
class Call:
    """One call, from its head to its last byte."""

    emulator: Emulator
    id: str
    key: str = ""
    fault: Fault | None = None
    status: int = 0
    extra_headers: dict[str, str] = field(default_factory=dict)

    def meet(self, fault: Fault) -> None:
        """Let a fault strike. Raises Refused or Hang where it does so at once."""
        self.fault = fault
        faults.strike(fault, self.emulator.spread)

    def has_manner(self, name: str) -> bool:
        """Whether answers shall show this quirk."""
        return self.fault is not None and self.fault.name == name

    def model(self, name: str, *kinds: str) -> Model:
        """The model that a request names, its fault met. Raises 404, and 400 for a model of none of these kinds."""
        plain, fault = faults.cut_from(name)
        if fault:
            self.meet(fault)
        model = self.emulator.catalogue.find(plain)
        if model.fault and fault is None and self.fault is None:
            self.meet(faults.read(model.fault))
        if not model.serves(kinds):
            raise unsupported(model, kinds[0])
        return model


def unsupported(model: Model, kind: str) -> Refused:
    """A model asked for what it does not do; the text for embeddings is documented, the others follow it."""
    return envelope_a(400, f"{kind} is not supported by model {model.id}")


def open_call(scope: Scope, emulator: Emulator) -> Call:
    """Begin a call and leave it in the scope for the endpoint."""
    call = Call(emulator, emulator.new_id())
    scope[KEY] = call
    return call


def call_of(request: Request) -> Call:
    """The call that a request belongs to."""
    call = request.scope[KEY]
    assert isinstance(call, Call)
    return call


async def read_body(request: Request) -> bytes:
    """The whole body. Raises 413 beyond the limit."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise envelope_a(413, "Request body too large")
        chunks.append(chunk)
    return b"".join(chunks)
