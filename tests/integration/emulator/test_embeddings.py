"""Embeddings and reranking."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import pytest
from tests.integration.emulator.asgi import Answer, Api

NOMIC = "nomic-ai/nomic-embed-text-v1.5"
QWEN = "fireworks/qwen3-embedding-8b"
RERANKER = "accounts/fireworks/models/qwen3-reranker-8b"


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def embed(api: Api, given: Any = "hello", model: str = NOMIC, **fields: Any) -> Answer:
    return api.post("/inference/v1/embeddings", {"model": model, "input": given, **fields})


def vectors(answer: Answer) -> list[list[float]]:
    return [entry["embedding"] for entry in answer.json["data"]]


def length(values: list[float]) -> float:
    return math.sqrt(sum(value * value for value in values))


def test_each_text_gets_a_vector_in_order(api: Api) -> None:
    body = embed(api, ["one", "two two"]).json

    assert (body["object"], body["model"]) == ("list", NOMIC)
    assert [(entry["object"], entry["index"], len(entry["embedding"])) for entry in body["data"]] == [
        ("embedding", 0, 768),
        ("embedding", 1, 768),
    ]
    assert body["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


@pytest.mark.parametrize(
    ("model", "dimensions", "unit"),
    [
        (NOMIC, 768, True), ("BAAI/bge-small-en-v1.5", 384, True), ("WhereIsAI/UAE-Large-V1", 1024, False),
        ("mixedbread-ai/mxbai-embed-large-v1", 1024, False), (QWEN, 4096, False),
        ("accounts/a/deployments/d", 1024, False),
    ],
)  # fmt: skip
def test_dimension_and_length_are_those_of_the_model(api: Api, model: str, dimensions: int, unit: bool) -> None:
    (values,) = vectors(embed(api, model=model))

    assert len(values) == dimensions
    assert math.isclose(length(values), 1) is unit
    assert math.isclose(length(vectors(embed(api, model=model, normalize=True))[0]), 1)


def test_a_resizable_model_shortens_its_vectors(api: Api) -> None:
    (values,) = vectors(embed(api, dimensions=64))

    assert len(values) == 64
    assert math.isclose(length(values), 1)


def test_another_model_refuses_to(api: Api) -> None:
    answer = embed(api, model="thenlper/gte-base", dimensions=64)

    assert (answer.status, answer.message) == (400, "model: thenlper/gte-base is not resizable")


@pytest.mark.parametrize("dimensions", [0, 769])
def test_a_dimension_beyond_the_models_own_is_refused(api: Api, dimensions: int) -> None:
    assert embed(api, dimensions=dimensions).status == 400


def test_base64_holds_the_same_numbers_as_little_endian_floats(api: Api) -> None:
    packed = base64.b64decode(embed(api, encoding_format="base64").json["data"][0]["embedding"])

    assert struct.unpack("<768f", packed) == pytest.approx(vectors(embed(api))[0], rel=1e-6)


@pytest.mark.parametrize(("given", "number"), [([1, 2, 3], 1), ([[1], [2, 3]], 2)])
def test_token_ids_are_embedded_as_well(api: Api, given: Any, number: int) -> None:
    answer = embed(api, given)

    assert len(vectors(answer)) == number
    assert answer.json["usage"]["prompt_tokens"] == 3


def test_an_object_becomes_text_through_the_template(api: Api) -> None:
    templated = embed(api, [{"title": "a", "body": "b"}], prompt_template="{{ title }}: {{body}}")

    assert vectors(templated) == vectors(embed(api, ["a: b"]))


@pytest.mark.parametrize("given", [[], "", ["x", 1], [""], 7])
def test_nothing_or_a_mixture_is_refused(api: Api, given: Any) -> None:
    assert embed(api, given).status == 400


def test_a_text_beyond_the_window_is_refused(api: Api) -> None:
    answer = embed(api, "word " * 600, model="thenlper/gte-base")

    assert answer.message.startswith("The prompt is too long: ")


def test_a_chat_model_does_not_embed(api: Api) -> None:
    answer = embed(api, model="accounts/fireworks/models/kimi-k3")

    assert answer.status == 400
    assert "embedding is not supported" in answer.message


def test_logits_of_yes_and_no_tell_whether_a_document_answers(api: Api) -> None:
    head = "<Instruct>: Find the answer\n<Query>: What is the capital of France?\n<Document>: "
    prompts = [head + "Paris is the capital of France.", head + "Bananas are yellow."]

    good, bad = vectors(embed(api, prompts, model=RERANKER, return_logits=[2753, 9454], normalize=True))

    assert sum(good) == pytest.approx(1)
    assert good[1] > 0.8 > 0.2 > bad[1]


def test_an_unknown_field_is_refused(api: Api) -> None:
    assert embed(api, truncate="END").message == "Extra inputs are not permitted, field: 'truncate', value: 'END'"


def rerank(api: Api, **fields: Any) -> Answer:
    documents = ["Berlin is in Germany", "Paris is the capital of France", "bananas"]
    body = {"model": "fireworks/qwen3-reranker-8b", "query": "What is the capital of France?", "documents": documents}
    return api.post("/inference/v1/rerank", body | fields)


def test_documents_come_back_best_first(api: Api) -> None:
    body = rerank(api).json

    scores = [entry["relevance_score"] for entry in body["data"]]
    assert scores == sorted(scores, reverse=True)
    assert body["data"][0] == {"index": 1, "relevance_score": scores[0], "document": "Paris is the capital of France"}
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] > 0
    assert body["model"] == RERANKER


def test_top_n_and_return_documents_shorten_the_answer(api: Api) -> None:
    (entry,) = rerank(api, top_n=1, return_documents=False).json["data"]

    assert entry.keys() == {"index", "relevance_score"}


@pytest.mark.parametrize("fields", [{"documents": []}, {"top_n": 0}, {"model": NOMIC}, {"max_chunks": 1}])
def test_a_wrong_rerank_request_is_refused(api: Api, fields: dict[str, Any]) -> None:
    assert rerank(api, **fields).status == 400
