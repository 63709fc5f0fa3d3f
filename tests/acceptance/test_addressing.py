"""Who pays and where a call goes: each way of saying so that the clients have, and names that need no more."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from portkey_ai import Portkey, createHeaders
from tests.acceptance.clients import PROVIDER_KEY, Client
from tests.acceptance.process import Served
from tests.acceptance.recorder import Recorder
from tests.acceptance.wire import call_over_http

MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]
CAPITAL: dict[str, Any] = {"model": MODEL, "messages": MESSAGES}


def test_the_emulator_is_a_provider_that_needs_no_key(client: Client) -> None:
    keyless = client.using(provider="@emulator", provider_key=None)

    outcome = keyless.call("chat.completions.create", **CAPITAL)

    assert "Paris" in outcome.content


def test_a_model_name_says_the_provider_when_openais_client_only_has_the_gateways_key(emberway: Served) -> None:
    client = openai.OpenAI(api_key=emberway.key, base_url=emberway.base_url)

    response = client.chat.completions.create(model=f"@emulator/{MODEL}", messages=MESSAGES)  # type: ignore[arg-type]

    assert "Paris" in (response.choices[0].message.content or "")
    assert response.model == MODEL


def test_the_emulator_is_there_without_being_asked_for_at_start(relay: Served) -> None:
    answer = call_over_http(relay, "/v1/chat/completions", CAPITAL, {"x-portkey-provider": "@emulator"})

    assert "Paris" in answer.json["choices"][0]["message"]["content"]
    assert answer.header("x-portkey-provider") == "emulator"


@pytest.mark.parametrize("model", ["llama-v3p1-405b-instruct", "models/llama-v3p1-405b-instruct"])
def test_a_short_model_name_is_completed_and_the_answer_says_so(emberway: Served, model: str) -> None:
    answer = call_over_http(emberway, "/v1/chat/completions", CAPITAL | {"model": model})

    assert answer.json["model"] == MODEL
    assert answer.header("x-emberway-changed") == "model_path"


def test_a_call_that_no_rule_touches_says_nothing_of_changes(emberway: Served) -> None:
    answer = call_over_http(emberway, "/v1/chat/completions", CAPITAL)

    assert not answer.has("x-emberway-changed")


def test_openais_developer_role_is_understood(client: Client) -> None:
    messages = [{"role": "developer", "content": "Be brief."}, *MESSAGES]

    assert "Paris" in client.call("chat.completions.create", model=MODEL, messages=messages).content


def test_the_gateways_key_may_come_in_its_own_header(emberway: Served) -> None:
    login = {"x-portkey-api-key": emberway.key, "x-portkey-provider": "@emulator"}

    assert call_over_http(emberway, "/v1/chat/completions", CAPITAL, login=login).status == 200


def test_the_gateways_key_may_come_as_a_bearer(emberway: Served) -> None:
    login = {"authorization": f"Bearer {emberway.key}", "x-portkey-provider": "@emulator"}

    assert call_over_http(emberway, "/v1/chat/completions", CAPITAL, login=login).status == 200


def test_the_gateways_key_may_come_as_anthropics_clients_send_it(emberway: Served) -> None:
    login = {"x-api-key": emberway.key, "x-portkey-provider": "@emulator"}

    assert call_over_http(emberway, "/v1/chat/completions", CAPITAL, login=login).status == 200


def test_the_empty_key_header_of_portkeys_python_client_counts_as_none(relay: Served, recorder: Recorder) -> None:
    login = {"x-portkey-api-key": "", "x-api-key": relay.key, "x-portkey-provider": "fireworks-ai"}

    answer = call_over_http(relay, "/v1/chat/completions", CAPITAL, {"authorization": "Bearer fw_mine"}, login=login)

    assert answer.status == 200
    assert recorder.only.header("authorization") == "Bearer fw_mine"


def test_headers_of_the_gateway_are_read_by_portkeys_python_client(emberway: Served) -> None:
    portkey = Portkey(
        api_key=emberway.key,
        provider="fireworks-ai",
        Authorization=PROVIDER_KEY,
        base_url=emberway.base_url,
        trace_id="t-1",
    )

    response: Any = portkey.chat.completions.create(**CAPITAL)
    headers = response.get_headers()

    assert headers["trace-id"] == "t-1"
    assert headers["provider"] == "fireworks-ai"
    assert headers["retry-attempt-count"] == "0"
    assert {"last-used-option-index", "cache-status"} <= headers.keys()


@pytest.mark.parametrize("client", ["node-portkey"], indirect=True)
def test_headers_of_the_gateway_are_read_by_portkeys_javascript_client(client: Client) -> None:
    headers = client.call("chat.completions.create", **CAPITAL).good().headers

    assert headers["trace-id"]
    assert headers["provider"] == "fireworks-ai"
    assert headers["retry-attempt-count"] == "0"


def test_a_call_without_a_trace_gets_one_of_its_own(emberway: Served) -> None:
    traces = {call_over_http(emberway, "/v1/chat/completions", CAPITAL).header("x-portkey-trace-id") for _ in range(3)}

    assert len(traces) == 3
    assert all(traces)


def test_a_w3c_trace_is_the_trace_of_the_call(emberway: Served) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    answer = call_over_http(
        emberway, "/v1/chat/completions", CAPITAL, {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    )

    assert answer.header("x-portkey-trace-id") == trace


def test_portkeys_headers_win_for_openais_client(relay: Served, recorder: Recorder) -> None:
    headers = createHeaders(provider="fireworks-ai", api_key=relay.key)

    with openai.OpenAI(api_key="fw_theirs", base_url=relay.base_url, default_headers=headers) as client:
        client.chat.completions.create(model=MODEL, messages=MESSAGES)  # type: ignore[arg-type]

    assert recorder.only.header("authorization") == "Bearer fw_theirs"
