"""``/v1/models`` from memory: what a model can do and costs, without a call to anybody."""

from __future__ import annotations

from emberway import catalog
from emberway.edge.endpoints.base import Endpoint, Tools
from emberway.edge.endpoints.passthrough import pass_through
from emberway.edge.request import Request
from emberway.errors import NotFound

_JSON = [(b"content-type", b"application/json")]


async def list_models(request: Request, tools: Tools) -> None:
    """The catalogue; for a provider that it does not cover, that provider's own list."""
    if _is_covered(request, tools):
        await request.own(200, _JSON, catalog.list_answer())
    else:
        await pass_through(request, tools)


async def retrieve_model(request: Request, tools: Tools) -> None:
    """One model of the catalogue; its name holds slashes, encoded or not."""
    if not _is_covered(request, tools):
        await pass_through(request, tools)
        return
    name = request.head.path.below.removeprefix("/models/")
    answer = catalog.model_answer(name)
    if answer is None:
        raise NotFound(
            f"There is no model '{name}' in the catalogue. GET /v1/models lists those that there are; a model that is "
            "not listed can still be called if the provider serves it.",
            param="model",
            code="model_not_found",
        )
    await request.own(200, _JSON, answer)


def _is_covered(request: Request, tools: Tools) -> bool:
    provider = tools.pipeline.resolver.provider_of(request.head.options, None)
    return provider is None or provider.slug in catalog.COVERS


MODELS = (
    Endpoint("models", "/models", ("GET",), list_models),
    Endpoint("models", "/models/", ("GET",), retrieve_model),
)
