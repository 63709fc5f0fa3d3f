"""Streams through every client: text as it comes, usage where asked for, and a break that nobody overlooks."""

from __future__ import annotations

import json
import threading
from typing import Any

import openai
import pytest
from portkey_ai import createHeaders
from tests.acceptance.clients import PROVIDER_KEY, Client
from tests.acceptance.process import Served
from tests.acceptance.recorder import Recorder
from tests.acceptance.wire import call_over_http

QUESTION: dict[str, Any] = {
    "model": "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}


def test_a_streamed_answer_comes_in_pieces_that_make_the_whole_one(client: Client) -> None:
    whole = client.call("chat.completions.create", **QUESTION, seed=7).good()
    streamed = client.call("chat.completions.create", **QUESTION, seed=7, stream=True).good()

    assert streamed.chunks is not None
    pieces = [choice["delta"] for chunk in streamed.chunks for choice in chunk["choices"]]
    assert sum(bool(piece.get("content")) for piece in pieces) > 2
    assert streamed.content == whole.content
    assert "Paris" in streamed.content


def test_a_stream_says_once_why_it_ended(client: Client) -> None:
    streamed = client.call("chat.completions.create", **QUESTION, stream=True).good()

    assert streamed.chunks is not None
    reasons = [choice.get("finish_reason") for chunk in streamed.chunks for choice in chunk["choices"]]
    assert [reason for reason in reasons if reason] == ["stop"]


def test_usage_asked_for_comes_in_a_last_chunk_without_choices(client: Client) -> None:
    streamed = client.call(
        "chat.completions.create", **QUESTION, stream=True, stream_options={"include_usage": True}
    ).good()

    assert streamed.chunks is not None
    last = streamed.chunks[-1]
    assert last["choices"] == []
    usage = last["usage"]
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stream_is_an_event_stream_that_ends_with_done(emberway: Served) -> None:
    answer = call_over_http(emberway, "/v1/chat/completions", QUESTION | {"stream": True})

    assert answer.status == 200
    assert answer.header("content-type").startswith("text/event-stream")
    events = answer.body.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(json.loads(event.removeprefix("data: "))["object"] == "chat.completion.chunk" for event in events[:-2])


def test_a_piece_of_a_stream_reaches_the_client_before_the_next_one_exists(relay: Served, recorder: Recorder) -> None:
    recorder.gate = threading.Event()
    headers = createHeaders(provider="fireworks-ai", api_key=relay.key)

    with openai.OpenAI(api_key=PROVIDER_KEY, base_url=relay.base_url, default_headers=headers, timeout=10) as client:
        stream = client.chat.completions.create(**QUESTION, stream=True)
        first = next(stream)
        recorder.gate.set()
        rest = list(stream)

    assert first.choices[0].delta.role == "assistant"
    assert rest[-1].choices[0].finish_reason == "stop"


def test_an_error_of_the_provider_in_mid_stream_raises(client: Client) -> None:
    faulty = client.using(forward={"x-emulator-fault": "stream-error"})

    outcome = faulty.call("chat.completions.create", **QUESTION, stream=True)

    assert outcome.chunks, "the error came before the stream"
    assert outcome.error.status is None


def test_a_stream_that_the_provider_cuts_raises_and_does_not_look_complete(client: Client) -> None:
    faulty = client.using(forward={"x-emulator-fault": "cut"})

    outcome = faulty.call("chat.completions.create", **QUESTION, stream=True)

    assert outcome.chunks, "the cut came before the stream"
    assert outcome.error.status is None


@pytest.mark.parametrize("fault", ["stream-error", "cut"])
def test_a_broken_stream_is_told_in_a_named_error_event(emberway: Served, fault: str) -> None:
    answer = call_over_http(
        emberway,
        "/v1/chat/completions",
        QUESTION | {"stream": True},
        {"x-emulator-fault": fault, "x-portkey-forward-headers": "x-emulator-fault"},
    )

    last = answer.body.decode().rstrip("\n").split("\n\n")[-1]
    name, data = last.split("\n")
    assert name == "event: error"
    error = json.loads(data.removeprefix("data: "))["error"]
    assert error["message"]
    assert {"type", "code"} <= error.keys()
