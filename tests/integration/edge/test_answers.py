"""What comes back to the client: the provider's answer, and the headers that every answer carries."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.integration.edge.house import CHAT, EVENTS, LOGIN, STREAM, House, Reply, answer, head_of

from emberway.exchange import Headers
from emberway.settings import Settings
from emberway.upstream.scripted import ScriptedAnswer

TRACE: Headers = [*LOGIN, (b"x-portkey-trace-id", b"my trace")]
RECORDED = sorted((Path(__file__).parents[2] / "data" / "provider_errors").glob("*.json"))
EXTRA_INPUT = b'{"error":{"message":"Extra inputs are not permitted, field: \'messages[0].timestamp\', value: 7"}}'
WITH_EXTRA = CHAT.replace(b'"content"', b'"timestamp":7,"content"')


def assert_told(reply: Reply, provider: str | None = "fireworks-ai") -> None:
    """The headers of the contract."""
    assert reply.header("x-portkey-trace-id") == "my trace"
    assert re.fullmatch(r"[0-9A-Za-z_-]{16,}", reply.header("x-request-id") or "")
    assert re.fullmatch(r"gw;dur=\d+\.\d\d, up;dur=\d+\.\d\d", reply.header("server-timing") or "")
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("x-portkey-provider") == provider
    if provider is not None:
        assert reply.header("x-portkey-last-used-option-index") == "config"
        assert reply.header("x-portkey-retry-attempt-count") == "0"
        assert reply.header("x-portkey-cache-status") == "DISABLED"


@pytest.mark.anyio
async def test_a_good_answer_carries_the_headers_of_the_contract() -> None:
    assert_told(await House([answer()]).chat(headers=TRACE))


@pytest.mark.anyio
async def test_a_stream_carries_the_headers_of_the_contract() -> None:
    reply = await House([ScriptedAnswer(200, EVENTS, (b"data: [DONE]\n\n",))]).chat(STREAM, TRACE)

    assert_told(reply)
    assert reply.header("content-type") == "text/event-stream"
    assert reply.header("cache-control") == "no-cache"
    assert reply.header("x-accel-buffering") == "no"
    assert reply.body == b"data: [DONE]\n\n"


@pytest.mark.anyio
async def test_a_providers_error_carries_the_headers_of_the_contract() -> None:
    assert_told(await House([answer(b'{"error":{"message":"no"}}', 429)]).chat(headers=TRACE))


@pytest.mark.anyio
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model":7}', b'{"model":"m","prompt_key":"p"}'])
async def test_an_error_of_ours_carries_the_headers_of_the_contract(body: bytes) -> None:
    reply = await House().chat(body, TRACE)

    assert reply.status in (400, 501)
    assert_told(reply, "fireworks-ai" if reply.status == 501 else None)
    assert reply.header("content-type") == "application/json"
    assert reply.header("x-should-retry") == "false"


@pytest.mark.anyio
async def test_a_caller_who_is_not_known_gets_its_trace_id_back() -> None:
    reply = await House().chat(headers=[(b"x-portkey-trace-id", b"my trace")])

    assert (reply.status, reply.error["code"]) == (401, "missing_api_key")
    assert reply.header("www-authenticate") == 'Bearer realm="emberway"'
    assert_told(reply, None)


@pytest.mark.anyio
async def test_the_trace_id_of_a_traceparent_is_taken_and_the_header_passed_on() -> None:
    house = House([answer()])
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    reply = await house.chat(headers=[*LOGIN, (b"traceparent", parent)])

    assert reply.header("x-portkey-trace-id") == "0af7651916cd43dd8448eb211c80319c"
    assert head_of(house.only)["traceparent"] == parent.decode()


@pytest.mark.anyio
async def test_a_call_without_a_trace_id_gets_one_of_its_own() -> None:
    reply = await House([answer()]).chat()

    assert reply.header("x-portkey-trace-id") == reply.header("x-request-id")


INTERNAL: Headers = [
    (b"set-cookie", b"a=b"),
    (b"server", b"cloud"),
    (b"connection", b"close"),
    (b"keep-alive", b"timeout=5"),
    (b"transfer-encoding", b"chunked"),
    (b"content-encoding", b"gzip"),
    (b"x-envoy-upstream-service-time", b"7"),
    (b"via", b"1.1 proxy"),
    (b"access-control-allow-origin", b"*"),
    (b"x-portkey-trace-id", b"theirs"),
    (b"server-timing", b"theirs"),
    (b"alt-svc", b"h3"),
]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("kind", ["whole", "stream"])
async def test_cookies_and_the_headers_of_the_providers_connection_never_reach_the_client(
    status: int, kind: str
) -> None:
    content_type = EVENTS if kind == "stream" else [(b"content-type", b"application/json")]
    house = House([ScriptedAnswer(status, [*content_type, *INTERNAL], (b'{"error":{"message":"x"}}',))])

    reply = await house.chat(headers=TRACE)

    ours = {"x-portkey-trace-id", "server-timing"}
    assert reply.names.isdisjoint({name.decode() for name, _ in INTERNAL} - ours)
    assert_told(reply)


@pytest.mark.anyio
async def test_what_a_provider_tells_its_caller_in_headers_is_passed_on() -> None:
    told = {
        "x-ratelimit-remaining-requests": "9",
        "fireworks-prompt-tokens": "5",
        "retry-after": "3",
        "openai-processing-ms": "7",
        "content-type": "application/json; charset=utf-8",
    }
    headers = [(name.encode(), value.encode()) for name, value in told.items()]

    reply = await House([answer(b"{}", 200, *headers, (b"x-request-id", b"theirs"))]).chat()

    assert {name: reply.header(name) for name in told} == told
    assert reply.header("x-upstream-request-id") == "theirs"
    assert reply.header("x-request-id") != "theirs"


@pytest.mark.anyio
@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
async def test_every_shape_of_a_providers_error_arrives_in_the_envelope_with_its_status(file: Path) -> None:
    recorded = json.loads(file.read_bytes())
    body = (
        recorded["text"].encode()
        if "text" in recorded
        else json.dumps(recorded["body"], separators=(",", ":")).encode()
    )
    told = [(b"content-type", b"text/html"), (b"retry-after", b"17"), (b"retry-after-ms", b"17000")]
    house = House(lambda outbound: answer(body, recorded["status"], *told))

    reply = await house.chat()

    assert reply.status == recorded["status"]
    assert recorded["error"].items() <= {"type": None, "param": None, "code": None, **reply.error}.items()
    assert (reply.header("retry-after"), reply.header("retry-after-ms")) == ("17", "17000")
    assert house.line["error"] == "provider_error"
    if recorded["unchanged"]:
        assert reply.body == body
    else:
        assert reply.header("content-type") == "application/json"


@pytest.mark.anyio
async def test_a_call_that_was_refused_for_a_field_too_many_is_repeated_once_and_that_is_said() -> None:
    house = House([answer(EXTRA_INPUT, 400), answer(b'{"id":"2"}')])

    reply = await house.chat(WITH_EXTRA)

    first, second = house.upstream.sent
    assert first.body == WITH_EXTRA
    assert b"timestamp" not in second.body
    assert b'"temperature":1.0e0' in second.body
    assert first.inbound is not None
    assert first.inbound.is_closed
    assert (reply.status, reply.body) == (200, b'{"id":"2"}')
    assert reply.header("x-emberway-changed") == "extra_input:messages[].timestamp"
    assert house.line["changed"] == ["extra_input:messages[].timestamp"]


@pytest.mark.anyio
async def test_a_repeated_stream_streams() -> None:
    house = House([answer(EXTRA_INPUT, 400), ScriptedAnswer(200, EVENTS, (b"data: {}\n\n", b"data: [DONE]\n\n"))])

    reply = await house.chat(WITH_EXTRA[:-1] + b',"stream":true}')

    assert reply.body == b"data: {}\n\ndata: [DONE]\n\n"


@pytest.mark.anyio
async def test_a_call_is_not_repeated_where_the_operator_switched_that_off() -> None:
    house = House([answer(EXTRA_INPUT, 400)], Settings(repeat_without_extra_inputs=False))

    reply = await house.chat(WITH_EXTRA)

    assert (reply.status, reply.body) == (400, EXTRA_INPUT)
    assert "x-emberway-changed" not in reply.names


@pytest.mark.anyio
async def test_the_second_refusal_of_a_repeated_call_is_its_answer() -> None:
    second = b'{"error":{"message":"Extra inputs are not permitted, field: \'messages[0].cache_control\'"}}'
    house = House([answer(EXTRA_INPUT, 400), answer(second, 422)])

    reply = await house.chat(WITH_EXTRA)

    assert (reply.status, reply.body) == (422, second)
    assert len(house.upstream.sent) == 2
    assert reply.header("x-emberway-changed") == "extra_input:messages[].timestamp"


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses/x"])
async def test_a_providers_redirect_is_passed_on_and_never_followed(path: str) -> None:
    house = House([answer(b"", 302, (b"location", b"http://169.254.169.254/latest/"))])

    reply = await house.call("POST", path, CHAT)

    assert reply.status == 302
    assert reply.header("location") == "http://169.254.169.254/latest/"
    assert len(house.upstream.sent) == 1
    assert "authorization" not in reply.names


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"text/html", b"<html><script>alert(1)</script>"),
        (b"application/json", b""),
        (b"application/json", b"{"),
        (b"application/json", b"\xff\xfe\x00"),
        (b"application/json", b'{"error":{"message":"overloaded"}}'),
        (b"application/json", b'{"choices":[],"usage":null}'),
        (b"application/json", b'{"choices":{},"usage":{"prompt_tokens":-1}}'),
        (b"application/json", b"[" * 5000),
        (b"application/json", b'{"usage":{"completion_tokens":1e999}}'),
        (b"text/plain", b"busy"),
    ],
)
async def test_a_good_status_with_a_strange_body_is_passed_on_as_it_is(kind: bytes, body: bytes) -> None:
    house = House([answer(body, 200, (b"content-type", kind))])

    reply = await house.chat()

    assert (reply.status, reply.body, reply.header("content-type")) == (200, body, kind.decode())
    assert reply.header("content-length") == str(len(body))
    assert "error" not in house.line


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [b"text/html", b"Text/HTML; charset=utf-8", b"image/svg+xml"])
async def test_a_page_in_a_pass_through_neither_lets_the_browser_guess_nor_runs_scripts(kind: bytes) -> None:
    house = House([answer(b"<script>1</script>", 200, (b"content-type", kind))])

    reply = await house.call("GET", "/v1/whatever", b"", LOGIN)

    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("content-security-policy").startswith("sandbox")


@pytest.mark.anyio
async def test_an_answers_usage_model_and_finish_reason_are_on_its_access_line() -> None:
    body = (
        b'{"model":"m-of-theirs","choices":[{"finish_reason":"length","message":{}}],'
        b'"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}'
    )
    house = House([answer(body)])

    await house.chat(headers=TRACE)

    line = house.line
    assert line["usage"] == {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    assert (line["response_model"], line["finish_reason"]) == ("m-of-theirs", "length")
    assert (line["status"], line["provider"], line["trace_id"]) == (200, "fireworks-ai", "my trace")
    assert "client_gone" not in line


@pytest.mark.anyio
async def test_neither_key_is_on_the_access_line() -> None:
    house = House([answer()])

    await house.chat()

    assert "fw_of-the-caller" not in str(house.line)
    assert "ew-key-of-this-gateway" not in str(house.line)
