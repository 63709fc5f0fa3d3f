"""No request, however odd, makes the emulator fail: it answers, or refuses with a 4xx."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.emulator.asgi import LLAMA, Api

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
DOCUMENT = {"type": "document", "source": {"type": "text", "data": "d"}}
USE = {"type": "tool_use", "id": "c", "name": "f", "input": {}}

WHOLE: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "model": LLAMA,
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "hi in Paris"}]},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        "stop": ["x"], "n": 1, "max_tokens": 20, "logprobs": True, "top_logprobs": 2, "seed": 1, "temperature": 1,
        "prediction": {"type": "content", "content": "x"}, "reasoning_effort": "low", "stream": False, "user": "u",
    },
    "/v1/completions": {
        "model": LLAMA, "prompt": ["a", "b"], "images": [[], []], "echo": True, "echo_last": 1, "logprobs": 2, "n": 2,
        "max_tokens": 5, "response_format": {"type": "grammar", "grammar": 'root ::= "a"'}, "speculation": [1, 2],
    },
    "/v1/embeddings": {
        "model": "nomic-ai/nomic-embed-text-v1.5", "input": ["a", "b"], "dimensions": 8, "encoding_format": "float",
        "prompt_template": "{{a}}", "return_logits": [1, 2], "normalize": True,
    },
    "/v1/rerank": {
        "model": "fireworks/qwen3-reranker-8b", "query": "q", "documents": ["a", "b"], "top_n": 1, "task": "t",
    },
    "/v1/messages": {
        "model": LLAMA, "max_tokens": 20, "system": [{"type": "text", "text": "s"}], "stop_sequences": ["x"],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "t"}, DOCUMENT]},
            {"role": "assistant", "content": [USE, {"type": "thinking", "thinking": "t"}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "r"}]},
        ],
        "tools": [{"name": "f", "description": "d", "input_schema": SCHEMA}], "tool_choice": {"type": "auto"},
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "metadata": {"user_id": "u"},
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    },
    "/v1/responses": {
        "model": LLAMA, "instructions": "i", "max_output_tokens": 20, "reasoning": {"effort": "low"}, "store": False,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "t"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "o"},
            {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "t"}]},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}], "tool_choice": "auto",
        "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}, "metadata": {"a": "b"},
    },
}  # fmt: skip

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        [[], {}, [[]], [{}], [None], {"type": "text"}, {"": ""}, "none", "auto", "data:,", [1, "a"], -1, 0]
    ),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


@pytest.mark.parametrize("path", WHOLE)
def test_the_whole_request_is_fine(api: Api, path: str) -> None:
    answer = api.post(path, {key: value for key, value in WHOLE[path].items() if key != "return_logits"})

    assert answer.status == 200, answer.body


@pytest.mark.parametrize("path", WHOLE)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_place_is_answered_or_refused(api: Api, path: str, data: st.DataObject) -> None:
    body = copy.deepcopy(WHOLE[path])
    *way, last = data.draw(st.sampled_from(list(places(body))))
    target: Any = body
    for step in way:
        target = target[step]
    target[last] = data.draw(ODD)

    answer = api.post(path, body)

    assert answer.status < 500, (json.dumps(body), answer.body)


@pytest.mark.parametrize("path", [*WHOLE, "/v1/audio/transcriptions", "/v1/models", "/nope", "/v1/", "/"])
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b'"text"', b"[" * 5000, b'{"a":' * 5000])
def test_any_body_is_answered_or_refused(api: Api, path: str, body: bytes) -> None:
    assert 400 <= api.post(path, body).status < 500


def test_a_body_beyond_the_limit_is_refused(api: Api) -> None:
    assert api.post("/v1/chat/completions", bytes(64 * 1024 * 1024 + 1)).status == 413
