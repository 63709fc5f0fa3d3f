"""Faults on demand, as a client sees them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message
from tests.integration.emulator.asgi import AUTHORIZATION, LLAMA, Api, scope, text


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"), ("POST", "/inference/v1/completions"), ("POST", "/v1/embeddings"),
        ("POST", "/v1/rerank"), ("GET", "/v1/models"), ("POST", "/v1/responses"), ("POST", "/v1/audio/transcriptions"),
        ("POST", "/v1/image_generation/accounts/fireworks/models/x"), ("GET", "/v1/serverless/models"),
    ],
)  # fmt: skip
def test_a_fault_in_the_header_works_on_every_endpoint(api: Api, method: str, path: str) -> None:
    answer = api.send(method, path, b"", {**AUTHORIZATION, "x-emulator-fault": "429;k=7"})

    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert "x-request-id" in answer.headers


def test_a_fault_in_the_models_name_works_where_a_model_is_named(api: Api) -> None:
    picture = "/v1/image_generation/accounts/fireworks/models/stable-diffusion-xl-1024-v1-0!503"

    assert api.chat(model=f"{LLAMA}!412").status == 412
    assert api.post("/v1/embeddings", {"model": "nomic-ai/nomic-embed-text-v1.5!401", "input": "x"}).status == 401
    assert api.post(picture, {"prompt": "x"}).status == 503


def test_a_fault_does_not_show_in_the_answers_model(api: Api) -> None:
    assert api.chat(model=f"{LLAMA}!usage-missing").json["model"] == LLAMA


def test_a_fault_that_does_not_exist_is_refused(api: Api) -> None:
    assert api.chat(fault="explode").status == 400


def test_a_cut_stream_ends_without_its_closing_mark(api: Api) -> None:
    answer = api.chat(stream=True, fault="cut;k=5")

    assert (answer.status, answer.whole) == (200, False)
    assert len(answer.events) == 5
    assert b"[DONE]" not in answer.body


def test_a_cut_plain_answer_is_shorter_than_it_promised(api: Api) -> None:
    answer = api.chat(fault="cut")

    assert not answer.whole
    assert 0 < len(answer.body) < int(answer.headers["content-length"])


def test_a_stream_can_end_with_an_error_event(api: Api) -> None:
    answer = api.chat(stream=True, fault="stream-error;k=4")

    *before, last = answer.events
    assert len(before) == 4
    assert last.keys() == {"error"}
    assert b"[DONE]" not in answer.body


def test_a_plain_answer_can_be_garbage(api: Api) -> None:
    answer = api.chat(fault="garbage-json")

    assert answer.status == 200
    assert int(answer.headers["content-length"]) == len(answer.body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_one_event_of_a_stream_can_be_garbage(api: Api) -> None:
    whole = list(api.chat(stream=True).data())
    spoilt = list(api.chat(stream=True, fault="garbage-json;k=2").data())

    assert len(spoilt) == len(whole)
    with pytest.raises(json.JSONDecodeError):
        json.loads(spoilt[2])
    assert spoilt[-1] == b"[DONE]"


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_can_be_empty(api: Api, stream: bool) -> None:
    answer = api.chat(stream=stream, fault="empty")

    assert (answer.status, answer.body) == (200, b"")


def test_usage_can_be_missing_everywhere(api: Api) -> None:
    assert "usage" not in api.chat(fault="usage-missing").json
    assert {event["usage"] for event in api.chat(stream=True, fault="usage-missing").events} == {None}
    assert "usage" not in api.post("/v1/embeddings!usage-missing", {"model": "thenlper/gte-base", "input": "x"}).json


def test_a_share_of_the_calls_can_fail(api: Api) -> None:
    assert [api.chat(fault="flaky-50").status for _ in range(6)] == [200, 500, 200, 500, 200, 500]


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_token_can_be_late(api: Api, stream: bool) -> None:
    async def timed() -> float:
        started = asyncio.get_running_loop().time()
        body = json.dumps({"model": LLAMA, "messages": [{"role": "user", "content": "x"}], "stream": stream}).encode()
        await api._send("POST", "/v1/chat/completions", body, {**AUTHORIZATION, "x-emulator-fault": "slow;k=0.2"})
        return asyncio.get_running_loop().time() - started

    assert asyncio.run(timed()) >= 0.2


def test_a_wrong_option_is_refused(api: Api) -> None:
    answer = api.chat(fault="slow;k=long")

    assert answer.status == 400
    assert "number" in answer.message


def test_a_hanging_call_is_never_answered_and_ends_with_its_client(api: Api) -> None:
    sent: list[Message] = []

    async def hang() -> None:
        messages: list[Any] = [{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}]

        async def receive() -> Message:
            return messages.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        headers = {**AUTHORIZATION, "x-emulator-fault": "hang"}
        await api.application(scope("POST", "/v1/chat/completions", headers), receive, send)

    asyncio.run(hang())
    assert sent == []


def test_the_seven_shapes_keep_their_form_on_every_endpoint(api: Api) -> None:
    messages = api.post("/v1/messages", {}, fault="shape-c")

    assert messages.json == {"error": "An error in shape C"}


def test_an_error_is_never_distorted(api: Api) -> None:
    assert api.chat(model="bare", fault="cut").message.startswith("Model not found")


def test_a_fault_of_the_emulator_itself_is_a_500_in_shape_a(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api.application.emulator.catalogue, "find", lambda name: 1 / 0)

    answer = api.chat()

    assert (answer.status, answer.message) == (500, "Internal server error")
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_stream_says_the_same_with_a_late_start(api: Api) -> None:
    assert text(api.chat(stream=True, fault="slow;k=0").events) == text(api.chat(stream=True).events)
