"""Chat completions as a stream, in the provider's own manner."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message
from tests.integration.emulator.asgi import AUTHORIZATION, LLAMA, Api, scope, text

from fireworks_emulator.settings import Settings

QUESTION = "What is the weather in Paris and London?"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def test_a_stream_says_what_the_plain_answer_says(api: Api) -> None:
    streamed, plain = api.chat(stream=True), api.chat()

    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert text(streamed.events) == plain.json["choices"][0]["message"]["content"]
    assert streamed.body.endswith(b"data: [DONE]\n\n")


def test_there_is_one_event_per_token_after_the_role(api: Api) -> None:
    first, *tokens, last = api.chat(stream=True).events

    assert first["choices"] == [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]
    assert len(tokens) == last["usage"]["completion_tokens"]
    assert {event["object"] for event in tokens} == {"chat.completion.chunk"}
    assert {event["id"] for event in tokens} == {first["id"]}


def test_usage_comes_unasked_on_the_chunk_that_finishes(api: Api) -> None:
    *before, last = api.chat(stream=True).events

    assert {event["usage"] for event in before} == {None}
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["usage"] == api.chat().json["usage"]


def test_include_usage_moves_it_to_a_chunk_without_choices(api: Api) -> None:
    *before, last = api.chat(stream=True, stream_options={"include_usage": True}).events

    assert {event["usage"] for event in before} == {None}
    assert before[-1]["choices"][0]["finish_reason"] == "stop"
    assert (last["choices"], last["usage"]) == ([], api.chat().json["usage"])


@pytest.mark.parametrize(("fault", "places"), [("usage-missing", 0), ("usage-both", 2)])
def test_other_places_of_usage_can_be_asked_for(api: Api, fault: str, places: int) -> None:
    events = api.chat(stream=True, stream_options={"include_usage": True}, fault=fault).events

    assert sum(event["usage"] is not None for event in events) == places


def test_reasoning_comes_before_the_answer(api: Api) -> None:
    events = api.chat(model="accounts/fireworks/models/kimi-k3", stream=True).events

    kinds = [kind for event in events for kind in event["choices"][0]["delta"] if kind != "role"]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"reasoning_content", "content"}


def test_several_choices_take_turns_and_usage_comes_last(api: Api) -> None:
    events = api.chat(stream=True, n=3, max_tokens=4).events

    assert [event["choices"][0]["index"] for event in events[:6]] == [0, 1, 2, 0, 1, 2]
    assert [event["usage"] is not None for event in events][-3:] == [False, False, True]
    assert events[-1]["usage"]["completion_tokens"] == 12


def calls(events: list[Any]) -> list[dict[str, Any]]:
    return [call for event in events for call in event["choices"][0]["delta"].get("tool_calls", ())]


def test_a_tool_call_streams_its_name_first_and_then_its_arguments(api: Api) -> None:
    events = api.chat(QUESTION, tools=[WEATHER], parallel_tool_calls=False, stream=True).events

    first, *rest = calls(events)
    assert first["function"] == {"name": "get_weather"}
    assert first["id"].startswith("call_")
    assert {(call["index"], call["id"], call["type"]) for call in rest} == {(0, None, "function")}
    assert json.loads("".join(call["function"]["arguments"] for call in rest)) == {"city": "Paris"}
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_parallel_tool_calls_are_told_apart_by_index(api: Api) -> None:
    pieces: dict[int, str] = {0: "", 1: ""}
    for call in calls(api.chat(QUESTION, tools=[WEATHER], stream=True).events):
        pieces[call["index"]] += call["function"].get("arguments", "")

    assert [json.loads(piece)["city"] for piece in pieces.values()] == ["Paris", "London"]


def test_the_quirk_of_repeated_names_and_ids_can_be_asked_for(api: Api) -> None:
    events = api.chat(QUESTION, tools=[WEATHER], parallel_tool_calls=False, stream=True, fault="tool-quirks").events

    assert {call["function"]["name"] for call in calls(events)} == {"get_weather"}
    assert len({call["id"] for call in calls(events)}) == 1


def test_the_quirk_of_constrained_text_among_the_reasoning_can_be_asked_for(api: Api) -> None:
    form = {"type": "grammar", "grammar": 'root ::= "yes" | "no"'}

    events = api.chat(response_format=form, stream=True, fault="reasoning-leak").events

    assert text(events) == ""
    assert text(events, "reasoning_content") in {"yes", "no"}


def test_extras_of_a_stream_come_where_the_provider_puts_them(api: Api) -> None:
    events = api.chat(
        stream=True, return_token_ids=True, perf_metrics_in_response=True, logprobs=True, raw_output=True, max_tokens=5
    ).events

    assert [bool(event.get("prompt_token_ids")) for event in events] == [True, *[False] * 6]
    assert [bool(event.get("perf_metrics")) for event in events] == [*[False] * 6, True]
    assert [len(event["choices"][0].get("token_ids", ())) for event in events] == [0, 1, 1, 1, 1, 1, 0]
    offsets = [event["choices"][0]["logprobs"]["content"][0]["text_offset"] for event in events[1:6]]
    assert offsets == sorted(set(offsets))
    assert events[-1]["choices"][0]["raw_output"]["completion"] == text(events)


def test_a_stream_has_rate_limit_headers_but_no_performance_headers(api: Api) -> None:
    names = api.chat(stream=True).headers

    assert "x-ratelimit-remaining-requests" in names
    assert "x-request-id" in names
    assert not [name for name in names if name.startswith("fireworks-")]


def test_generation_stops_when_the_client_goes_away() -> None:
    api = Api()
    body = {"model": LLAMA, "messages": [{"role": "user", "content": "x"}], "stream": True, "max_tokens": 50_000}
    request = json.dumps({**body, "ignore_eos": True}).encode()
    sent: list[Message] = []

    async def leave_after_five() -> None:
        left = asyncio.Event()
        first = iter([{"type": "http.request", "body": request, "more_body": False}])

        async def receive() -> Message:
            for message in first:
                return message
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if len(sent) == 5:
                left.set()

        await api.application(scope("POST", "/v1/chat/completions", AUTHORIZATION), receive, send)

    asyncio.run(leave_after_five())
    assert 5 <= len(sent) < 12


def test_a_rate_paces_the_stream_and_the_plain_answer_alike() -> None:
    api = Api(Settings(rate=400))

    async def timed(stream: bool) -> float:
        started = asyncio.get_running_loop().time()
        body = json.dumps({"model": LLAMA, "messages": [{"role": "user", "content": "hi"}], "stream": stream}).encode()
        await api._send("POST", "/v1/chat/completions", body, AUTHORIZATION)
        return asyncio.get_running_loop().time() - started

    tokens = api.chat("hi").json["usage"]["completion_tokens"]
    assert asyncio.run(timed(stream=True)) >= tokens / 400
    assert asyncio.run(timed(stream=False)) >= tokens / 400
