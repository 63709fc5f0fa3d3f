"""Chat completions in one piece."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.integration.emulator.asgi import LLAMA, Api

from fireworks_emulator.settings import Settings


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def content(answer: Any) -> str:
    return str(answer.json["choices"][0]["message"]["content"])


def test_an_answer_says_that_it_is_emulated_and_takes_up_the_question(api: Api) -> None:
    answer = api.chat()

    assert answer.status == 200
    assert content(answer).startswith("Emulated answer from llama-v3p1-405b-instruct: ")
    assert "Paris" in content(answer)


def test_an_answer_has_the_documented_form(api: Api) -> None:
    body = api.chat().json

    assert list(body) == ["id", "object", "created", "model", "choices", "usage"]
    assert (body["object"], body["model"]) == ("chat.completion", LLAMA)
    (choice,) = body["choices"]
    assert choice.keys() == {"index", "message", "finish_reason"}
    assert choice["message"].keys() == {"role", "content"}
    assert choice["finish_reason"] == "stop"
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}


@pytest.mark.parametrize("prefix", ["/inference/v1", "/v1"])
def test_both_bases_are_served(api: Api, prefix: str) -> None:
    body = {"model": LLAMA, "messages": [{"role": "user", "content": "hi"}]}

    assert api.post(f"{prefix}/chat/completions", body).status == 200


def test_the_same_request_gets_the_same_answer_in_every_process() -> None:
    assert content(Api(Settings(seed=5)).chat(seed=1)) == content(Api(Settings(seed=6)).chat(seed=1))
    assert content(Api(Settings(seed=5)).chat()) == content(Api(Settings(seed=5)).chat())


def test_ids_repeat_with_the_processs_seed_and_differ_without_one() -> None:
    assert Api(Settings(seed=5)).chat().json["id"] == Api(Settings(seed=5)).chat().json["id"]
    assert Api().chat().json["id"] != Api().chat().json["id"]


def test_answers_differ_by_seed(api: Api) -> None:
    assert len({content(api.chat(seed=seed)) for seed in range(20)}) > 1


def test_several_choices_are_numbered_and_all_counted(api: Api) -> None:
    one, three = api.chat("Tell me a story", n=1).json, api.chat("Tell me a story", n=3).json

    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in three["choices"]}) == 3
    assert three["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]
    assert three["usage"]["completion_tokens"] > 2 * one["usage"]["completion_tokens"]


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_an_answer_ends_at_its_token_limit(api: Api, field: str) -> None:
    body = api.chat(**{field: 5}).json

    assert body["usage"]["completion_tokens"] == 5
    assert body["choices"][0]["finish_reason"] == "length"


def test_an_answer_ends_before_a_stop_text(api: Api) -> None:
    body = api.chat("Count to 9", stop=["6"]).json

    assert body["choices"][0]["message"]["content"].endswith("1, 2, 3, 4, 5, ")
    assert body["choices"][0]["finish_reason"] == "stop"


def test_ignore_eos_runs_to_the_limit(api: Api) -> None:
    body = api.chat(ignore_eos=True, max_tokens=700).json

    assert body["usage"]["completion_tokens"] == 700
    assert body["choices"][0]["finish_reason"] == "length"


def test_a_prompt_longer_than_the_window_is_refused(api: Api) -> None:
    answer = api.chat("word " * 5000, model="accounts/fireworks/models/llava-v1.5-7b-4096-preview")

    assert answer.status == 400
    assert answer.message == "The prompt is too long: 5007, model maximum context length: 4095"


def test_prompt_truncate_len_drops_the_oldest_turns_but_the_system_message(api: Api) -> None:
    turns = [{"role": "user" if at % 2 == 0 else "assistant", "content": f"turn {at} " * 20} for at in range(6)]
    messages = [{"role": "system", "content": "be brief"}, *turns, {"role": "user", "content": "the last question"}]

    body = api.chat(messages=messages, prompt_truncate_len=120).json

    assert 60 < body["usage"]["prompt_tokens"] <= 120
    assert "the last question" in body["choices"][0]["message"]["content"]


def test_a_bare_slug_is_not_found(api: Api) -> None:
    answer = api.chat(model="llama-v3p1-405b-instruct")

    assert answer.status == 404
    assert answer.json["error"] == {
        "message": "Model not found, inaccessible, and/or not deployed",
        "param": "model",
        "code": "NOT_FOUND",
        "type": "error",
    }


def test_a_retired_model_is_served_unless_the_catalogue_is_strict(api: Api) -> None:
    assert api.chat().status == 200
    assert Api(Settings(strict_catalogue=True)).chat().status == 404


def test_an_embedding_model_does_not_chat(api: Api) -> None:
    assert api.chat(model="accounts/fireworks/models/qwen3-embedding-8b").status == 400


@pytest.mark.parametrize(
    "model", [f"{LLAMA}#accounts/a/deployments/d", "accounts/a/deployments/d", "accounts/fireworks/routers/kimi-latest"]
)
def test_the_answer_echoes_the_full_name_of_the_model(api: Api, model: str) -> None:
    assert api.chat(model=model).json["model"] == model


def test_log_probabilities_come_in_the_new_format_for_true(api: Api) -> None:
    choice = api.chat(logprobs=True, top_logprobs=2).json["choices"][0]

    entries = choice["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == choice["message"]["content"]
    assert all(len(entry["top_logprobs"]) == 2 for entry in entries)
    assert all(entry["logprob"] <= 0 for entry in entries)
    assert bytes(entries[3]["bytes"]).decode() == entries[3]["token"]


def test_log_probabilities_come_in_the_legacy_format_for_a_number(api: Api) -> None:
    choice = api.chat(logprobs=3).json["choices"][0]

    logprobs = choice["logprobs"]
    text = choice["message"]["content"]
    assert "".join(logprobs["tokens"]) == text
    assert {len(values) for values in logprobs.values()} == {len(logprobs["tokens"])}
    assert {len(top) for top in logprobs["top_logprobs"]} == {4}
    assert all(text.startswith(t, at) for t, at in zip(logprobs["tokens"], logprobs["text_offset"], strict=True))


def test_token_ids_raw_output_and_performance_come_when_asked_for(api: Api) -> None:
    body = api.chat(return_token_ids=True, raw_output=True, perf_metrics_in_response=True).json

    (choice,) = body["choices"]
    assert len(body["prompt_token_ids"]) == body["usage"]["prompt_tokens"]
    assert len(choice["token_ids"]) == body["usage"]["completion_tokens"]
    assert choice["raw_output"]["completion"] == choice["message"]["content"]
    assert choice["raw_output"]["completion_token_ids"] == choice["token_ids"]
    assert body["perf_metrics"]["prompt-tokens"] == str(body["usage"]["prompt_tokens"])


def test_a_reasoning_model_thinks_before_it_answers(api: Api) -> None:
    body = api.chat(model="accounts/fireworks/models/kimi-k3").json

    message = body["choices"][0]["message"]
    assert "capital of France" in message["reasoning_content"]
    assert "Paris" in message["content"]
    assert (
        "reasoning_content"
        not in api.chat(model="accounts/fireworks/models/kimi-k3", reasoning_effort="none").body.decode()
    )


def test_long_reasoning_eats_the_token_limit(api: Api) -> None:
    body = api.chat(model="accounts/fireworks/models/kimi-k3", max_tokens=10).json

    (choice,) = body["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "length")
    assert body["usage"]["completion_tokens"] == 10


def test_a_number_caps_the_reasoning(api: Api) -> None:
    body = api.chat(model="accounts/fireworks/models/qwen3-8b", reasoning_effort=4, return_token_ids=True).json

    assert body["usage"]["completion_tokens"] == 4 + len(body["choices"][0]["token_ids"])


def test_a_prompt_is_cached_for_those_who_say_where_it_was_sent(api: Api) -> None:
    first = [{"role": "system", "content": "cached prefix"}, {"role": "user", "content": "one"}]
    more = [*first, {"role": "assistant", "content": "1"}, {"role": "user", "content": "two"}]

    cold = api.chat(messages=first, prompt_cache_key="k").json["usage"]
    warm = api.chat(messages=more, prompt_cache_key="k").json["usage"]
    elsewhere = api.chat(messages=more).json["usage"]

    assert cold["prompt_tokens_details"]["cached_tokens"] == 0
    assert warm["prompt_tokens_details"]["cached_tokens"] == cold["prompt_tokens"]
    assert elsewhere["prompt_tokens_details"]["cached_tokens"] == 0


def test_the_header_for_session_affinity_warms_the_cache_as_well(api: Api) -> None:
    body = {"model": LLAMA, "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]}
    headers = {"x-session-affinity": "replica-7"}

    api.post("/v1/chat/completions", body, headers)
    answer = api.post("/v1/chat/completions", body, headers)

    assert int(answer.headers["fireworks-cached-prompt-tokens"]) > 0


def test_headers_tell_what_the_answer_cost(api: Api) -> None:
    answer = api.chat(temperature=0.7, top_p=0.9)

    usage = answer.json["usage"]
    assert answer.headers["fireworks-prompt-tokens"] == str(usage["prompt_tokens"])
    assert float(answer.headers["fireworks-server-time-to-first-token"]) > 0
    assert json.loads(answer.headers["fireworks-sampling-options"]) == {"temperature": 0.7, "top_p": 0.9}
    assert len(answer.headers["x-request-id"]) == 36


def test_rate_limit_headers_count_down() -> None:
    api = Api()

    first, second = api.chat(), api.chat()

    def left(answer: Any) -> int:
        return int(answer.headers["x-ratelimit-remaining-tokens-generated"])

    assert left(first) - left(second) == second.json["usage"]["completion_tokens"]
    assert (
        int(second.headers["x-ratelimit-remaining-requests"]) == int(second.headers["x-ratelimit-limit-requests"]) - 2
    )


def test_a_predicted_output_is_measured(api: Api) -> None:
    said = content(api.chat())

    answer = api.chat(prediction={"type": "content", "content": said})

    assert (
        answer.headers["fireworks-speculation-prompt-tokens"]
        == answer.headers["fireworks-speculation-prompt-matched-tokens"]
    )


def test_the_models_of_the_emulator_itself(api: Api) -> None:
    name = "accounts/fireworks/models/"

    assert content(api.chat("just this", model=name + "echo")) == "just this"
    assert len(content(api.chat("x", model=name + "story"))) > 800
    assert isinstance(json.loads(content(api.chat("x", model=name + "json"))), dict)
    assert api.chat(model=name + "429").status == 429
    assert [api.chat(model=name + "flaky-30").status for _ in range(4)] == [200, 200, 200, 500]


def test_an_unknown_path_and_a_wrong_method_have_the_frameworks_answers(api: Api) -> None:
    assert (api.get("/inference/v1/nope").status, api.get("/inference/v1/nope").json) == (404, {"detail": "Not Found"})
    wrong = api.get("/inference/v1/chat/completions")
    assert (wrong.status, wrong.json) == (405, {"detail": "Method Not Allowed"})


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Bearer sk-123", "Basic fw_abc", "fw_abc"])
def test_a_missing_or_foreign_key_is_refused(api: Api, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}

    answer = api.get("/v1/models", headers)

    assert answer.status == 401
    assert answer.json == {
        "error": {"message": "The API key you provided is invalid.", "code": "UNAUTHORIZED", "type": "error"}
    }


def test_a_key_of_the_operators_is_accepted_besides() -> None:
    api = Api(Settings(keys=frozenset({"local-key"})))

    assert api.get("/v1/models", {"authorization": "Bearer local-key"}).status == 200
    assert api.get("/v1/models", {"authorization": "bearer fw_other"}).status == 200
    assert api.get("/v1/models", {"authorization": "Bearer local-key2"}).status == 401


def test_each_call_leaves_one_line_in_the_log() -> None:
    lines: list[str] = []
    api = Api(log=lines.append)

    api.chat()
    api.chat(fault="429")

    assert [line.split(" ")[:3] for line in lines] == [
        ["POST", "/inference/v1/chat/completions", "200"],
        ["POST", "/inference/v1/chat/completions", "429"],
    ]
