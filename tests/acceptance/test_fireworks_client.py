"""Fireworks' own Python client works against the emulator alone, and through the gateway with a key of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fireworks import AuthenticationError, Fireworks, NotFoundError
from tests.acceptance.process import Served

MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
MESSAGES: Any = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(params=["emulator", "gateway"])
def fireworks(request: pytest.FixtureRequest) -> Iterator[Fireworks]:
    """The client, pointed at the emulator itself and at a gateway in front of it."""
    if request.param == "emulator":
        served: Served = request.getfixturevalue("emulator")
        headers = {}
    else:
        served = request.getfixturevalue("emberway")
        headers = {"x-portkey-provider": "@emulator"}
    with Fireworks(api_key=served.key, base_url=served.root, default_headers=headers, max_retries=0) as client:
        yield client


def test_fireworks_own_client_chats(fireworks: Fireworks) -> None:
    response = fireworks.chat.completions.create(model=MODEL, messages=MESSAGES)

    assert "Paris" in str(response.choices[0].message.content)
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.prompt_tokens + (response.usage.completion_tokens or 0)


def test_fireworks_own_client_streams(fireworks: Fireworks) -> None:
    chunks = list(fireworks.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True))

    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices if choice.delta.content]
    assert len(pieces) > 2
    assert "Paris" in "".join(pieces)


def test_fireworks_own_client_completes_text(fireworks: Fireworks) -> None:
    response = fireworks.completions.create(model=MODEL, prompt="The capital of France is", max_tokens=12)

    assert response.choices[0].text


def test_fireworks_own_client_gets_an_answer_in_a_grammar(fireworks: Fireworks) -> None:
    response = fireworks.chat.completions.create(
        model=MODEL,
        messages=MESSAGES,
        response_format={"type": "grammar", "grammar": 'root ::= "yes" | "no"'},
    )

    assert response.choices[0].message.content in ("yes", "no")


def test_fireworks_own_client_reaches_embeddings_by_a_raw_post(fireworks: Fireworks) -> None:
    body = {"model": "nomic-ai/nomic-embed-text-v1.5", "input": "The cat sleeps."}

    answer: Any = fireworks.post("/v1/embeddings", body=body, cast_to=object)

    assert len(answer["data"][0]["embedding"]) == 768


def test_fireworks_own_client_is_told_of_a_model_that_is_not_there(fireworks: Fireworks) -> None:
    with pytest.raises(NotFoundError):
        fireworks.chat.completions.create(model="accounts/nobody/models/none", messages=MESSAGES)


def test_fireworks_own_client_is_told_of_a_wrong_key(fireworks: Fireworks) -> None:
    with pytest.raises(AuthenticationError):
        fireworks.with_options(api_key="not-a-key").chat.completions.create(model=MODEL, messages=MESSAGES)
