"""Every way in which a provider can give no answer, and what its caller is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.integration.edge.house import CHAT, LOGIN, STREAM, House, answer

from emberway import errors
from emberway.errors import GatewayError, UpstreamError
from emberway.upstream.scripted import ScriptedAnswer

TOLD: dict[type[UpstreamError], tuple[int, str, str]] = {
    errors.ConnectFailed: (502, "upstream_error", "upstream_unreachable"),
    errors.UpstreamTimeout: (408, "timeout_error", "upstream_timeout"),
    errors.UpstreamBusy: (503, "upstream_error", "upstream_busy"),
    errors.BadAnswer: (502, "upstream_error", "upstream_invalid"),
    errors.StreamBroken: (502, "upstream_error", "upstream_closed"),
}
"""As drawn in errors.py."""


def every_kind(root: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from every_kind(kind)


def test_every_kind_of_missing_answer_has_a_status_here() -> None:
    assert set(every_kind(UpstreamError)) == set(TOLD)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", TOLD, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
async def test_a_provider_that_gives_no_answer_is_told_in_the_envelope(kind: type[UpstreamError], body: bytes) -> None:
    house = House([kind("No answer.")])

    reply = await house.chat(body)

    status, type_, code = TOLD[kind]
    assert reply.status == status
    assert reply.json == {
        "error": {"message": "No answer.", "type": type_, "param": None, "code": code},
        "status": "failure",
        "message": "No answer.",
        "request_id": reply.header("x-request-id"),
    }
    assert reply.header("content-type") == "application/json"
    assert reply.header("x-portkey-provider") == "fireworks-ai"
    assert "x-should-retry" not in reply.names  # the client's own rule, by status, is right for these
    assert (reply.header("x-portkey-gateway-exception") == "true") == (status >= 500)
    assert reply.header("retry-after") == ("1" if status == 503 else None)
    assert (house.line["status"], house.line["error"]) == (status, code)


@pytest.mark.anyio
async def test_an_answer_of_ours_does_not_speak_of_rules_that_changed_the_call() -> None:
    short_name = CHAT.replace(b"accounts/fireworks/models/", b"")
    house = House([answer(), errors.ConnectFailed("No answer.")])

    changed = [(await house.chat(short_name)).header("x-emberway-changed") for _ in range(2)]

    assert changed == ["model_path", None]


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [b"application/json", b"text/event-stream"])
@pytest.mark.parametrize("kind", [errors.StreamBroken, errors.UpstreamTimeout, errors.BadAnswer])
async def test_an_answer_that_breaks_before_its_first_byte_is_a_status_and_not_a_stream(
    headers: bytes, kind: type[UpstreamError]
) -> None:
    house = House([ScriptedAnswer(200, [(b"content-type", headers)], (), kind("It broke."))])

    reply = await house.chat(STREAM)

    assert reply.status == TOLD[kind][0]
    assert reply.header("content-type") == "application/json"
    assert reply.error["message"] == "It broke."
    assert house.only.inbound is not None
    assert house.only.inbound.is_closed


@pytest.mark.anyio
async def test_a_whole_answer_that_breaks_in_the_middle_is_never_shown_as_complete() -> None:
    json = [(b"content-type", b"application/json")]
    house = House([ScriptedAnswer(200, json, (b'{"choices":',), errors.StreamBroken("It broke."))])

    reply = await house.chat()

    assert (reply.status, reply.error["code"]) == (502, "upstream_closed")


@pytest.mark.anyio
async def test_a_fault_of_our_own_gives_a_reference_and_no_details(caplog: pytest.LogCaptureFixture) -> None:
    def broken(outbound: object) -> ScriptedAnswer:
        raise ZeroDivisionError("the secret of the house")

    reply = await House(broken).chat()

    assert (reply.status, reply.error["code"]) == (500, "gateway_error")
    assert b"secret" not in reply.body
    assert reply.json["request_id"] in reply.error["message"]
    assert reply.json["request_id"] in caplog.text
    assert "the secret of the house" in caplog.text
    assert reply.header("x-should-retry") == "false"


@pytest.mark.anyio
async def test_a_request_that_cannot_be_sent_is_the_callers_to_mend() -> None:
    reply = await House([errors.InvalidCall("Leave that out.", param="x")]).chat()

    assert (reply.status, reply.error["param"]) == (400, "x")


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings", "/images/generations"])
async def test_a_call_without_a_model_is_refused_before_it_is_sent(path: str) -> None:
    house = House()

    reply = await house.call("POST", f"/v1{path}", b"{}")

    assert (reply.status, reply.error["param"]) == (400, "model")
    assert house.upstream.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "missing_body"),
        (b"{", "invalid_json"),
        (b'{"model":"a","model":"b"}', "duplicate_field"),
        (b'{"model":"a","mod\\u0065l":"b"}', "duplicate_field"),
        (b'{"messages":[],"messages":[]}', "duplicate_field"),
        (b'{"a":NaN}', "invalid_json"),
        (b'\xef\xbb\xbf{"model":"a"}', "invalid_json"),
        (b'{"model":"a\xff"}', "invalid_json"),
        (b'{"x":"\xff"}', "invalid_json"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep"),
        (b'{"a":' * 100_000, None),
        (b'{"model":"\\ud800"}', "invalid_json"),
    ],
)
async def test_json_that_two_readers_could_read_differently_is_refused(body: bytes, code: str | None) -> None:
    house = House()

    reply = await house.chat(body)

    assert reply.status == 400
    assert code is None or reply.error["code"] == code
    assert house.upstream.sent == []


@pytest.mark.anyio
async def test_one_failed_call_leaves_the_next_one_alone() -> None:
    house = House([errors.ConnectFailed("No."), answer()])

    statuses = [(await house.chat(headers=LOGIN)).status for _ in range(2)]

    assert statuses == [502, 200]
