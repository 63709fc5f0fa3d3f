from __future__ import annotations

import pytest
from tests.unit.pipeline.parts import BASE, BODY, attempt, call, destination, pieces

from emberway.errors import InvalidCall, Unauthenticated
from emberway.pipeline.destination import Place
from emberway.providers.base import Ask, Written
from emberway.secret import Secret
from emberway.upstream.base import Origin
from emberway.upstream.request import request_head
from emberway.upstream.scripted import ScriptedAnswer, ScriptedUpstream

WRITTEN = Written("/chat/completions", BODY, ((b"content-type", b"application/json"),))
FORWARDED = frozenset({b"traceparent", b"idempotency-key"})
TRACED = [(b"traceparent", b"t"), (b"idempotency-key", b"k"), (b"x-private", b"p")]


@pytest.fixture
def upstream() -> ScriptedUpstream:
    return ScriptedUpstream(lambda outbound: ScriptedAnswer())


def heads(upstream: ScriptedUpstream) -> list[list[bytes]]:
    return [request_head(one.outbound).split(b"\r\n") for one in upstream.sent]


@pytest.mark.anyio
async def test_a_call_goes_below_the_providers_base_with_its_own_bytes(upstream: ScriptedUpstream) -> None:
    await attempt(upstream).send(WRITTEN)

    assert upstream.sent[0].outbound.body is BODY
    assert heads(upstream) == [
        [
            b"POST /base/chat/completions HTTP/1.1",
            b"host: api.example.com",
            b"accept-encoding: identity",
            b"content-type: application/json",
            b"authorization: Bearer callers",
            b"content-length: %d" % len(BODY),
            b"",
            b"",
        ]
    ]


@pytest.mark.anyio
async def test_the_head_of_calls_that_are_alike_is_written_once(upstream: ScriptedUpstream) -> None:
    to = destination()

    for body in (BODY, BODY + b" "):
        await attempt(upstream, to, call(body)).send(WRITTEN)

    first, second = (one.outbound.start for one in upstream.sent)
    assert first is not None
    assert first is second


@pytest.mark.anyio
async def test_a_remembered_head_is_the_one_that_would_be_written(upstream: ScriptedUpstream) -> None:
    to = destination(forwarded=FORWARDED)

    await attempt(upstream, to).send(WRITTEN)
    await attempt(upstream, to, call(headers=[(b"traceparent", b"t")])).send(WRITTEN)

    remembered, written = heads(upstream)
    assert [line for line in written if line != b"traceparent: t"] == remembered


@pytest.mark.anyio
async def test_paths_with_ids_in_them_do_not_pile_up(upstream: ScriptedUpstream) -> None:
    to = destination()

    for number in range(100):
        path = f"/responses/{number}"
        await attempt(upstream, to, call(b"", path=path)).send(Written(path, b""))

    assert len(to.starts) == 32
    assert heads(upstream)[99][0] == b"POST /base/responses/99 HTTP/1.1"


@pytest.mark.anyio
async def test_different_methods_paths_and_headers_have_heads_of_their_own(upstream: ScriptedUpstream) -> None:
    to = destination()

    for method, written in (("POST", WRITTEN), ("PUT", WRITTEN), ("POST", Written("/other", BODY))):
        await attempt(upstream, to, call(method=method)).send(written)

    assert [lines[0] for lines in heads(upstream)] == [
        b"POST /base/chat/completions HTTP/1.1",
        b"PUT /base/chat/completions HTTP/1.1",
        b"POST /base/other HTTP/1.1",
    ]
    assert b"content-type: application/json" not in heads(upstream)[2]


@pytest.mark.anyio
async def test_the_callers_key_comes_before_the_places(upstream: ScriptedUpstream) -> None:
    place = Place(BASE, Secret("places"))

    await attempt(upstream, destination("callers"), place=place).send(WRITTEN)
    await attempt(upstream, destination(None), place=place).send(WRITTEN)

    keys = [line for lines in heads(upstream) for line in lines if line.startswith(b"authorization")]
    assert keys == [b"authorization: Bearer callers", b"authorization: Bearer places"]


@pytest.mark.anyio
async def test_a_call_without_any_key_is_not_sent(upstream: ScriptedUpstream) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await attempt(upstream, destination(None)).send(WRITTEN)

    assert caught.value.code == "missing_provider_key"
    assert "'example'" in caught.value.message
    assert upstream.sent == []


@pytest.mark.anyio
async def test_only_the_named_headers_of_the_caller_are_passed_on(upstream: ScriptedUpstream) -> None:
    await attempt(upstream, destination(forwarded=FORWARDED), call(headers=TRACED)).send(WRITTEN)

    (lines,) = heads(upstream)
    assert {b"traceparent: t", b"idempotency-key: k"} < set(lines)
    assert b"x-private: p" not in lines


@pytest.mark.anyio
async def test_a_query_goes_with_the_call(upstream: ScriptedUpstream) -> None:
    await attempt(upstream, of=call(query=b"a=b")).send(WRITTEN)

    assert heads(upstream)[0][0] == b"POST /base/chat/completions?a=b HTTP/1.1"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("endpoint", "method", "may_repeat"),
    [("chat", "POST", True), ("embeddings", "POST", True), ("passthrough", "GET", True),
     ("passthrough", "POST", False), ("passthrough", "DELETE", False)],
)  # fmt: skip
async def test_what_could_have_happened_already_is_never_sent_twice(
    upstream: ScriptedUpstream, endpoint: str, method: str, may_repeat: bool
) -> None:
    await attempt(upstream, of=call(endpoint=endpoint, method=method)).send(WRITTEN)

    assert upstream.sent[0].outbound.may_repeat == may_repeat


@pytest.mark.anyio
@pytest.mark.parametrize(("headers", "length"), [([(b"content-length", b"6")], 6), ([], None)])
async def test_an_upload_keeps_its_length_and_is_sent_once(
    upstream: ScriptedUpstream, headers: list[tuple[bytes, bytes]], length: int | None
) -> None:
    await attempt(upstream, of=call(b"", headers=headers)).send(Written("/x", b""), pieces(b"abc", b"def"))

    (one,) = upstream.sent
    assert (one.body, one.outbound.content_length, one.outbound.may_repeat) == (b"abcdef", length, False)


@pytest.mark.anyio
async def test_a_header_that_would_break_the_head_is_refused(upstream: ScriptedUpstream) -> None:
    with pytest.raises(InvalidCall):
        await attempt(upstream, destination("a\r\nx-evil: 1")).send(WRITTEN)

    assert upstream.sent == []


@pytest.mark.anyio
async def test_a_conversations_requests_carry_the_key_and_no_idempotency_key(upstream: ScriptedUpstream) -> None:
    asked = attempt(upstream, destination(forwarded=FORWARDED), call(headers=TRACED, query=b"q=1"))

    await asked.ask(Ask("/image", "POST", b"{}", ((b"accept", b"image/png"),)))

    (lines,) = heads(upstream)
    assert lines[0] == b"POST /base/image?q=1 HTTP/1.1"
    assert {b"authorization: Bearer callers", b"traceparent: t", b"accept: image/png"} < set(lines)
    assert b"idempotency-key: k" not in lines


@pytest.mark.anyio
async def test_a_request_elsewhere_carries_no_key_and_no_header_of_the_caller(upstream: ScriptedUpstream) -> None:
    asked = attempt(upstream, destination(forwarded=FORWARDED), call(headers=TRACED, query=b"q=1"))

    await asked.ask(Ask("ignored", "GET"), (Origin("https", "cdn.example.com", 443), b"/a?sig=1"))

    assert heads(upstream) == [
        [b"GET /a?sig=1 HTTP/1.1", b"host: cdn.example.com", b"accept-encoding: identity", b"", b""]
    ]
