"""The Anthropic-compatible endpoint."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image
from tests.integration.emulator.asgi import LLAMA, Answer, Api

TOOL = {
    "name": "get_weather",
    "description": "Weather in a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
WEATHER = "What is the weather in Rome?"


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def ask(api: Api, content: Any = "What is the capital of France?", fault: str | None = None, **fields: Any) -> Answer:
    body = {"model": LLAMA, "max_tokens": 400, "messages": [{"role": "user", "content": content}], **fields}
    return api.post("/inference/v1/messages", body, fault=fault)


def test_an_answer_has_anthropics_form(api: Api) -> None:
    body = ask(api).json

    assert (body["type"], body["role"], body["model"]) == ("message", "assistant", LLAMA)
    (block,) = body["content"]
    assert block["type"] == "text"
    assert "Paris" in block["text"]
    assert (body["stop_reason"], body["stop_sequence"]) == ("end_turn", None)
    assert body["usage"].keys() == {"input_tokens", "cache_read_input_tokens", "output_tokens"}


@pytest.mark.parametrize(
    ("fields", "reason", "sequence"),
    [({"max_tokens": 3}, "max_tokens", None), ({"stop_sequences": ["Paris"]}, "stop_sequence", "Paris")],
)
def test_the_reason_why_it_stopped_is_named(
    api: Api, fields: dict[str, Any], reason: str, sequence: str | None
) -> None:
    body = ask(api, **fields).json

    assert (body["stop_reason"], body["stop_sequence"]) == (reason, sequence)


def test_a_tool_is_used_and_its_result_quoted(api: Api) -> None:
    used = ask(api, WEATHER, tools=[TOOL]).json
    (call,) = used["content"]
    turns = [
        {"role": "user", "content": WEATHER},
        {"role": "assistant", "content": used["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "sun, 31 degrees"}]},
    ]

    answer = ask(api, tools=[TOOL], messages=turns)

    assert (used["stop_reason"], call["name"], call["input"]) == ("tool_use", "get_weather", {"city": "Rome"})
    assert "sun, 31 degrees" in answer.json["content"][0]["text"]


def test_system_pictures_and_cache_marks_are_understood(api: Api) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 32), "blue").save(file, "PNG")
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(file.getvalue()).decode()}
    content = [
        {"type": "image", "source": source},
        {"type": "text", "text": "?", "cache_control": {"type": "ephemeral"}},
    ]
    model = "accounts/fireworks/models/kimi-k3"

    answer = ask(
        api, content, model=model, system=[{"type": "text", "text": "Be brief."}], thinking={"type": "disabled"}
    )

    assert "64 by 32 PNG, mostly blue" in answer.json["content"][0]["text"]


def test_thinking_comes_in_its_own_block(api: Api) -> None:
    body = ask(api, model="accounts/fireworks/models/kimi-k3", thinking={"type": "enabled", "budget_tokens": 1024}).json

    assert [block["type"] for block in body["content"]] == ["thinking", "text"]


def test_a_schema_is_kept_to(api: Api) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    body = ask(api, output_config={"format": {"type": "json_schema", "schema": schema}}).json

    assert isinstance(json.loads(body["content"][0]["text"])["n"], int)


def test_a_stream_has_anthropics_events_in_order(api: Api) -> None:
    answer = ask(api, WEATHER, tools=[TOOL], stream=True)

    kinds = [event["type"] for event in answer.events]
    named = [line.removeprefix(b"event: ").decode() for line in answer.body.split(b"\n") if line.startswith(b"event: ")]
    assert kinds == named
    assert kinds[:3] == ["message_start", "ping", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    deltas = [event["delta"]["partial_json"] for event in answer.events if event["type"] == "content_block_delta"]
    assert json.loads("".join(deltas)) == {"city": "Rome"}
    assert answer.events[-2]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("fields", "status", "kind"),
    [
        ({"model": "llama"}, 404, "not_found_error"),
        ({"max_tokens": 0}, 400, "invalid_request_error"),
        ({"thinking": {"type": "adaptive"}}, 400, "invalid_request_error"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, 400, "invalid_request_error"),
        ({"fault": "429"}, 429, "rate_limit_error"),
        ({"fault": "401"}, 401, "authentication_error"),
        ({"fault": "412"}, 412, "invalid_request_error"),
        ({"fault": "503"}, 503, "overloaded_error"),
        ({"fault": "500"}, 500, "api_error"),
    ],
)
def test_errors_have_anthropics_shape(api: Api, fields: dict[str, Any], status: int, kind: str) -> None:
    answer = ask(api, **fields)

    assert answer.status == status
    assert (answer.json["type"], answer.json["error"]["type"]) == ("error", kind)
