"""The route table: every endpoint that there is, one line each."""

from __future__ import annotations

from emberway.edge.endpoints.base import Endpoint, Limits, Tools
from emberway.edge.endpoints.explain import EXPLAIN
from emberway.edge.endpoints.health import HEALTH
from emberway.edge.endpoints.inference import INFERENCE
from emberway.edge.endpoints.models import MODELS
from emberway.edge.endpoints.passthrough import PASSTHROUGH
from emberway.edge.endpoints.unbuilt import UNBUILT

ENDPOINTS: tuple[Endpoint, ...] = (*INFERENCE, *MODELS, *EXPLAIN, *HEALTH, *UNBUILT)

__all__ = ["ENDPOINTS", "PASSTHROUGH", "Endpoint", "Limits", "Tools"]
