from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.providers.calls import MESSAGES, MODEL, call, chat, sent, write

from emberway.providers.fireworks import CHAT_RULES
from emberway.providers.fireworks_format import grammar_lines
from emberway.providers.fireworks_rules import apply, full_name, is_plain_chat


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("minimax-m3", "accounts/fireworks/models/minimax-m3"),
        ("m@version_002", "accounts/fireworks/models/m@version_002"),
        ("models/minimax-m3", "accounts/fireworks/models/minimax-m3"),
        ("routers/glm-5p3-us", "accounts/fireworks/routers/glm-5p3-us"),
        ("glm-5p3-fast", "accounts/fireworks/routers/glm-5p3-fast"),
        ("firerouter", "accounts/fireworks/routers/firerouter"),
        ("auto", "accounts/fireworks/routers/auto"),
        ("auto-instant", "accounts/fireworks/routers/auto-instant"),
        ("kimi-latest", "accounts/fireworks/routers/kimi-latest"),
        ("kimi-k3-spot", "accounts/fireworks/routers/kimi-k3-spot"),
        ("ultramarine-1-flash-us", "accounts/fireworks/models/ultramarine-1-flash-us"),
    ],
)
def test_a_short_name_is_completed_to_the_resource_that_fireworks_knows(name, full):
    written = write(call({"model": name, "messages": MESSAGES}))

    assert sent(written) == {"model": full, "messages": MESSAGES}
    assert written.changed == ("model_path",)


@pytest.mark.parametrize(
    "name",
    [
        "accounts/fireworks/models/glm-5p3",
        "accounts/me/deployments/d1",
        "accounts/fireworks/models/gpt-oss-120b#accounts/a/deployments/d1",
        "accounts/fireworks/routers/firerouter",
        "gpt-oss-120b#accounts/a/deployments/d1",
        "FW-DeepSeek-V3",
        "nomic-ai/nomic-embed-text-v1.5",
        "fireworks/qwen3-embedding-8b",
        "fireworks/glm-5p3-fast",
    ],
)
def test_a_name_that_says_all_is_left_alone(name):
    assert full_name(name) == name


@pytest.mark.parametrize("endpoint", ["embeddings", "passthrough"])
@pytest.mark.parametrize("name", ["nomic-ai/nomic-embed-text-v1.5", "fireworks/qwen3-reranker-8b"])
def test_embeddings_and_reranking_keep_the_names_that_they_are_called_by(endpoint, name):
    one = call({"model": name, "input": "x"}, endpoint)

    assert write(one).body is one.body


def test_a_slug_in_front_of_the_model_is_removed_and_what_is_left_completed():
    written = write(call({"model": "@emulator/minimax-m3", "messages": MESSAGES}, model="minimax-m3"))

    assert sent(written)["model"] == "accounts/fireworks/models/minimax-m3"
    assert written.changed == ("model_slug", "model_path")


def test_the_role_developer_becomes_system_and_nothing_else_of_the_messages_moves():
    body = (
        b'{"model":"accounts/a/models/m","messages":[ {"role" : "developer", "content":"a","x":1e2},'
        b'{"role":"user","content":[ 1 , {"role":"developer"}]},{"content":"b","role":"develop\\u0065r"}]}'
    )

    written = write(call(body))

    assert written.body == (
        b'{"model":"accounts/a/models/m","messages":[{"role":"system","content":"a","x":1e2},'
        b'{"role":"user","content":[ 1 , {"role":"developer"}]},{"content":"b","role":"system"}]}'
    )
    assert written.changed == ("developer_role",)


def test_of_two_token_limits_only_the_newer_one_is_sent():
    written = write(chat(max_tokens=5, max_completion_tokens=7))

    assert sent(written) == {"model": MODEL, "messages": MESSAGES, "max_completion_tokens": 7}
    assert written.changed == ("max_tokens",)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_tokens": 0},
        {"max_completion_tokens": -1},
        {"max_tokens": None, "max_completion_tokens": 7},
        {"max_tokens": 7, "max_completion_tokens": None},
    ],
)
def test_a_single_token_limit_is_sent_as_it_is_whatever_its_value(limits):
    one = chat(**limits)

    assert write(one).body is one.body


def test_a_flat_tool_choice_is_nested_as_the_schema_wants_it():
    written = write(chat(tool_choice={"type": "function", "name": "weather"}))

    assert sent(written)["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert written.changed == ("tool_choice",)


@pytest.mark.parametrize(
    "choice",
    [
        "auto",
        "none",
        "any",
        "required",
        {"type": "function", "function": {"name": "weather"}},
        {"type": "function", "name": "a", "function": {"name": "b"}},
        {"type": "tool", "name": "weather"},
        {"type": 5, "name": "x"},
        {"type": "function", "name": None},
        7,
        None,
    ],
)
def test_every_other_tool_choice_is_for_the_provider_to_judge(choice):
    one = chat(tool_choice=choice)

    assert write(one).body is one.body


def test_completions_follow_the_same_rules():
    written = write(call({"model": "m", "prompt": "x", "grammar": 'root ::= "a"', "max_tokens": 1}, "completions"))

    assert sent(written) == {
        "model": "accounts/fireworks/models/m",
        "prompt": "x",
        "max_tokens": 1,
        "response_format": {"type": "grammar", "grammar": 'root ::= "a"'},
    }


def test_no_default_is_added_and_no_value_is_clamped():
    one = chat(temperature=9.5, top_k=100000, n=999, frequency_penalty=-77, logprobs=50, unheard_of={"a": [None]})

    assert write(one).body is one.body


steady = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The same examples on every machine, however busy it is."""

TEXT = st.text('abc "\\{}[]äö\u2028\U0001f600\n', max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
OTHER_FIELDS = st.dictionaries(
    st.sampled_from(["tools", "stop", "seed", "user", "metadata", "logit_bias", "x-y", "äö", "top_k"]), JSON, max_size=4
)


@steady
@given(
    model=st.text("abc-/#", max_size=20).map("accounts/".__add__),
    messages=st.lists(st.fixed_dictionaries({"role": ROLES, "content": JSON}), max_size=4),
    other=OTHER_FIELDS,
    spaces=st.integers(0, 2),
)
def test_a_chat_that_no_rule_is_about_is_relayed_as_the_very_object_that_came(model, messages, other, spaces):
    text = msgspec.json.encode({**other, "model": model, "messages": messages})
    one = call(msgspec.json.format(text, indent=spaces))

    written = write(one)

    assert written.body is one.body
    assert (written.changed, written.warnings) == ((), ())


FIELDS = st.fixed_dictionaries(
    {"model": st.sampled_from([MODEL, "m", "a/b", "kimi-latest"])},
    optional={
        "messages": st.lists(st.fixed_dictionaries({"role": ROLES | st.just("developer")}), max_size=3),
        "max_tokens": st.none() | st.integers(0, 9),
        "max_completion_tokens": st.none() | st.integers(0, 9),
        "tool_choice": st.sampled_from(["auto", {"type": "function", "name": "x"}]),
        "grammar": st.none() | st.just('root ::= "a"'),
        "response_format": st.sampled_from([None, {"type": "text"}]),
    },
)


@steady
@given(FIELDS)
def test_a_call_is_called_plain_only_if_no_rule_changes_it(fields):
    one = call(fields)

    changed = apply((*CHAT_RULES, grammar_lines), one).changed

    assert not (is_plain_chat(one) and changed)


@steady
@given(FIELDS, OTHER_FIELDS)
def test_rules_leave_every_other_fields_bytes_as_they_were(fields, other):
    one = call({**other, **fields})

    wire = msgspec.json.decode(write(one).body, type=dict[str, msgspec.Raw])

    asked = msgspec.json.decode(one.body, type=dict[str, msgspec.Raw])
    assert {key: bytes(wire[key]) for key in other} == {key: bytes(asked[key]) for key in other}
