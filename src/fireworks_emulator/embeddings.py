"""``POST /embeddings``: vectors in which similar texts are near each other, of each model's own dimension."""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from fireworks_emulator import relevance
from fireworks_emulator.call import Call, call_of, read_body
from fireworks_emulator.catalogue import Model
from fireworks_emulator.delivery import json_response
from fireworks_emulator.errors import envelope_a
from fireworks_emulator.performance import measure
from fireworks_emulator.requests import Closed
from fireworks_emulator.tokens import count
from fireworks_emulator.validation import invalid, parse

DEFAULT_DIMENSIONS = 1024
"""Of a dedicated deployment, whose model is not known."""

NO_TOKEN, YES_TOKEN = 2753, 9454
"""Ids of "no" and "yes" in the provider's recipe for reranking with logits."""

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_PAIR = re.compile(r"<Query>:(.*?)<Document>:(.*)", re.DOTALL)

Text = str | list[int] | dict[str, Any]


class EmbeddingRequest(Closed, kw_only=True):
    """The closed request schema; ``input_type`` is documented although the schema leaves it out."""

    model: str
    input: str | dict[str, Any] | list[str | int | list[int] | dict[str, Any]]
    input_type: Literal["query", "document"] | None = None
    prompt_template: str | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    encoding_format: Literal["float", "base64"] = "float"
    normalize: bool | None = False
    return_logits: Annotated[list[int], Meta(min_length=1)] | None = None
    fanout_size: int | None = None
    user: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_isolation_key: str | None = None
    raw_output: bool | None = False
    perf_metrics_in_response: bool | None = False


async def embeddings(request: Request) -> Response:
    """One vector for each text, or the logits of chosen tokens."""
    call = call_of(request)
    asked = parse(await read_body(request), EmbeddingRequest)
    kinds = ("embedding",) if asked.return_logits is None else ("embedding", "rerank")
    model = call.model(asked.model, *kinds)
    dimensions = _dimensions(asked, model)
    texts = _texts(asked)
    sizes = [_checked_size(text, model) for text in texts]
    vectors = [_vector(asked, model, dimensions, text) for text in texts]
    return _answer(call, asked, model, vectors, sum(sizes))


def _answer(call: Call, asked: EmbeddingRequest, model: Model, vectors: list[list[float]], tokens: int) -> Response:
    encode = _packed if asked.encoding_format == "base64" else list
    body: dict[str, Any] = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": encode(values)} for index, values in enumerate(vectors)
        ],
        "model": model.id,
    }
    if not call.has_manner("usage-missing"):
        body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    figures = measure(tokens, 0, 0, 0)
    if asked.perf_metrics_in_response:
        body["perf_metrics"] = figures.metrics()
    headers = call.emulator.limits.charge(call.key, model.id, prompt=tokens, cached=0, generated=0)
    return json_response(body, headers | figures.headers())


def _dimensions(asked: EmbeddingRequest, model: Model) -> int:
    native = model.dimensions or DEFAULT_DIMENSIONS
    if asked.dimensions is None:
        return native
    if not model.resizable:
        raise envelope_a(400, f"model: {model.id} is not resizable")
    if asked.dimensions > native:
        raise invalid(f"Expected int <= {native}", "dimensions", asked.dimensions)
    return asked.dimensions


def _texts(asked: EmbeddingRequest) -> Sequence[str | list[int]]:
    """The texts of a request; objects become text through the template. Raises 400 for none or a mixture."""
    given = asked.input
    if isinstance(given, (str, dict)):
        return [_plain(given, asked.prompt_template)]
    kinds = {type(entry) for entry in given}
    if kinds == {int}:
        return [cast("list[int]", given)]
    if len(kinds) != 1:
        raise invalid("Expected a text, texts, token ids or lists of token ids", "input", given)
    return [_plain(cast("Text", entry), asked.prompt_template) for entry in given]


def _plain(given: Text, template: str | None) -> str | list[int]:
    """An object as text: the template with ``{{ name }}`` filled in, or its JSON where there is none."""
    if not isinstance(given, dict):
        return given
    if template is None:
        return msgspec.json.encode(given).decode()
    return _PLACEHOLDER.sub(lambda found: str(given.get(found[1], "")), template)


def _checked_size(text: str | list[int], model: Model) -> int:
    size = count(text) if isinstance(text, str) else len(text)
    if not size:
        raise envelope_a(400, "The input of an embedding must not be empty.")
    if size > model.window:
        raise envelope_a(400, f"The prompt is too long: {size}, model maximum context length: {model.window}")
    return size


def _vector(asked: EmbeddingRequest, model: Model, dimensions: int, text: str | list[int]) -> list[float]:
    if asked.return_logits is not None:
        logits = [_logit(text, token) for token in asked.return_logits]
        return _softmax(logits) if asked.normalize else logits
    found = relevance.features(text) if isinstance(text, str) else relevance.id_features(text)
    values = relevance.vector(found, model.dimensions or DEFAULT_DIMENSIONS)[:dimensions]
    if model.unit_length or asked.normalize:
        return relevance.unit(values)
    length = 10 + zlib.crc32(str(text).encode("utf-8", "surrogatepass")) % 1000 / 100
    return [value * length for value in values]


def _logit(text: str | list[int], token: int) -> float:
    """The logit of a token after a text; "yes" and "no" tell whether a document answers a query."""
    pair = _PAIR.search(text) if isinstance(text, str) else None
    if pair and token in {NO_TOKEN, YES_TOKEN}:
        lean = 12 * (relevance.score(pair[1], pair[2]) - 0.5)
        return lean if token == YES_TOKEN else -lean
    return zlib.crc32(f"{token}:{text}".encode("utf-8", "surrogatepass")) % 2000 / 100 - 10


def _softmax(logits: list[float]) -> list[float]:
    powers = [math.exp(logit - max(logits)) for logit in logits]
    return [power / sum(powers) for power in powers]


def _packed(values: list[float]) -> str:
    """Little-endian float32, in base64."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
