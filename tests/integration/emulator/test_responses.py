"""The Responses API, as far as it is emulated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.integration.emulator.asgi import AUTHORIZATION, LLAMA, Answer, Api

PATH = "/inference/v1/responses"
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def api() -> Api:
    return Api()


def ask(api: Api, given: Any = "What is the capital of France?", **fields: Any) -> Answer:
    return api.post(PATH, {"model": LLAMA, "input": given, **fields})


def test_an_answer_has_the_documented_form(api: Api) -> None:
    body = ask(api).json

    assert (body["object"], body["status"], body["model"]) == ("response", "completed", LLAMA)
    assert "Paris" in body["output"][0]["content"][0]["text"]
    usage = body["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_a_limit_makes_it_incomplete(api: Api) -> None:
    body = ask(api, max_output_tokens=3).json

    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


def test_items_instructions_and_developer_turns_are_understood(api: Api) -> None:
    items = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "input_text", "text": "What is the capital of Spain?"}]},
    ]

    assert "Madrid" in ask(api, items, instructions="Answer.").json["output"][0]["content"][0]["text"]


def test_a_function_is_called_and_its_result_quoted(api: Api) -> None:
    question = {"role": "user", "content": "What is the weather in Rome?"}
    (call,) = ask(api, [question], tools=[TOOL]).json["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sun, 31 degrees"}

    answer = ask(api, [question, call, result], tools=[TOOL])

    assert (call["type"], json.loads(call["arguments"])) == ("function_call", {"city": "Rome"})
    assert "sun, 31 degrees" in answer.json["output"][0]["content"][0]["text"]


def test_a_schema_is_kept_to(api: Api) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    body = ask(api, text={"format": {"type": "json_schema", "name": "x", "schema": schema}}).json

    assert isinstance(json.loads(body["output"][0]["content"][0]["text"])["n"], int)


def test_a_stored_response_can_be_continued_read_listed_and_deleted(api: Api) -> None:
    first = ask(api, "What is the weather in Rome?", tools=[TOOL]).json
    result = [{"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "snow"}]
    second = ask(api, result, previous_response_id=first["id"]).json

    assert "snow" in second["output"][0]["content"][0]["text"]
    assert api.get(f"{PATH}/{first['id']}").json == first
    assert [row["id"] for row in api.get(PATH).json["data"]] == [second["id"], first["id"]]
    assert [row["id"] for row in api.get(f"{PATH}?after={second['id']}").json["data"]] == [first["id"]]
    account = {**AUTHORIZATION, "x-fireworks-account-id": "a"}
    assert api.send("DELETE", f"{PATH}/{first['id']}", b"", AUTHORIZATION).status == 400
    assert "message" in api.send("DELETE", f"{PATH}/{first['id']}", b"", account).json
    assert api.get(f"{PATH}/{first['id']}").status == 404


def test_another_key_does_not_see_it_and_store_false_keeps_nothing(api: Api) -> None:
    kept, dropped = ask(api).json["id"], ask(api, store=False).json["id"]

    assert api.get(f"{PATH}/{kept}", {"authorization": "Bearer fw_other"}).status == 404
    assert api.get(PATH, {"authorization": "Bearer fw_other"}).json["data"] == []
    assert api.get(f"{PATH}/{dropped}").status == 404


def test_a_stream_is_numbered_and_ends_with_the_whole_response(api: Api) -> None:
    events = ask(api, stream=True).events

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [events[0]["type"], events[1]["type"], events[-1]["type"]] == [
        "response.created",
        "response.in_progress",
        "response.completed",
    ]
    said = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert said == events[-1]["response"]["output"][0]["content"][0]["text"]


def test_a_streamed_function_call_and_reasoning_come_in_pieces(api: Api) -> None:
    model = "accounts/fireworks/models/kimi-k3"
    events = ask(api, "What is the weather in Rome?", tools=[TOOL], stream=True, model=model).events

    added = [event["item"]["type"] for event in events if event["type"] == "response.output_item.added"]
    arguments = "".join(e["delta"] for e in events if e["type"] == "response.function_call_arguments.delta")
    assert added == ["reasoning", "function_call"]
    assert json.loads(arguments) == {"city": "Rome"}
    assert any(event["type"] == "response.reasoning_text.delta" for event in events)


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_0"},
        {"input": [{"type": "item_reference", "id": "x"}]},
        {"tools": [{"type": "web_search"}]},
        {"text": {"format": {"type": "xml"}}},
        {"temperature": 5},
        {"max_output_tokens": 10_000_000},
    ],
)
def test_what_is_not_emulated_is_refused(api: Api, fields: dict[str, Any]) -> None:
    assert ask(api, **fields).status in {400, 404}


@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_page_has_between_one_and_a_hundred_rows(api: Api, limit: str) -> None:
    assert api.get(f"{PATH}?limit={limit}").status == 400
