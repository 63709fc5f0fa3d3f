"""What reaches the provider: the client's own bytes or a rule's documented form, and never a key of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.acceptance.clients import Client, run_curl
from tests.acceptance.process import Served
from tests.acceptance.recorder import Recorder
from tests.acceptance.test_tools import NAMED, TOOLS
from tests.acceptance.wire import call_over_http

MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
QUESTION = [{"role": "user", "content": "What is the capital of France? Ça va? 日本 \u2028 <&>"}]
PIXEL = "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////"

UNTOUCHED: dict[str, dict[str, Any]] = {
    "chat": {"model": MODEL, "messages": [{"role": "system", "content": "You are a helpful assistant."}, *QUESTION]},
    "sampling": {
        "model": MODEL,
        "messages": QUESTION,
        "temperature": 0.1,
        "top_p": 1.0,
        "seed": 12345678901234567,
        "stop": ["a", "b"],
        "logit_bias": {"50256": -100},
        "n": 2,
        "logprobs": True,
        "max_tokens": 10,
        "user": "u",
    },
    "streaming": {"model": MODEL, "messages": QUESTION, "stream": True, "stream_options": {"include_usage": True}},
    "tools": {
        "model": MODEL,
        "messages": QUESTION,
        "tools": TOOLS,
        "tool_choice": "required",
        "parallel_tool_calls": False,
    },
    "named tool": {"model": MODEL, "messages": QUESTION, "tools": TOOLS, "tool_choice": NAMED},
    "vision": {
        "model": "accounts/fireworks/models/llava-v1.5-7b-4096-preview",
        "messages": [
            {"role": "user", "content": "What's in this image?"},
            {"role": "system", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]},
        ],
    },
    "json object": {"model": MODEL, "messages": QUESTION, "response_format": {"type": "json_object"}},
}
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
GRAMMAR = 'root ::= number "+" number "=" number\nnumber ::= [0-9]+'


def body_that_reaches(recorder: Recorder, client: Client, call: Mapping[str, Any]) -> bytes:
    """The body of the one request that the recorder saw."""
    recorder.seen.clear()
    client.call("chat.completions.create", **call)
    return recorder.only.body


@pytest.mark.parametrize("call", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_a_call_that_needs_no_rule_arrives_byte_for_byte(
    relayed: Client, recorder: Recorder, call: Mapping[str, Any]
) -> None:
    sent = body_that_reaches(recorder, relayed.using(base_url=recorder.base_url), call)

    assert body_that_reaches(recorder, relayed, call) == sent


@pytest.mark.usefixtures("needs_curl")
def test_a_body_sent_with_curl_arrives_byte_for_byte(relay: Served, recorder: Recorder) -> None:
    spelling = (
        '{ "messages" : [{"role":"user","content":"caf\\u00e9 \\/ 1e2"}],\n "model":"MODEL", "temperature": 1.0e0 }'
    )
    body = spelling.replace("MODEL", MODEL)

    status, _ = run_curl(
        f"{relay.base_url}/chat/completions",
        *("-H", "Content-Type: application/json"),
        *("-H", f"x-portkey-api-key: {relay.key}"),
        *("-H", "x-portkey-provider: fireworks-ai"),
        *("-H", "Authorization: Bearer fw_mine"),
        *("-d", body),
    )

    assert status == 200
    assert recorder.only.body == body.encode()


def test_a_chat_call_goes_to_the_providers_chat_path(relayed: Client, recorder: Recorder) -> None:
    relayed.call("chat.completions.create", **UNTOUCHED["chat"])

    assert (recorder.only.method, recorder.only.target) == ("POST", "/inference/v1/chat/completions")


def test_a_grammar_arrives_as_the_providers_response_format(relayed: Client, recorder: Recorder) -> None:
    relayed.call("chat.completions.create", model=MODEL, messages=QUESTION, grammar=GRAMMAR)

    assert recorder.only.json == {
        "model": MODEL,
        "messages": QUESTION,
        "response_format": {"type": "grammar", "grammar": GRAMMAR},
    }


def test_a_json_schema_arrives_as_the_providers_response_format(relayed: Client, recorder: Recorder) -> None:
    relayed.call(
        "chat.completions.create",
        model=MODEL,
        messages=QUESTION,
        response_format={"type": "json_object"},
        json_schema=SCHEMA,
    )

    assert recorder.only.json == {
        "model": MODEL,
        "messages": QUESTION,
        "response_format": {"type": "json_schema", "json_schema": {"name": "response", "schema": SCHEMA}},
    }


def test_the_rules_that_fired_are_named_to_the_client(relay: Served, recorder: Recorder) -> None:
    call = {"model": "llama-v3p1-405b-instruct", "messages": QUESTION, "grammar": GRAMMAR}

    answer = call_over_http(relay, "/v1/chat/completions", call)

    assert answer.header("x-emberway-changed").split(", ") == ["model_path", "grammar"]
    assert recorder.only.json["model"] == MODEL


def test_an_image_call_arrives_on_the_providers_own_path(relayed: Client, recorder: Recorder) -> None:
    model = "accounts/fireworks/models/stable-diffusion-xl-1024-v1-0"

    relayed.call("images.generate", model=model, prompt="A futuristic cityscape", n=1, size="1024x1024").good()

    seen = recorder.only
    assert (seen.method, seen.target) == ("POST", f"/inference/v1/image_generation/{model}")
    assert seen.header("accept") == "application/json"
    expected = {"prompt": "A futuristic cityscape", "width": 1024, "height": 1024, "samples": 1}
    assert expected.items() <= seen.json.items()
    assert not seen.json.keys() & {"model", "n", "size"}


@pytest.mark.parametrize("method", ["chat.completions.create", "images.generate"])
def test_the_providers_key_arrives_as_one_bearer_and_nothing_of_ours_does(
    relayed: Client, recorder: Recorder, method: str
) -> None:
    calls = {
        "chat.completions.create": UNTOUCHED["chat"],
        "images.generate": {"model": "accounts/fireworks/models/stable-diffusion-xl-1024-v1-0", "prompt": "A cat"},
    }

    relayed.using(provider_key="fw_mine").call(method, **calls[method]).good()

    seen = recorder.only
    assert seen.header("authorization") == "Bearer fw_mine"
    assert relayed.login.key is not None
    assert relayed.login.key.encode() not in seen.raw
    assert not [name for name, _ in seen.headers if name.startswith("x-portkey-")]


def test_a_bare_token_and_any_case_of_bearer_arrive_as_the_provider_wants_them(
    relay: Served, recorder: Recorder
) -> None:
    login = {"x-portkey-api-key": relay.key, "x-portkey-provider": "fireworks-ai"}
    for spelled in ("fw_mine", "Bearer fw_mine", "bearer fw_mine", "BEARER   fw_mine"):
        call_over_http(relay, "/v1/chat/completions", UNTOUCHED["chat"], {"authorization": spelled}, login=login)

    assert [seen.header("authorization") for seen in recorder.seen] == ["Bearer fw_mine"] * 4


@pytest.mark.parametrize("placeholder", ["OPENAI_API_KEY", "DUMMY-KEY", "undefined", "null", ""])
def test_a_placeholder_of_an_sdk_is_never_sent_as_a_providers_key(
    relay: Served, recorder: Recorder, placeholder: str
) -> None:
    login = {"x-portkey-api-key": relay.key, "x-portkey-provider": "fireworks-ai"}

    answer = call_over_http(
        relay, "/v1/chat/completions", UNTOUCHED["chat"], {"authorization": f"Bearer {placeholder}"}, login=login
    )

    assert (answer.status, recorder.seen) == (401, [])


def test_our_own_key_is_never_sent_as_a_providers_key(relayed: Client, recorder: Recorder) -> None:
    error = relayed.using(provider_key=relayed.login.key).call("chat.completions.create", **UNTOUCHED["chat"]).error

    assert (error.name, error.status, recorder.seen) == ("AuthenticationError", 401, [])


@pytest.mark.parametrize("method", ["chat.completions.create", "images.generate", "embeddings.create"])
@pytest.mark.parametrize("relayed", ["python-portkey", "node-portkey"], indirect=True)
def test_what_portkeys_clients_put_in_authorization_on_their_own_stays_here(
    relayed: Client, recorder: Recorder, method: str
) -> None:
    calls: dict[str, dict[str, Any]] = {
        "chat.completions.create": UNTOUCHED["chat"],
        "images.generate": {"model": "accounts/fireworks/models/stable-diffusion-xl-1024-v1-0", "prompt": "A cat"},
        "embeddings.create": {"model": "nomic-ai/nomic-embed-text-v1.5", "input": "x"},
    }

    error = relayed.using(provider_key=None).call(method, **calls[method]).error

    assert (error.status, recorder.seen) == (401, [])


def test_client_headers_that_mean_nothing_to_the_provider_stay_here(relay: Served, recorder: Recorder) -> None:
    curious = {
        "cookie": "session=1",
        "x-forwarded-for": "10.0.0.1",
        "x-custom": "1",
        "user-agent": "mine",
        "te": "trailers",
    }

    call_over_http(relay, "/v1/chat/completions", UNTOUCHED["chat"], curious)

    names = {name for name, _ in recorder.only.headers}
    assert not names & {"cookie", "x-forwarded-for", "x-custom", "te", "via", "forwarded"}


def test_a_header_that_is_asked_to_be_forwarded_is(relayed: Client, recorder: Recorder) -> None:
    relayed.using(forward={"x-custom": "kept"}).call("chat.completions.create", **UNTOUCHED["chat"]).good()

    assert recorder.only.header("x-custom") == "kept"


def test_affinity_headers_of_the_provider_are_handed_on(relay: Served, recorder: Recorder) -> None:
    call_over_http(relay, "/v1/chat/completions", UNTOUCHED["chat"], {"x-session-affinity": "s1"})

    assert recorder.only.header("x-session-affinity") == "s1"


@pytest.mark.parametrize("header", ["authorization", "x-portkey-api-key", "host", "cookie"])
def test_a_list_of_headers_to_forward_cannot_smuggle_credentials(
    relay: Served, recorder: Recorder, header: str
) -> None:
    answer = call_over_http(relay, "/v1/chat/completions", UNTOUCHED["chat"], {"x-portkey-forward-headers": header})

    assert (answer.status, recorder.seen) == (400, [])


def test_calls_share_one_connection_to_the_provider(relay: Served, recorder: Recorder) -> None:
    for _ in range(3):
        assert call_over_http(relay, "/v1/chat/completions", UNTOUCHED["chat"]).status == 200

    assert recorder.connections <= 1
