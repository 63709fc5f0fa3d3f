"""What goes wrong is said in one envelope, with the status that makes each client raise the exception of that kind."""

from __future__ import annotations

import gzip
import json
from typing import Any

import openai
import portkey_ai._vendor.openai as portkeys_openai
import pytest
from portkey_ai import Portkey
from portkey_ai.api_resources import exceptions as portkeys_own
from tests.acceptance.clients import PROVIDER_KEY, Client, closing
from tests.acceptance.process import Served
from tests.acceptance.recorder import Canned, Recorder
from tests.acceptance.wire import Answer, call_over_http, credentials

MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"
HELLO: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
CHAT = "/v1/chat/completions"


def refused(answer: Answer, status: int, code: str) -> Any:
    """The error of an answer, after a look at the whole envelope and the headers that clients steer by."""
    assert (answer.status, answer.json["error"]["code"]) == (status, code), answer
    body = answer.json
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert body["message"] == body["error"]["message"]
    assert body["status"] == "failure"
    assert answer.header("content-type").startswith("application/json")
    assert answer.header("x-portkey-trace-id")
    assert answer.header("x-should-retry") == "false"
    return body["error"]


def test_a_wrong_key_is_an_authentication_error_in_every_client(client: Client) -> None:
    error = client.using(key="pk-nobody").call("chat.completions.create", **HELLO).error

    assert (error.name, error.status) == ("AuthenticationError", 401)
    assert "x-portkey-api-key" in error.message


def test_a_call_without_any_key_of_ours_is_an_authentication_error_in_every_client(client: Client) -> None:
    error = client.using(key=None).call("chat.completions.create", **HELLO).error

    assert (error.name, error.status) == ("AuthenticationError", 401)


def test_an_unknown_provider_is_a_bad_request_in_every_client(client: Client) -> None:
    error = client.using(provider="firewroks-ai").call("chat.completions.create", **HELLO).error

    assert (error.name, error.status) == ("BadRequestError", 400)
    assert "fireworks-ai" in error.message


def test_a_field_of_the_wrong_type_is_a_bad_request_in_every_client(client: Client) -> None:
    error = client.call("chat.completions.create", **HELLO | {"model": 7}).error

    assert (error.name, error.status) == ("BadRequestError", 400)
    assert "model" in error.message


def test_a_model_that_the_provider_has_not_is_not_found_in_every_client(client: Client) -> None:
    error = client.call("chat.completions.create", **HELLO | {"model": "accounts/nobody/models/none"}).error

    assert (error.name, error.status) == ("NotFoundError", 404)


def test_the_exceptions_are_those_that_each_python_client_documents(emberway: Served) -> None:
    headers = {"x-portkey-api-key": "pk-nobody"}

    with closing(Portkey(api_key="pk-nobody", provider="@emulator", base_url=emberway.base_url)) as portkey:
        with pytest.raises(portkeys_openai.AuthenticationError):
            portkey.chat.completions.create(**HELLO)
        with pytest.raises(portkeys_own.AuthenticationError):
            portkey.post("/chat/completions", **HELLO)
    with (
        openai.OpenAI(api_key="fw_x", base_url=emberway.base_url, default_headers=headers) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.chat.completions.create(**HELLO)
    assert caught.value.code == "invalid_api_key"


def test_no_key_at_all_is_told_where_to_put_one(emberway: Served) -> None:
    error = refused(call_over_http(emberway, CHAT, HELLO, login={}), 401, "missing_api_key")

    assert "x-portkey-api-key" in error["message"]


def test_a_401_names_the_scheme_that_http_asks_for(emberway: Served) -> None:
    answer = call_over_http(emberway, CHAT, HELLO, login={})

    assert answer.header("www-authenticate").startswith("Bearer")


def test_every_route_but_the_health_checks_wants_a_key(emberway: Served) -> None:
    paths = ("/v1/models", "/v1/chat/completions", "/v1/prompts", "/v1/anything", "/nothing/here", "/metrics")

    answers = {path: call_over_http(emberway, path, login={}).status for path in paths}

    assert answers == dict.fromkeys(paths, 401)


def test_a_call_without_a_provider_is_told_how_to_name_one(emberway: Served) -> None:
    login = {"x-portkey-api-key": emberway.key, "authorization": "Bearer fw_x"}
    error = refused(
        call_over_http(emberway, CHAT, HELLO | {"model": "some-model"}, login=login), 400, "missing_provider"
    )

    assert error["param"] == "x-portkey-provider"


def test_a_provider_without_its_key_is_an_authentication_error(relay: Served, recorder: Recorder) -> None:
    login = {"x-portkey-api-key": relay.key, "x-portkey-provider": "fireworks-ai"}

    refused(call_over_http(relay, CHAT, HELLO, login=login), 401, "missing_provider_key")

    assert recorder.seen == []


@pytest.mark.parametrize("body", [b"{", b"{'model': 1}", b'{"model": NaN}', b"\xff\xfe", b'{"a":1}{}', b'"\\ud800"'])
def test_what_is_not_json_is_a_bad_request(emberway: Served, body: bytes) -> None:
    answer = call_over_http(emberway, CHAT, body)

    assert answer.status == 400
    assert "JSON" in answer.json["error"]["message"]


@pytest.mark.parametrize("body", [b"[]", b"3", b'"text"', b"null", b"true"])
def test_json_that_is_no_object_is_a_bad_request(emberway: Served, body: bytes) -> None:
    answer = call_over_http(emberway, CHAT, body)

    assert answer.status == 400
    assert "object" in answer.json["error"]["message"]


def test_a_missing_body_is_told(emberway: Served) -> None:
    refused(call_over_http(emberway, CHAT, b""), 400, "missing_body")


@pytest.mark.parametrize(
    ("field", "value"), [("model", 7), ("stream", "yes"), ("messages", "Hello"), ("messages", [7]), ("messages", {})]
)
def test_a_wrong_type_names_its_field(emberway: Served, field: str, value: object) -> None:
    error = refused(call_over_http(emberway, CHAT, HELLO | {field: value}), 400, "wrong_type")

    assert error["param"].startswith(field)


def test_a_field_given_twice_is_refused_by_name(emberway: Served) -> None:
    body = b'{"model": "one", "messages": [], "model": "other"}'

    assert refused(call_over_http(emberway, CHAT, body), 400, "duplicate_field")["param"] == "model"


def test_a_body_too_deep_for_a_parser_is_refused(emberway: Served) -> None:
    body = b'{"model":"m","messages":[],"metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    refused(call_over_http(emberway, CHAT, body), 400, "too_deep")


def test_a_body_packed_with_gzip_is_read(emberway: Served) -> None:
    answer = call_over_http(emberway, CHAT, gzip.compress(json.dumps(HELLO).encode()), {"content-encoding": "gzip"})

    assert answer.status == 200


def test_a_body_packed_in_another_way_is_refused_by_name(emberway: Served) -> None:
    answer = call_over_http(emberway, CHAT, json.dumps(HELLO).encode(), {"content-encoding": "br"})

    assert refused(answer, 415, "unsupported_content_encoding")["param"] == "content-encoding"


def test_a_body_that_is_not_the_gzip_it_is_said_to_be_is_refused(emberway: Served) -> None:
    answer = call_over_http(emberway, CHAT, json.dumps(HELLO).encode(), {"content-encoding": "gzip"})

    assert (answer.status, answer.json["error"]["param"]) == (400, "content-encoding")


def test_an_unknown_route_is_a_404_that_names_the_near_one(emberway: Served) -> None:
    error = refused(call_over_http(emberway, "/chat/completion", HELLO), 404, "unknown_route")

    assert "/v1/chat/completions" in error["message"]


def test_an_unknown_route_is_not_found_in_every_client(client: Client) -> None:
    elsewhere = client.using(base_url=client.login.base_url.replace("/v1", "/v2"))

    error = elsewhere.call("chat.completions.create", **HELLO).error

    assert (error.name, error.status) == ("NotFoundError", 404)
    assert "/v1/chat/completions" in error.message


def test_the_wrong_method_is_a_405_that_says_which_to_use(emberway: Served) -> None:
    answer = call_over_http(emberway, CHAT, method="GET")

    refused(answer, 405, "method_not_allowed")
    assert answer.header("allow") == "POST"


def test_an_unknown_path_below_v1_is_the_providers_to_refuse(client: Client) -> None:
    error = client.call("images.generate", model="accounts/fireworks/models/no-such-model", prompt="A cat").error

    assert (error.name, error.status) == ("NotFoundError", 404)


@pytest.mark.parametrize("style", ["grammar", "json_schema"])
def test_a_form_that_cannot_work_is_refused_before_it_costs_money(
    relay: Served, recorder: Recorder, style: str
) -> None:
    wrong = {"grammar": 'root ::= number "+" \nnumber ::= [0-9', "json_schema": {"type": "strnig"}}
    form = {style: wrong[style]}

    answer = call_over_http(relay, CHAT, HELLO | form)

    assert (answer.status, answer.json["error"]["param"]) == (400, style)
    assert recorder.seen == []


def test_a_broken_grammar_is_refused_with_line_and_column(relay: Served) -> None:
    answer = call_over_http(relay, CHAT, HELLO | {"grammar": "root ::= word\nword ::= [a-z"})

    assert "line 2, column" in answer.json["error"]["message"]


def test_a_rate_limit_of_the_provider_passes_with_its_advice(relayed: Client, recorder: Recorder) -> None:
    recorder.answer = Canned(
        429,
        (("content-type", "application/json"), ("retry-after", "7"), ("x-should-retry", "false")),
        b'{"error":{"object":"error","type":"invalid_request_error","message":"slow down"}}',
    )

    error = relayed.call("chat.completions.create", **HELLO).error

    assert (error.name, error.status) == ("RateLimitError", 429)
    assert "slow down" in error.message
    assert len(recorder.seen) == 1


def test_a_rate_limits_wait_reaches_the_client(relay: Served, recorder: Recorder) -> None:
    recorder.answer = Canned(
        429, (("content-type", "application/json"), ("retry-after", "7")), b'{"error":{"message":"slow"}}'
    )

    answer = call_over_http(relay, CHAT, HELLO)

    assert (answer.status, answer.header("retry-after")) == (429, "7")


@pytest.mark.parametrize("relayed", ["python-portkey", "node-portkey"], indirect=True)
def test_a_fault_of_the_provider_is_not_asked_twice_by_portkeys_clients(relayed: Client, recorder: Recorder) -> None:
    recorder.answer = Canned(500, (("content-type", "application/json"),), b'{"error":{"message":"oops"}}')

    error = relayed.call("chat.completions.create", **HELLO).error

    assert (error.name, error.status) == ("InternalServerError", 500)
    assert len(recorder.seen) == 1


def test_the_gateway_itself_asks_a_failing_provider_once(relay: Served, recorder: Recorder) -> None:
    recorder.answer = Canned(503, (("content-type", "text/html"),), b"<html><body>Overloaded</body></html>")

    answer = call_over_http(relay, CHAT, HELLO)

    assert answer.status == 503
    assert "Overloaded" in answer.json["error"]["message"]
    assert len(recorder.seen) == 1


def test_a_provider_that_breaks_http_is_a_bad_gateway(relay: Served, recorder: Recorder) -> None:
    recorder.answer = Canned(200, (("content-type", "application/json"), ("content-length", "5")), b"{}")

    answer = call_over_http(relay, CHAT, HELLO)

    assert (answer.status, answer.json["error"]["type"]) == (502, "upstream_error")


def test_the_prompt_library_says_that_it_is_not_there_yet(portkey: Any) -> None:
    with pytest.raises(portkeys_own.InternalServerError, match="prompt library") as caught:
        portkey.prompts.completions.create(prompt_id="pp-abc-123456", variables={})

    assert caught.value.status_code == 501


def test_no_error_shows_a_key(emberway: Served) -> None:
    login = credentials(emberway) | {
        "x-portkey-api-key": "pk-secret-of-mine",
        "authorization": f"Bearer {PROVIDER_KEY}",
    }

    answer = call_over_http(emberway, CHAT, HELLO, login=login)

    said = json.dumps(answer.headers) + answer.body.decode()
    assert "secret-of-mine" not in said
    assert PROVIDER_KEY not in said
