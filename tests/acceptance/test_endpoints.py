"""Endpoints next to chat, as the official clients call them: completions, models, rerank, audio, parsed answers."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pydantic
import pytest
from portkey_ai import createHeaders
from tests.acceptance.clients import PROVIDER_KEY, Client
from tests.acceptance.process import Served
from tests.acceptance.wire import call_over_http

CHAT_MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"


class City(pydantic.BaseModel):
    """What a parsed answer is made into."""

    name: str
    inhabitants: int
    river: str | None


@pytest.fixture
def openai_client(emberway: Served) -> Iterator[openai.OpenAI]:
    """OpenAI's Python client as the page makes it."""
    headers = createHeaders(provider="fireworks-ai", api_key=emberway.key)
    with openai.OpenAI(api_key=PROVIDER_KEY, base_url=emberway.base_url, default_headers=headers) as client:
        yield client


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    """A WAV file of one second."""
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(32_000))
    return path


def test_a_text_completion_continues_its_prompt(client: Client) -> None:
    value = (
        client.call("completions.create", model=CHAT_MODEL, prompt="The capital of France is", max_tokens=20)
        .good()
        .value
    )

    assert value["object"] == "text_completion"
    assert value["choices"][0]["text"]
    assert value["usage"]["completion_tokens"] <= 20


def test_a_text_completion_streams(client: Client) -> None:
    outcome = client.call("completions.create", model=CHAT_MODEL, prompt="One, two,", max_tokens=20, stream=True).good()

    assert outcome.chunks is not None
    texts = [choice.get("text") for chunk in outcome.chunks for choice in chunk["choices"]]
    assert sum(bool(text) for text in texts) > 2


def test_the_models_are_listed(client: Client) -> None:
    value = client.call("models.list").good().value

    models = value["data"] if "data" in value else value["body"]["data"]
    assert CHAT_MODEL in [model["id"] for model in models]


def test_a_model_is_found_by_its_percent_encoded_name(client: Client) -> None:
    model = client.call("models.retrieve", CHAT_MODEL).good().value

    assert model["id"] == CHAT_MODEL


def test_a_model_is_found_by_its_plain_path(emberway: Served) -> None:
    assert call_over_http(emberway, f"/v1/models/{CHAT_MODEL}").json["id"] == CHAT_MODEL


def test_the_body_that_portkeys_async_client_sends_with_a_get_does_no_harm(emberway: Served) -> None:
    answer = call_over_http(emberway, "/v1/models", {}, method="GET")

    assert answer.status == 200
    assert answer.json["object"] == "list"


def test_a_model_that_nobody_has_is_not_found(client: Client) -> None:
    error = client.call("models.retrieve", "accounts/fireworks/models/no-such-model").error

    assert (error.name, error.status) == ("NotFoundError", 404)
    assert "no-such-model" in error.message


def test_an_answer_is_parsed_into_a_pydantic_model_by_portkeys_client(portkey: Any) -> None:
    response = portkey.chat.completions.parse(
        model=CHAT_MODEL, messages=[{"role": "user", "content": "Describe Paris as JSON."}], response_format=City
    )

    assert isinstance(response.choices[0].message.parsed, City)


def test_an_answer_is_parsed_into_a_pydantic_model_by_openais_client(openai_client: openai.OpenAI) -> None:
    response = openai_client.chat.completions.parse(
        model=CHAT_MODEL, messages=[{"role": "user", "content": "Describe Paris as JSON."}], response_format=City
    )

    assert isinstance(response.choices[0].message.parsed, City)


def test_a_client_with_changed_options_still_calls(portkey: Any) -> None:
    traced = portkey.with_options(trace_id="trace-of-mine")

    response: Any = traced.chat.completions.create(model=CHAT_MODEL, messages=[{"role": "user", "content": "Hello"}])

    assert response.get_headers()["trace-id"] == "trace-of-mine"


RERANK: dict[str, Any] = {
    "model": "fireworks/qwen3-reranker-8b",
    "query": "Where does the cat sleep?",
    "documents": ["Tax filings are due in March.", "The cat sleeps on the sofa.", "Rain is expected."],
    "top_n": 2,
}


def test_documents_are_reranked_over_a_raw_post_of_portkeys_python_client(portkey: Any) -> None:
    answer = portkey.post("/rerank", **RERANK)

    results = answer.model_dump()["data"]
    assert [results[0]["index"], len(results)] == [1, 2]
    assert results[0]["relevance_score"] >= results[1]["relevance_score"]


@pytest.mark.parametrize("client", ["node-portkey"], indirect=True)
def test_documents_are_reranked_over_a_raw_post_of_portkeys_javascript_client(client: Client) -> None:
    results = client.call("post", "/rerank", RERANK).good().value["data"]

    assert [results[0]["index"], len(results)] == [1, 2]


def test_speech_is_refused_in_the_providers_name(client: Client) -> None:
    error = client.call("audio.speech.create", model="tts-1", voice="alloy", input="Hello").error

    assert (error.name, error.status) == ("BadRequestError", 400)
    assert "fireworks-ai" in error.message


def test_speech_is_refused_with_a_code_that_programs_can_read(emberway: Served) -> None:
    answer = call_over_http(emberway, "/v1/audio/speech", {"model": "tts-1", "voice": "alloy", "input": "Hello"})

    assert answer.json["error"]["code"] == "not_supported_by_provider"


def test_a_recording_is_transcribed_for_portkeys_client(portkey: Any, silence: Path) -> None:
    with silence.open("rb") as file:
        answer = portkey.audio.transcriptions.create(model="whisper-v3", file=file)

    assert "emulat" in answer.text.lower()


def test_a_recording_is_transcribed_for_openais_client(openai_client: openai.OpenAI, silence: Path) -> None:
    with silence.open("rb") as file:
        answer = openai_client.audio.transcriptions.create(model="whisper-v3", file=file)

    assert "emulat" in answer.text.lower()


def test_health_needs_no_key(emberway: Served) -> None:
    for path in ("/livez", "/readyz"):
        assert call_over_http(emberway, path, login={}).status == 200


def test_the_api_also_answers_without_v1(emberway: Served) -> None:
    answer = call_over_http(
        emberway, "/chat/completions", {"model": CHAT_MODEL, "messages": [{"role": "user", "content": "Hello"}]}
    )

    assert answer.status == 200


def test_doubled_slashes_of_a_base_url_with_a_slash_at_its_end_do_no_harm(client: Client) -> None:
    slashed = client.using(base_url=f"{client.login.base_url}/")

    assert slashed.call(
        "chat.completions.create", model=CHAT_MODEL, messages=[{"role": "user", "content": "Hi"}]
    ).content
