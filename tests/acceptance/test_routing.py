"""The routing examples of docs/reference/config.md through the official clients, at targets that fail on demand."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.acceptance.clients import PROVIDER_KEY, Client, Outcome
from tests.acceptance.process import Served
from tests.acceptance.wire import call_over_http

BIG = "accounts/fireworks/models/llama-v3p1-405b-instruct"
SMALL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
HELLO: dict[str, Any] = {"model": "set-by-the-config", "messages": [{"role": "user", "content": "Hello"}]}
OURS = ("last-used-option-index", "retry-attempt-count", "provider")


def at(model: str, **more: Any) -> dict[str, Any]:
    """A target of the emulator."""
    return {"provider": "@emulator", "override_params": {"model": model}, **more}


def chat(client: Client, config: dict[str, Any], metadata: dict[str, Any] | None = None, **fields: Any) -> Outcome:
    using = client.using(config=config, metadata=metadata, provider=None, provider_key=None)
    return using.call("chat.completions.create", **{**HELLO, **fields})


def model_of(outcome: Outcome) -> str:
    """The model that answered."""
    if outcome.chunks is not None:
        return str(outcome.chunks[0]["model"])
    return str(outcome.good().value["model"])


def told(outcome: Outcome) -> tuple[str, ...]:
    """What Portkey's clients say of the way; nothing for OpenAI's, which do not show headers."""
    return tuple(outcome.headers[name] for name in OURS) if outcome.headers else ()


@pytest.mark.parametrize("fault", ["500", "503", "429", "404", "502"])
def test_a_fallback_answers_from_the_second_target(client: Client, fault: str) -> None:
    config = {"strategy": {"mode": "fallback"}, "targets": [at(f"{BIG}!{fault}"), at(SMALL)]}

    outcome = chat(client, config)

    assert model_of(outcome) == SMALL
    assert told(outcome) in ((), ("config.targets[1]", "0", "emulator"))


def test_a_fallback_on_listed_statuses_leaves_others_alone(client: Client) -> None:
    strategy = {"mode": "fallback", "on_status_codes": [429]}

    assert model_of(chat(client, {"strategy": strategy, "targets": [at(f"{BIG}!429"), at(SMALL)]})) == SMALL
    error = chat(client, {"strategy": strategy, "targets": [at(f"{BIG}!404"), at(SMALL)]}).error
    assert (error.name, error.status) == ("NotFoundError", 404)


def test_a_stream_falls_back_too(client: Client) -> None:
    config = {"strategy": {"mode": "fallback"}, "targets": [at(f"{BIG}!503"), at(SMALL)]}

    outcome = chat(client, config, stream=True)

    assert model_of(outcome) == SMALL
    assert outcome.content


def test_a_canary_gets_its_share(client: Client) -> None:
    config = {
        "strategy": {"mode": "loadbalance"},
        "targets": [at(BIG, weight=0.5), at(SMALL, weight=0.5), at(f"{BIG}!500", weight=0)],
    }

    seen = Counter(model_of(chat(client, config)) for _ in range(24))

    assert seen.keys() == {BIG, SMALL}  # one of them missing: 1 in 8 million


def test_sticky_calls_stay_together(client: Client) -> None:
    config = {
        "strategy": {"mode": "loadbalance", "sticky": {"enabled": True, "hash_fields": ["metadata.user"], "ttl": 300}},
        "targets": [at(BIG), at(SMALL)],
    }

    for user in ("ann", "ben", "cem"):
        assert len({model_of(chat(client, config, {"user": user})) for _ in range(4)}) == 1


def test_a_condition_routes_by_metadata_and_by_the_body(client: Client) -> None:
    config = {
        "strategy": {
            "mode": "conditional",
            "conditions": [
                {"query": {"metadata.plan": {"$in": ["pro", "team"]}}, "then": "big"},
                {"query": {"params.max_tokens": {"$gt": 1000}}, "then": "big"},
            ],
            "default": "small",
        },
        "targets": [at(BIG, name="big"), at(SMALL, name="small")],
    }

    assert model_of(chat(client, config, {"plan": "pro"})) == BIG
    assert model_of(chat(client, config, {"plan": "free"})) == SMALL
    assert model_of(chat(client, config, {"plan": "free"}, max_tokens=2000)) == BIG
    assert model_of(chat(client, config)) == SMALL


def test_retries_are_counted(client: Client) -> None:
    config = at(f"{BIG}!429;ms=1", retry={"attempts": 2, "on_status_codes": [429], "use_retry_after_headers": True})

    outcome = chat(client, {"strategy": {"mode": "fallback"}, "targets": [config, at(SMALL)]})

    assert model_of(outcome) == SMALL
    error = chat(client, config).error
    assert (error.name, error.status) == ("RateLimitError", 429)


def test_a_time_out_moves_on(client: Client) -> None:
    config = {"strategy": {"mode": "fallback"}, "targets": [at(f"{BIG}!hang", request_timeout=150), at(SMALL)]}

    assert model_of(chat(client, config)) == SMALL


def test_a_time_out_without_a_second_target_is_a_408(client: Client) -> None:
    error = chat(client, at(f"{BIG}!hang", request_timeout=150)).error

    assert error.status == 408


def test_strategies_nest(client: Client) -> None:
    config = {
        "strategy": {
            "mode": "conditional",
            "conditions": [{"query": {"metadata.a": "b"}, "then": "group"}],
            "default": "x",
        },
        "targets": [
            at(BIG, name="x"),
            {
                "name": "group",
                "strategy": {"mode": "fallback"},
                "targets": [
                    {"strategy": {"mode": "loadbalance"}, "targets": [at(f"{BIG}!500"), at(f"{BIG}!503")]},
                    at(SMALL),
                ],
            },
        ],
    }

    outcome = chat(client, config, {"a": "b"})

    assert model_of(outcome) == SMALL
    assert told(outcome) in ((), ("config.targets[1].targets[1]", "0", "emulator"))


def test_a_wrong_config_is_a_bad_request_that_says_where(client: Client) -> None:
    config = {"strategy": {"mode": "fallback", "on_status_code": [429]}, "targets": [at(BIG)]}

    error = chat(client, config).error

    assert (error.name, error.status) == ("BadRequestError", 400)
    assert "$.strategy.on_status_code" in error.message
    assert "on_status_codes" in error.message


def test_the_config_schema_is_published_for_editors(emberway: Served) -> None:
    answer = call_over_http(emberway, "/v1/schemas/config.json", login={})

    assert answer.status == 200
    assert answer.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "loadbalance" in answer.body.decode()


def test_a_decision_can_be_explained_without_a_call(emberway: Served) -> None:
    question = {
        "config": {
            "strategy": {"mode": "fallback"},
            "targets": [at(BIG), {"provider": "openai", "api_key": "sk-secret"}],
        },
        "request": {"body": HELLO},
        "outcomes": [503],
    }
    answer = call_over_http(emberway, "/v1/explain", question, login={"x-portkey-api-key": emberway.key})

    assert answer.status == 200, answer
    told = answer.json
    assert [send["path"] for send in told["sends"]] == ["config.targets[0]", "config.targets[1]"]
    assert told["sends"][1]["requests"][0]["url"] == "https://api.openai.com/v1/chat/completions"
    assert told["answer"] == {"path": "config.targets[1]", "outcome": 200, "retries": 0}
    assert "sk-secret" not in answer.body.decode()
    assert PROVIDER_KEY not in answer.body.decode()
