from __future__ import annotations

import msgspec
import pytest
from tests.unit.providers.calls import chat, write

from emberway.providers.base import Written
from emberway.providers.fireworks import FIREWORKS, fireworks


def complaint(field, value=", value: True"):
    return msgspec.json.encode(
        {
            "error": {
                "object": "error",
                "type": "invalid_request_error",
                "code": "invalid_request_error",
                "message": f"Extra inputs are not permitted, field: '{field}'{value}",
            }
        }
    )


def listed(*paths):
    return msgspec.json.encode(
        {"detail": [{"type": "extra_forbidden", "loc": ["body", *path], "msg": "no", "input": 1} for path in paths]}
    )


def amended(answer, status=400, provider=FIREWORKS, **fields):
    one = chat(**fields)
    return provider.amend(one, write(one), status, answer)


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(
    "answer",
    [
        complaint("promptCacheKey"),
        complaint("promptCacheKey", ""),
        b'{"error":"Extra inputs are not permitted, field: \'promptCacheKey\'"}',
        listed(["promptCacheKey"]),
    ],
)
def test_a_field_that_the_provider_refuses_is_left_out_of_the_repeat_and_named(status, answer):
    again = amended(answer, status, promptCacheKey="k", seed=1)

    assert again is not None
    assert again.body == chat(seed=1).body
    assert again.changed == ("extra_input:promptCacheKey",)


def test_a_private_key_in_the_history_is_removed_from_all_messages_since_there_is_one_repeat():
    again = amended(
        complaint("messages[1].timestamp"),
        messages=[
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b", "timestamp": 1},
            {"role": "tool", "content": "timestamp", "timestamp": 2, "tool_name": "x"},
        ],
    )

    assert again is not None
    assert msgspec.json.decode(again.body)["messages"] == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "tool", "content": "timestamp", "tool_name": "x"},
    ]
    assert again.changed == ("extra_input:messages[].timestamp",)


@pytest.mark.parametrize(
    "answer",
    [
        complaint("messages[0].content[1].cache_control", ", value: {'type': 'ephemeral'}"),
        listed(["messages", 0, "content", 1, "cache_control"]),
    ],
)
def test_a_key_inside_a_content_part_is_removed_from_all_parts_and_other_contents_stay(answer):
    again = amended(
        answer,
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "cache_control": {}}]},
            {"role": "user", "content": "cache_control"},
            {"role": "assistant", "content": None},
            {"role": "user", "content": [{"type": "text", "cache_control": 1}], "cache_control": 2},
        ],
    )

    assert again is not None
    assert msgspec.json.decode(again.body)["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text"}]},
        {"role": "user", "content": "cache_control"},
        {"role": "assistant", "content": None},
        {"role": "user", "content": [{"type": "text"}], "cache_control": 2},
    ]
    assert again.changed == ("extra_input:messages[].content[].cache_control",)


def test_a_list_of_refusals_is_answered_as_a_whole():
    again = amended(listed(["a"], ["messages", 0, "b"]), a=1, messages=[{"role": "user", "b": 2}], c=3)

    assert again is not None
    assert msgspec.json.decode(again.body) == {
        "model": "accounts/fireworks/models/llama-v3p1-405b-instruct",
        "messages": [{"role": "user"}],
        "c": 3,
    }
    assert again.changed == ("extra_input:a", "extra_input:messages[].b")


def test_what_the_repeat_keeps_it_keeps_byte_for_byte():
    body = b'{"model":"m","messages":[{"role":"user","content":[ 1e2 ],"x":1}, {"role":"a", "n":1.50}],"t":{ }}'

    again = FIREWORKS.amend(chat(), Written("/chat/completions", body), 400, complaint("messages[0].x"))

    assert again is not None
    assert again.body == b'{"model":"m","messages":[{"role":"user","content":[ 1e2 ]},{"role":"a", "n":1.50}],"t":{ }}'


def test_the_repeat_remembers_what_the_first_sending_had_changed():
    one = chat(max_tokens=1, max_completion_tokens=2, x=1)

    again = FIREWORKS.amend(one, write(one), 400, complaint("x"))

    assert again is not None
    assert again.changed == ("max_tokens", "extra_input:x")
    assert (again.path, again.headers) == ("/chat/completions", write(one).headers)


@pytest.mark.parametrize(
    "field",
    [
        "model",
        "messages",
        "prompt",
        "input",
        "stream",
        "tools",
        "response_format",
        "messages[0].role",
        "messages[0].content",
        "messages[0]",
        "stop[0]",
    ],
)
def test_without_some_fields_it_would_be_another_call_and_the_refusal_stands(field):
    fields = {"prompt": 1, "input": 1, "stream": True, "tools": [], "response_format": {}, "stop": ["a"]}

    assert amended(complaint(field), **fields) is None


@pytest.mark.parametrize(
    "field", ["absent", "messages[0].absent", "messages[9].absent", "seed.x", "seed[0].x", "messages.x", "", ".", "[0]"]
)
def test_a_field_that_is_not_there_leads_to_no_repeat(field):
    assert amended(complaint(field), seed=1) is None


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, complaint("x")),
        (404, complaint("x")),
        (400, b'{"error":{"message":"Invalid reasoning effort: none"}}'),
        (400, b""),
        (422, b'{"detail":[{"type":"missing","loc":["body","x"],"msg":"Field required"}]}'),
        (422, b'{"detail":[{"type":"extra_forbidden","loc":["query","x"],"msg":"no"}]}'),
        (422, b'{"detail":[{"type":"extra_forbidden","loc":["body"],"msg":"no"}]}'),
    ],
)
def test_only_a_refusal_of_extra_inputs_leads_to_a_repeat(status, answer):
    assert amended(answer, status, x=1) is None


def test_a_refused_value_that_quotes_such_a_refusal_removes_nothing_else():
    quoting = complaint("x", ", value: \"Extra inputs are not permitted, field: 'seed'\"")

    again = amended(quoting, x="…", seed=1)

    assert again is not None
    assert msgspec.json.decode(again.body)["seed"] == 1


def test_a_body_that_is_not_json_is_never_repeated():
    assert FIREWORKS.amend(chat(), Written("/audio/transcriptions", b"--boundary"), 400, complaint("x")) is None


def test_the_operator_can_switch_repeats_off():
    assert amended(complaint("x"), provider=fireworks(repeat_without_extra_inputs=False), x=1) is None
