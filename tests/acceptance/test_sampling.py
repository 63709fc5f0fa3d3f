"""Parameters that steer an answer have their effect behind the gateway, through every client."""

from __future__ import annotations

import json
from typing import Any

from tests.acceptance.clients import Client

CAPITAL: dict[str, Any] = {
    "model": "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}
STORY: dict[str, Any] = {
    "model": "accounts/fireworks/models/llama-v3p1-405b-instruct",
    "messages": [{"role": "user", "content": "Tell me a story about a lighthouse."}],
    "temperature": 1,
}


def test_the_same_seed_gives_the_same_answer(client: Client) -> None:
    first = client.call("chat.completions.create", **STORY, seed=11).content
    second = client.call("chat.completions.create", **STORY, seed=11).content

    assert first == second


def test_n_asks_for_that_many_answers(client: Client) -> None:
    choices = client.call("chat.completions.create", **STORY, n=2).good().value["choices"]

    assert [choice["index"] for choice in choices] == [0, 1]
    assert all(choice["message"]["content"] for choice in choices)


def test_an_answer_ends_before_a_stop_text(client: Client) -> None:
    whole = client.call("chat.completions.create", **CAPITAL, seed=3).content
    stopped = client.call("chat.completions.create", **CAPITAL, seed=3, stop=["Paris"]).good()

    assert stopped.content == whole.partition("Paris")[0]
    assert stopped.value["choices"][0]["finish_reason"] == "stop"


def test_max_tokens_cuts_an_answer_and_says_so(client: Client) -> None:
    outcome = client.call("chat.completions.create", **STORY, max_tokens=3).good()

    assert outcome.value["choices"][0]["finish_reason"] == "length"
    assert outcome.value["usage"]["completion_tokens"] == 3


def test_log_probabilities_cover_the_whole_answer(client: Client) -> None:
    choice = client.call("chat.completions.create", **CAPITAL, logprobs=True, top_logprobs=2).good().value["choices"][0]

    tokens = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == choice["message"]["content"]
    assert all(token["logprob"] <= 0 for token in tokens)
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)


def test_a_schema_of_openais_spelling_shapes_the_answer(client: Client) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    response_format = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema, "strict": True}}

    outcome = client.call("chat.completions.create", **STORY, response_format=response_format)

    assert json.loads(outcome.content)["answer"] in ("yes", "no")
