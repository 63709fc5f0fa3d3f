"""Embeddings through every client: numbers where the user expects numbers, and like texts nearer than unlike ones."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

from tests.acceptance.clients import Client
from tests.acceptance.process import Served
from tests.acceptance.wire import call_over_http

MODEL = "nomic-ai/nomic-embed-text-v1.5"
TEXTS = [
    "The cat sleeps on the warm sofa.",
    "A cat is sleeping on a sofa.",
    "Quarterly tax filings are due in March.",
]


def nearness(one: list[float], other: list[float]) -> float:
    """Cosine of the angle between two vectors."""
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / (math.hypot(*one) * math.hypot(*other))


def vectors(value: Any) -> list[list[float]]:
    """The vectors of an answer in the order of its ``index``."""
    return [item["embedding"] for item in sorted(value["data"], key=lambda item: item["index"])]


def test_an_embedding_is_a_list_of_numbers_for_every_client(client: Client) -> None:
    [vector] = vectors(client.call("embeddings.create", model=MODEL, input=TEXTS[0]).good().value)

    assert len(vector) == 768
    assert all(isinstance(number, float | int) for number in vector)
    assert any(vector)


def test_like_texts_are_nearer_than_unlike_ones(client: Client) -> None:
    cat, other_cat, taxes = vectors(client.call("embeddings.create", model=MODEL, input=TEXTS).good().value)

    assert nearness(cat, other_cat) > nearness(cat, taxes)


def test_base64_on_the_wire_is_the_same_numbers_as_floats(emberway: Served) -> None:
    call = {"model": MODEL, "input": TEXTS[0]}

    floats = call_over_http(emberway, "/v1/embeddings", call | {"encoding_format": "float"}).json
    packed = call_over_http(emberway, "/v1/embeddings", call | {"encoding_format": "base64"}).json

    data = base64.b64decode(packed["data"][0]["embedding"], validate=True)
    assert list(struct.unpack(f"<{len(data) // 4}f", data)) == [
        struct.unpack("<f", struct.pack("<f", number))[0] for number in floats["data"][0]["embedding"]
    ]


def test_embeddings_count_the_tokens_of_their_input(client: Client) -> None:
    usage = client.call("embeddings.create", model=MODEL, input=TEXTS).good().value["usage"]

    assert usage["prompt_tokens"] > len(TEXTS)
    assert usage["total_tokens"] == usage["prompt_tokens"]
