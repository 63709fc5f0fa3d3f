"""The official clients of Fireworks and OpenAI work against a real process, with nothing but the base URL changed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import fireworks
import openai
import pytest
from tests.integration.emulator.asgi import LLAMA
from tests.integration.emulator.process import Emulated, emulator

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def running() -> Iterator[Emulated]:
    with emulator("--seed", "1") as started:
        yield started


@pytest.fixture(scope="module")
def client(running: Emulated) -> Iterator[fireworks.Fireworks]:
    with fireworks.Fireworks(api_key="fw_test", account_id="fireworks", base_url=running.url, max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def openai_client(running: Emulated) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="fw_test", base_url=f"{running.url}/inference/v1", max_retries=0) as made:
        yield made


def test_the_fireworks_client_chats(client: fireworks.Fireworks) -> None:
    answer = client.chat.completions.create(model=LLAMA, messages=QUESTION)

    assert "Paris" in str(answer.choices[0].message.content)
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + (answer.usage.completion_tokens or 0)


def test_the_fireworks_client_streams(client: fireworks.Fireworks) -> None:
    chunks = list(client.chat.completions.create(model=LLAMA, messages=QUESTION, stream=True))

    assert "Paris" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].usage is not None


def test_the_fireworks_client_completes(client: fireworks.Fireworks) -> None:
    answer = client.completions.create(model=LLAMA, prompt="The capital of Italy is", max_tokens=40)

    assert "Rome" in str(answer.choices[0].text)


def test_the_fireworks_client_sends_messages(client: fireworks.Fireworks) -> None:
    answer = client.messages.create(model=LLAMA, messages=[{"role": "user", "content": "Count to 3"}], max_tokens=100)

    assert "1, 2, 3" in str(answer.content)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("401", fireworks.AuthenticationError),
        ("404", fireworks.NotFoundError),
        ("429", fireworks.RateLimitError),
        ("500", fireworks.InternalServerError),
        ("shape-d", fireworks.UnprocessableEntityError),
    ],
)
def test_the_fireworks_client_reads_the_errors(
    client: fireworks.Fireworks, fault: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        client.chat.completions.create(model=LLAMA, messages=QUESTION, extra_headers={"x-emulator-fault": fault})


def test_the_openai_client_embeds_in_base64(openai_client: openai.OpenAI) -> None:
    answer = openai_client.embeddings.create(
        model="nomic-ai/nomic-embed-text-v1.5", input=["one", "two"], dimensions=256
    )

    assert [len(entry.embedding) for entry in answer.data] == [256, 256]
    assert math.isclose(sum(value * value for value in answer.data[0].embedding), 1, rel_tol=1e-5)


def test_the_openai_client_streams_tool_calls(openai_client: openai.OpenAI) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
    with openai_client.chat.completions.stream(
        model=LLAMA,
        messages=[{"role": "user", "content": "What is the weather in Oslo?"}],
        tools=[tool],
    ) as stream:
        message = stream.get_final_completion().choices[0].message

    assert message.tool_calls is not None
    assert message.tool_calls[0].function.arguments == '{"city":"Oslo"}'


def test_the_openai_client_lists_models_and_responds(openai_client: openai.OpenAI) -> None:
    assert LLAMA in {model.id for model in openai_client.models.list()}
    assert "Paris" in openai_client.responses.create(model=LLAMA, input="What is the capital of France?").output_text


def test_the_openai_client_streams_responses(openai_client: openai.OpenAI) -> None:
    with openai_client.responses.stream(model=LLAMA, input="What is the capital of France?") as stream:
        final = stream.get_final_response()

    assert "Paris" in final.output_text


def test_the_openai_client_transcribes(openai_client: openai.OpenAI) -> None:
    answer = openai_client.audio.transcriptions.create(model="whisper-v3", file=("a.mp3", b"ID3" + bytes(97)))

    assert answer.text == "Emulated transcription of 100 bytes of MP3."
