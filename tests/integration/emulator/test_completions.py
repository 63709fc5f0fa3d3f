"""Text completions: several prompts, token ids, echo, legacy log probabilities, streams."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.emulator.asgi import LLAMA, Answer, Api


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def complete(api: Api, prompt: Any = "The capital of France is", **fields: Any) -> Answer:
    return api.post("/inference/v1/completions", {"model": LLAMA, "prompt": prompt, **fields})


def test_a_completion_has_the_documented_form(api: Api) -> None:
    body = complete(api).json

    assert body["object"] == "text_completion"
    (choice,) = body["choices"]
    assert choice.keys() == {"index", "text", "logprobs", "finish_reason"}
    assert "Paris" in choice["text"]
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


def test_several_prompts_give_their_choices_in_order(api: Api) -> None:
    body = complete(api, ["Count to 2", "Count to 3"], n=2).json

    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    assert ["1, 2, 3" in choice["text"] for choice in body["choices"]] == [False, False, True, True]
    assert body["usage"]["prompt_tokens"] == 6


@pytest.mark.parametrize(("prompt", "tokens"), [([1, 2, 3], 3), ([[1], [2, 3]], 3)])
def test_token_ids_are_counted_and_given_back(api: Api, prompt: Any, tokens: int) -> None:
    body = complete(api, prompt, return_token_ids=True, max_tokens=2).json

    assert body["usage"]["prompt_tokens"] == tokens
    assert body["choices"][0]["prompt_token_ids"] == (prompt if isinstance(prompt[0], int) else prompt[0])


@pytest.mark.parametrize("prompt", [[], ["a", 1], [1, [2]], 5, [{"a": 1}]])
def test_a_mixture_or_nothing_is_no_prompt(api: Api, prompt: Any) -> None:
    assert complete(api, prompt).status == 400


def test_echo_repeats_the_prompt_without_charging_for_it(api: Api) -> None:
    plain, echoed = complete(api, max_tokens=4).json, complete(api, max_tokens=4, echo=True).json

    assert echoed["choices"][0]["text"] == "The capital of France is" + plain["choices"][0]["text"]
    assert echoed["usage"] == plain["usage"]


def test_echo_last_repeats_only_the_end(api: Api) -> None:
    assert complete(api, max_tokens=4, echo_last=2).json["choices"][0]["text"].startswith(" France is")


def test_legacy_log_probabilities_cover_the_echo_whose_first_token_has_none(api: Api) -> None:
    choice = complete(api, max_tokens=3, echo=True, logprobs=2).json["choices"][0]

    logprobs = choice["logprobs"]
    assert "".join(logprobs["tokens"]) == choice["text"]
    assert logprobs["token_logprobs"][0] is None
    assert all(value <= 0 for value in logprobs["token_logprobs"][1:])
    assert logprobs["text_offset"][:3] == [0, 3, 11]


def test_a_stream_says_the_same_and_ends_with_usage(api: Api) -> None:
    answer = complete(api, stream=True, echo=True)

    assert (
        "".join(event["choices"][0]["text"] for event in answer.events)
        == complete(api, echo=True).json["choices"][0]["text"]
    )
    assert [event["usage"] for event in answer.events][-1] == complete(api).json["usage"]
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_messages_are_no_field_of_a_completion(api: Api) -> None:
    answer = complete(api, messages=[])

    assert answer.message == "Extra inputs are not permitted, field: 'messages', value: []"


def test_a_bare_prompt_is_cached_by_blocks(api: Api) -> None:
    complete(api, "word " * 200, prompt_cache_key="blocks")
    usage = complete(api, "word " * 200 + "more", prompt_cache_key="blocks").json["usage"]

    assert 150 < usage["prompt_tokens_details"]["cached_tokens"] < 201
