"""``POST /v1/explain``: the whole decision, and nothing sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.integration.edge.house import KEY, LOGIN, MODEL, House, Reply

from emberway.exchange import Headers
from emberway.settings import Settings

pytestmark = pytest.mark.anyio

MINE: Headers = [(b"content-type", b"application/json"), (b"x-portkey-api-key", KEY.encode())]
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 7}
A: dict[str, Any] = {"provider": "openai", "api_key": "sk-secret-a", "override_params": {"model": "gpt-x"}}
B: dict[str, Any] = {"provider": "groq", "api_key": "gsk-secret-b", "name": "b"}


async def ask(question: object, headers: Headers = MINE) -> Reply:
    house = House()
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    reply = await house.call("POST", "/v1/explain", body, headers)
    assert house.upstream.sent == [], "an explanation sends nothing"
    assert b"secret" not in reply.body
    assert KEY.encode() not in reply.body
    return reply


async def explained(question: object, headers: Headers = MINE) -> dict[str, Any]:
    reply = await ask(question, headers)
    assert reply.status == 200, reply.body
    told: dict[str, Any] = reply.json
    return told


def fallback(*targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"strategy": {"mode": "fallback", **more}, "targets": list(targets)}


async def test_each_attempt_is_shown_as_it_would_go_out() -> None:
    told = await explained({"config": fallback(A, B), "request": {"body": BODY}, "outcomes": [503]})

    first, second = told["sends"]
    assert (first["path"], first["provider"], first["assumed"]) == ("config.targets[0]", "openai", 503)
    assert first["changed"] == ["override_params"]
    assert first["requests"] == [
        {
            "method": "POST",
            "url": "https://api.openai.com/v1/chat/completions",
            "headers": {"content-type": "application/json", "authorization": "Bearer ***"},
            "body": {**BODY, "model": "gpt-x"},
        }
    ]
    assert (second["path"], second["assumed"]) == ("config.targets[1]", 200)
    assert told["answer"] == {"path": "config.targets[1]", "outcome": 200, "retries": 0}
    assert [(step["kind"], step["path"]) for step in told["steps"]][:3] == [
        ("sent", "config.targets[0]"),
        ("answered", "config.targets[0]"),
        ("moved_on", "config.targets[1]"),
    ]


async def test_the_config_is_shown_as_it_was_understood() -> None:
    told = await explained({"config": {**fallback(A, B), "override_params": {"seed": 1}}, "request": {"body": BODY}})

    assert told["config_version"]
    plan = told["plan"]
    assert (plan["path"], plan["mode"]) == ("config", "fallback")
    assert plan["targets"][0]["override_params"] == {"seed": 1, "model": "gpt-x"}
    assert (plan["targets"][1]["name"], plan["targets"][1]["api_key"]) == ("b", "***")


async def test_a_draw_can_be_given_and_is_shown() -> None:
    config = {"strategy": {"mode": "loadbalance"}, "targets": [{**A, "weight": 0.3}, {**B, "weight": 0.7}]}

    paths = []
    for draw in (0.1, 0.29, 0.31, 0.99):
        told = await explained({"config": config, "request": {"body": BODY}, "dice": [draw]})
        (drew,) = (step for step in told["steps"] if step["kind"] == "drew")
        assert drew["said"]["draw"] == draw
        paths.append(told["answer"]["path"])

    assert paths == ["config.targets[0]", "config.targets[0]", "config.targets[1]", "config.targets[1]"]


async def test_conditions_show_what_they_saw() -> None:
    strategy = {
        "mode": "conditional",
        "conditions": [{"query": {"metadata.tier": {"$eq": "paid"}}, "then": "b"}],
        "default": "a",
    }
    config = {"strategy": strategy, "targets": [{**A, "name": "a"}, B]}
    request = {"body": BODY, "headers": {"x-portkey-metadata": '{"tier":"free"}'}}

    told = await explained({"config": config, "request": request})

    (step,) = (step for step in told["steps"] if step["kind"] == "condition")
    assert step["said"]["holds"] is False
    assert "free" in json.dumps(step["said"])
    assert told["answer"]["path"] == "config.targets[0]"


async def test_retries_and_waits_take_no_time_and_are_told() -> None:
    config = {**A, "retry": {"attempts": 5}}

    told = await explained({"config": config, "request": {"body": BODY}, "outcomes": [500] * 6, "dice": [0.5] * 5})

    assert [step["said"] for step in told["steps"] if step["kind"] == "waited"] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert told["answer"] == {"path": "config", "outcome": 500, "retries": -1}


async def test_a_target_that_cannot_take_the_call_says_so() -> None:
    told = await explained({"config": fallback({"provider": "openai"}, B), "request": {"body": BODY}})

    assert told["sends"][0]["refused"]["code"] == "missing_provider_key"
    assert told["answer"]["path"] == "config.targets[1]"


async def test_a_call_that_would_be_refused_as_a_whole_says_so() -> None:
    config = {**fallback(B)}
    config["strategy"] = {"mode": "conditional", "conditions": [{"query": {"metadata.x": 1}, "then": "b"}]}

    told = await explained({"config": config, "request": {"body": BODY}})

    assert (told["refused"]["status"], told["refused"]["code"]) == (400, "no_condition_matched")
    assert "answer" not in told


async def test_a_call_without_a_config_is_explained_too() -> None:
    request = {"body": {**BODY, "model": "llama-v3p1-8b-instruct"}, "headers": {"x-portkey-provider": "fireworks-ai"}}

    told = await explained({"request": request}, [*MINE, (b"authorization", b"Bearer fw_secret")])

    (sending,) = told["sends"]
    assert sending["changed"] == ["model_path"]
    assert sending["requests"][0]["headers"]["authorization"] == "Bearer ***"
    assert sending["requests"][0]["body"]["model"].startswith("accounts/fireworks/models/")


async def test_the_headers_of_the_question_are_those_of_the_call() -> None:
    told = await explained({"request": {"body": {**BODY, "model": MODEL}}}, LOGIN)

    assert told["sends"][0]["provider"] == "fireworks-ai"


async def test_an_image_call_shows_its_first_request() -> None:
    request = {"path": "/v1/images/generations", "body": {"prompt": "a cat", "model": "flux-1-schnell-fp8"}}

    told = await explained({"config": {"provider": "fireworks-ai", "api_key": "fw_secret"}, "request": request})

    (sending,) = told["sends"]
    assert "/workflows/" in sending["requests"][0]["url"]


@pytest.mark.parametrize(
    ("question", "param"),
    [
        (b"{", None),
        ({"request": {"bdy": {}}}, None),
        ({"requests": {}}, None),
        ({"dice": [1.0]}, "dice"),
        ({"outcomes": [200] * 101}, "outcomes"),
        ({"config": {"strategy": {"mode": "x"}, "targets": [{}]}}, "$.strategy.mode"),
        ({"request": {"headers": {"x": "\N{SNOWMAN}"}}}, "request"),
    ],
)
async def test_a_question_that_cannot_be_read_says_what_to_send(question: object, param: str | None) -> None:
    reply = await ask(question)

    assert reply.status == 400
    assert reply.error["param"] == param


async def test_the_schema_needs_no_key() -> None:
    reply = await House(settings=Settings()).call("GET", "/v1/schemas/config.json", headers=[])

    assert (reply.status, reply.header("content-type")) == (200, "application/schema+json")
    assert "targets" in json.dumps(reply.json["$defs"])
