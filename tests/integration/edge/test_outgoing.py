"""What reaches the provider: the caller's bytes, the provider's key and nothing of ours."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.edge.house import CHAT, KEY, LOGIN, MODEL, PROVIDER_KEY, House, answer, head_of, without

from emberway.exchange import Headers
from emberway.upstream.request import request_head

ENDPOINTS = {
    "/chat/completions": CHAT,
    "/completions": b'{"model":"%b", "prompt":"\\u00e9"}' % MODEL.encode(),
    "/embeddings": b'{"model":"%b", "input":["a" ]}' % MODEL.encode(),
    "/rerank": b'{"model":"%b", "query":"a", "documents":[]}' % MODEL.encode(),
    "/responses": b'{"model":"%b", "input":"a" }' % MODEL.encode(),
}
"""Calls that need no rule, with spaces and escapes that a re-serialisation would not keep."""


@pytest.mark.anyio
@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize("path", list(ENDPOINTS)[:3])
async def test_a_call_that_needs_no_rule_reaches_the_provider_as_the_same_bytes(path: str, prefix: str) -> None:
    house = House([answer()])

    reply = await house.call("POST", prefix + path, ENDPOINTS[path])

    assert reply.status == 200
    assert house.only.body == ENDPOINTS[path]
    assert head_of(house.only)[":"] == f"POST /inference/v1{path} HTTP/1.1"
    assert "x-emberway-changed" not in reply.names


@pytest.mark.anyio
@pytest.mark.parametrize("path", ENDPOINTS)
async def test_a_request_goes_out_with_these_headers_and_no_other(path: str) -> None:
    house = House([answer()])
    theirs = [
        *LOGIN,
        (b"host", b"127.0.0.1:8787"),
        (b"accept-encoding", b"gzip, br"),
        (b"cookie", b"session=1"),
        (b"user-agent", b"a client"),
        (b"x-api-key", KEY.encode()),
        (b"x-portkey-trace-id", b"t"),
        (b"x-portkey-metadata", b'{"_user":"u"}'),
        (b"x-portkey-aws-secret-access-key", b"secret"),
        (b"x-stainless-os", b"Linux"),
        (b"x-forwarded-for", b"10.1.2.3"),
        (b"x-custom", b"mine"),
        (b"connection", b"keep-alive"),
    ]

    await house.call("POST", f"/v1{path}", ENDPOINTS[path], theirs)

    assert head_of(house.only) == {
        ":": f"POST /inference/v1{path} HTTP/1.1",
        "host": "api.fireworks.ai",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "authorization": f"Bearer {PROVIDER_KEY}",
        "content-length": str(len(ENDPOINTS[path])),
    }


@pytest.mark.anyio
@pytest.mark.parametrize("spelling", [b"Bearer %b", b"bearer %b", b"%b"])
async def test_the_providers_key_goes_out_as_one_bearer_however_the_client_spells_it(spelling: bytes) -> None:
    house = House([answer()])
    headers = [*without(LOGIN, b"authorization"), (b"authorization", spelling % PROVIDER_KEY.encode())]

    await house.chat(headers=headers)

    assert head_of(house.only)["authorization"] == f"Bearer {PROVIDER_KEY}"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-session-affinity", "user-7"),
        ("x-multi-turn-session-id", "s"),
        ("x-prompt-cache-isolation-key", "k"),
        ("fireworks-deployment", "d"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
        ("idempotency-key", "once"),
    ],
)
async def test_headers_that_mean_something_to_the_provider_are_passed_on(name: str, value: str) -> None:
    house = House([answer(), answer()])

    await house.chat(headers=[*LOGIN, (name.encode(), value.encode())])
    await house.chat()

    with_it, without_it = map(head_of, house.upstream.sent)
    assert with_it[name] == value
    assert name not in without_it


@pytest.mark.anyio
@pytest.mark.parametrize("named", ["x-custom,X-Other", '["x-custom", "x-other"]', "x_custom, xOther"])
async def test_the_callers_list_of_headers_is_passed_on(named: str) -> None:
    house = House([answer()])
    mine: Headers = [(b"x-custom", b"1"), (b"x-other", b"2"), (b"x-third", b"3")]

    await house.chat(headers=[*LOGIN, *mine, (b"x-portkey-forward-headers", named.encode())])

    head = head_of(house.only)
    assert (head["x-custom"], head["x-other"]) == ("1", "2")
    assert "x-third" not in head
    assert "x-portkey-forward-headers" not in head


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name", ["host", "cookie", "authorization", "transfer-encoding", "content-length", "connection", "metadata-flavor",
             "x-portkey-api-key", "x_portkey_api_key", "x-api-key"],
)  # fmt: skip
async def test_a_header_that_is_not_the_callers_to_forward_is_refused(name: str) -> None:
    house = House()

    reply = await house.chat(headers=[*LOGIN, (b"x-portkey-forward-headers", name.encode())])

    assert reply.status == 400
    assert reply.error["param"] == "x-portkey-forward-headers"
    assert house.upstream.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize("value", [b"a\r\nx-evil: 1", b"a\nx-evil: 1", b"a\rb", b"a\x00b", b"a\x7fb", b"\x0b"])
async def test_a_header_value_that_would_be_two_lines_is_refused(value: bytes) -> None:
    house = House(lambda outbound: answer(request_head(outbound)))  # which the real client writes first, too

    reply = await house.chat(headers=[*LOGIN, (b"x-session-affinity", value)])

    assert reply.status == 400
    assert "line break" in reply.error["message"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"x-portkey-api-key-2", b"x-portkey-x", b"cookie", b"api-key", b"x-a", b"te"]),
            st.binary(max_size=20).map(lambda value: value.translate(None, b"\r\n\x00")),
        ),
        max_size=8,
    )
)
def test_nothing_of_ours_goes_out_whatever_headers_come_in(extra: list[tuple[bytes, bytes]]) -> None:
    house = House([answer()])
    asyncio.run(_chat(house, [*LOGIN, *extra]))

    head = head_of(house.only)
    assert head.keys() == {":", "host", "accept-encoding", "content-type", "authorization", "content-length"}
    assert KEY not in str(head)


async def _chat(house: House, headers: Headers) -> None:
    assert (await house.chat(headers=headers)).status == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    "placeholder",
    [b"Bearer OPENAI_API_KEY", b"Bearer DUMMY-KEY", b"Bearer undefined", b"Bearer", b"Bearer " + KEY.encode()],
)
async def test_a_call_that_brings_no_key_for_its_provider_is_refused_before_it_is_sent(placeholder: bytes) -> None:
    house = House()

    reply = await house.chat(headers=[*without(LOGIN, b"authorization"), (b"authorization", placeholder)])

    assert (reply.status, reply.error["code"]) == (401, "missing_provider_key")
    assert house.upstream.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize("name", [b"authorization", b"x-api-key"])
async def test_a_key_of_ours_is_never_taken_for_the_providers_wherever_it_stands(name: bytes) -> None:
    house = House()
    prefix = b"Bearer " if name == b"authorization" else b""

    reply = await house.chat(
        headers=[*without(LOGIN, b"authorization", b"x-portkey-api-key"), (name, prefix + KEY.encode())]
    )

    assert (reply.status, reply.error["code"]) == (401, "missing_provider_key")
    assert house.upstream.sent == []


@pytest.mark.anyio
async def test_our_key_in_x_api_key_leaves_authorization_to_the_provider() -> None:
    house = House([answer()])

    await house.chat(headers=[*without(LOGIN, b"x-portkey-api-key"), (b"x-api-key", KEY.encode())])

    head = head_of(house.only)
    assert head["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert KEY not in str(head)


@pytest.mark.anyio
async def test_two_callers_with_one_model_never_share_a_providers_key() -> None:
    house = House(lambda outbound: answer())

    for key in (b"fw_a", b"fw_b", b"fw_a"):
        await house.chat(headers=[*without(LOGIN, b"authorization"), (b"authorization", b"Bearer " + key)])

    sent = [head_of(one)["authorization"] for one in house.upstream.sent]
    assert sent == ["Bearer fw_a", "Bearer fw_b", "Bearer fw_a"]


@pytest.mark.anyio
async def test_a_slug_before_the_models_name_is_taken_off_and_said() -> None:
    house = House([answer()], emulator=True)
    body = CHAT.replace(MODEL.encode(), b"@emulator/" + MODEL.encode())

    reply = await house.chat(body, without(LOGIN, b"x-portkey-provider", b"authorization"))

    assert reply.header("x-emberway-changed") == "model_slug"
    assert reply.header("x-portkey-provider") == "emulator"
    assert f'"{MODEL}"'.encode() in house.only.body
    assert b"@emulator" not in house.only.body


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/moderations"])
async def test_a_model_of_an_openai_compatible_provider_keeps_its_slashes(path: str) -> None:
    house = House([answer()])
    body = b'{"model":"meta/llama-3", "input":"a", "messages":[], "x": 1.0}'

    await house.call("POST", path, body, [*without(LOGIN, b"x-portkey-provider"), (b"x-portkey-provider", b"groq")])

    head = head_of(house.only)
    assert house.only.body == body
    assert (head[":"], head["host"]) == (f"POST /openai{path} HTTP/1.1", "api.groq.com")


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/moderations"])
async def test_a_slug_before_the_model_is_taken_off_for_an_openai_compatible_provider(path: str) -> None:
    house = House([answer()])
    body = b'{"model":"@groq/meta/llama-3","input":"a","messages":[],"x":1.0}'

    reply = await house.call(
        "POST", path, body, [*without(LOGIN, b"x-portkey-provider"), (b"x-portkey-provider", b"groq")]
    )

    assert house.only.body == body.replace(b"@groq/", b"")
    assert reply.header("x-emberway-changed") == "model_slug"


@pytest.mark.anyio
@pytest.mark.parametrize("model", [b"@cf/meta/llama-3", b"@hf/thebloke/x"])
async def test_a_model_whose_own_name_begins_with_an_at_sign_keeps_it(model: bytes) -> None:
    house = House([answer()])
    body = b'{"model":"%b","messages":[] }' % model

    await house.chat(body, [*without(LOGIN, b"x-portkey-provider"), (b"x-portkey-provider", b"openai")])

    assert house.only.body == body


@pytest.mark.anyio
async def test_a_query_is_kept() -> None:
    house = House([answer()])

    await house.call("POST", "/v1/chat/completions", CHAT, query=b"a=b%2Fc&d")

    assert head_of(house.only)[":"] == "POST /inference/v1/chat/completions?a=b%2Fc&d HTTP/1.1"
