"""A request that does not fit is refused in the provider's words, with field and value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fireworks_emulator.errors import Refused
from fireworks_emulator.requests import ChatRequest, CompletionRequest
from fireworks_emulator.validation import parse

MESSAGE = {"role": "user", "content": "hi"}


def complaint(body: dict[str, Any] | bytes, kind: type = ChatRequest) -> str:
    with pytest.raises(Refused) as refused:
        parse(body if isinstance(body, bytes) else json.dumps(body).encode(), kind)
    error = json.loads(refused.value.body)["error"]
    assert refused.value.status == 400
    assert (error["object"], error["type"], error["code"]) == (
        "error",
        "invalid_request_error",
        "invalid_request_error",
    )
    return str(error["message"])


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [MESSAGE], **fields}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (chat(grammar="root ::= x"), "Extra inputs are not permitted, field: 'grammar', value: 'root ::= x'"),
        (chat(store=True), "Extra inputs are not permitted, field: 'store', value: True"),
        (chat(verbosity=None), "Extra inputs are not permitted, field: 'verbosity', value: None"),
        (
            chat(messages=[MESSAGE, MESSAGE, {**MESSAGE, "timestamp": 17}]),
            "Extra inputs are not permitted, field: 'messages[2].timestamp', value: 17",
        ),
        (
            chat(messages=[{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"a": 1}}]}]),
            "Extra inputs are not permitted, field: 'messages[0].content[0].cache_control', value: {'a': 1}",
        ),
        (
            chat(tools=[{"type": "function", "function": {"name": "f"}, "id": "t"}]),
            "Extra inputs are not permitted, field: 'tools[0].id', value: 't'",
        ),
        (
            chat(response_format={"type": "text", "strict": True}),
            "Extra inputs are not permitted, field: 'response_format.strict', value: True",
        ),
        (
            chat(messages=[{"role": "assistant", "tool_calls": [{"function": {"name": "f", "thought": "t"}}]}]),
            "Extra inputs are not permitted, field: 'messages[0].tool_calls[0].function.thought', value: 't'",
        ),
    ],
)
def test_an_unknown_field_is_named_with_its_place_and_value(body: dict[str, Any], message: str) -> None:
    assert complaint(body) == message


def test_of_several_unknown_fields_the_first_is_reported() -> None:
    assert complaint(chat(alpha=1, beta=2)) == "Extra inputs are not permitted, field: 'alpha', value: 1"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 2.5), ("temperature", -0.1), ("top_p", 1.1), ("top_k", 101), ("min_p", 2), ("n", 0), ("n", 129),
        ("frequency_penalty", -2.5), ("presence_penalty", 3), ("repetition_penalty", 2.1), ("max_tokens", -1),
        ("logprobs", 6), ("top_logprobs", 6), ("stop", ["1", "2", "3", "4", "5"]),
    ],
)  # fmt: skip
def test_a_number_out_of_its_range_is_refused(field: str, value: object) -> None:
    message = complaint(chat(**{field: value}))

    assert f"field: {field!r}" in message
    assert f"value: {value!r}" in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_tokens", "12"), ("max_tokens", True), ("stream", "yes"), ("n", None), ("messages", "hi"), ("seed", 1.5),
        ("logit_bias", {"5": "x"}), ("service_tier", "gold"), ("tool_choice", "maybe"), ("stop", 5),
        ("metadata", {"a": 1}),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_refused(field: str, value: object) -> None:
    assert f"field: '{field}" in complaint(chat(**{field: value}))


def test_a_missing_field_is_named() -> None:
    assert complaint({"messages": [MESSAGE]}) == "Field required, field: 'model'"


def test_a_conversation_needs_a_message() -> None:
    assert "field: 'messages', value: []" in complaint(chat(messages=[]))


@pytest.mark.parametrize("body", [b"", b"{", b'{"model": "\xff"}', b"[" * 100_000, b'{"model":"m"} x'])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    assert "JSON" in complaint(body) or "Expected object" in complaint(body)


def test_every_documented_parameter_is_accepted() -> None:
    body = chat(
        max_tokens=5, temperature=1, top_p=0.5, top_k=40, min_p=0.1, typical_p=0.9, frequency_penalty=0.5,
        presence_penalty=0.5, repetition_penalty=1.1, mirostat_target=5.0, mirostat_lr=0.1, logit_bias={"17": -100},
        seed=4, n=2, stop=["a"], stream=True, stream_options={"include_usage": True}, logprobs=True, top_logprobs=3,
        echo=False, echo_last=2, ignore_eos=True, context_length_exceeded_behavior="error", prompt_truncate_len=100,
        response_format={"type": "text"}, tools=[], tool_choice="auto", parallel_tool_calls=True,
        reasoning_effort="low", reasoning_history="preserved", prediction={"type": "content", "content": "x"},
        speculation=[1, 2], perf_metrics_in_response=True, return_token_ids=True, raw_output=True,
        safe_tokenization=True, user="u", prompt_cache_key="k", prompt_cache_isolation_key="i",
        service_tier="priority", metadata={"a": "b"},
    )  # fmt: skip

    assert parse(json.dumps(body).encode(), ChatRequest).seed == 4


@pytest.mark.parametrize("prompt", ["text", ["a", "b"], [1, 2], [[1], [2, 3]]])
def test_a_prompt_may_be_text_or_token_ids_one_or_several(prompt: object) -> None:
    request = parse(json.dumps({"model": "m", "prompt": prompt}).encode(), CompletionRequest)

    assert request.prompt == prompt
