"""Which paths there are, whose they are, and which never reach a provider."""

from __future__ import annotations

import pytest
from tests.integration.edge.house import LOGIN, House, answer, head_of, without

from emberway.exchange import Headers
from emberway.settings import Settings

RESERVED = (
    "prompts", "feedback", "logs", "virtual-keys", "providers", "integrations", "configs", "api-keys", "analytics",
    "guardrails", "labels", "collections", "policies", "admin", "otel",
)  # fmt: skip
OUR_KEY: Headers = without(LOGIN, b"authorization", b"x-portkey-provider")


@pytest.mark.anyio
@pytest.mark.parametrize("part", RESERVED)
@pytest.mark.parametrize(
    "path", ["/v1/{}", "/v1/{}/p-1/completions", "/{}", "/v1//{}/x", "/v1/%{:02x}{}", "/v1/proxy/{}"]
)
async def test_a_path_of_portkeys_own_never_reaches_a_provider(part: str, path: str) -> None:
    house = House()
    asked = f"/v1/%{ord(part[0]):02x}{part[1:]}" if ":02x" in path else path.format(part)

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        reply = await house.call(method, asked, b"{}")

        assert (reply.status, reply.error["type"]) == (501, "not_implemented_error"), (method, asked)
    assert house.upstream.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/chat/completion", "/v1/chat/completions"),
        ("/api/v1/chat/completions", "/v1/chat/completions"),
        ("/openai/embeddings", "/v1/embeddings"),
        ("/model", "/v1/models"),
    ],
)
async def test_an_unknown_route_names_the_near_one(path: str, near: str) -> None:
    house = House()

    reply = await house.call("POST", path, b"{}")

    assert (reply.status, reply.error["code"]) == (404, "unknown_route")
    assert f"Did you mean {near}?" in reply.error["message"]
    assert house.upstream.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/", "/v1/chat/completions", "/v1/models", "/livez"])
async def test_a_wrong_method_is_told_which_are_right(path: str) -> None:
    reply = await House().call("TRACE", path, b"")

    allowed = reply.header("allow")
    assert reply.status == 405
    assert allowed
    assert allowed in reply.error["message"]


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/livez", "/health", "/", "/v1/health"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_answers_to_everybody(path: str, method: str) -> None:
    reply = await House().call(method, path, b"", [])

    assert reply.status == 200
    assert reply.header("x-portkey-trace-id")


@pytest.mark.anyio
async def test_only_calls_are_in_the_access_log_and_not_the_machines_that_ask_for_health() -> None:
    house = House()

    for path in ("/livez", "/health", "/readyz", "/nowhere"):
        await house.call("GET", path, b"")

    assert house.line["path"] == "/nowhere"


@pytest.mark.anyio
async def test_the_gateway_is_ready_between_its_start_and_its_end() -> None:
    house = House()
    coming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    statuses: list[int] = []

    async def send(message: dict[str, str]) -> None:
        assert message["type"].endswith(".complete")
        statuses.append((await house.call("GET", "/readyz", b"", [])).status)

    async def receive() -> dict[str, str]:
        return coming.pop(0)

    statuses.append((await house.call("GET", "/readyz", b"", [])).status)
    await house.edge({"type": "lifespan"}, receive, send)

    assert statuses == [503, 200, 503]
    assert house.upstream.is_closed


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    ["/v1/../admin", "/v1/proxy/../../x", "/v1/%2e%2e/x", "/v1/a%2f..%2fb", "/v1/%252e%252e/x", "/v1/..;/x",
     "/v1/a%00b", "/v1/a%0d%0ab", "/v1/a\\b", "/v1/%5c", "/v1/%zz", "/v1/.", "/v1/%ff",
     "http://evil.example/v1/models", "*"],
)  # fmt: skip
async def test_a_path_that_could_climb_out_is_refused(path: str) -> None:
    house = House()

    reply = await house.call("GET", path, b"")

    assert (reply.status, reply.error["code"]) == (400, "invalid_path")
    assert house.upstream.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "upstream"),
    [
        ("/v1/whatever/a%2Fb", "/inference/v1/whatever/a%2Fb"),
        ("/v1//evil.example/x", "/inference/v1/evil.example/x"),
        ("/v1/caf%C3%A9", "/inference/v1/caf%C3%A9"),
        ("/v1/proxy/responses/r", "/inference/v1/responses/r"),
        ("/v1/a;b=c/@d:e", "/inference/v1/a;b=c/@d:e"),
        ("/v1/a%25b", "/inference/v1/a%25b"),
    ],
)
async def test_a_passed_through_path_stays_below_the_providers_base_and_keeps_its_spelling(
    path: str, upstream: str
) -> None:
    house = House([answer()])

    await house.call("GET", path, b"")

    assert head_of(house.only)[":"] == f"GET {upstream} HTTP/1.1"


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_is_passed_through_with_query_and_body(method: str) -> None:
    body = b"" if method == "GET" else b'{ "a":1.0, "\\u0062":[ ] }'
    house = House([answer(b"\x00\xff", 201, (b"content-type", b"application/octet-stream"), (b"etag", b"e"))])

    reply = await house.call(method, "/v1/responses/r", body, query=b"after=a%20b&x")

    assert head_of(house.only)[":"] == f"{method} /inference/v1/responses/r?after=a%20b&x HTTP/1.1"
    assert house.only.body == body
    assert (reply.status, reply.body, reply.header("etag")) == (201, b"\x00\xff", "e")
    assert reply.header("content-type") == "application/octet-stream"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path", ["/v1/files", "/v1/moderations", "/v1/images/edits", "/v1/audio/speech", "/v1/batches"]
)
async def test_an_endpoint_that_the_provider_does_not_have_is_refused_with_a_way_out(path: str) -> None:
    house = House()

    reply = await house.call("POST", path, b"{}")

    assert (reply.status, reply.error["code"]) == (400, "not_supported_by_provider")
    assert house.upstream.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models?limit=1"])
async def test_the_models_come_from_memory(path: str) -> None:
    house = House()
    path, _, query = path.partition("?")

    reply = await house.call("GET", path, b"", OUR_KEY, query=query.encode())

    assert reply.status == 200
    assert reply.json["object"] == "list"
    assert len(reply.json["data"]) > 50
    assert house.upstream.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize("slash", ["/", "%2F", "%2f"])
async def test_a_model_is_found_with_its_slashes_plain_or_encoded(slash: str) -> None:
    house = House()
    listed = (await house.call("GET", "/v1/models", b"", OUR_KEY)).json["data"]

    for model in listed[:20]:
        reply = await house.call("GET", "/v1/models/" + model["id"].replace("/", slash), b"", OUR_KEY)

        assert (reply.status, reply.json["id"]) == (200, model["id"])
    assert house.upstream.sent == []


@pytest.mark.anyio
async def test_a_model_that_is_not_in_the_catalogue_is_a_404() -> None:
    reply = await House().call("GET", "/v1/models/accounts/me/models/mine", b"", OUR_KEY)

    assert (reply.status, reply.error["code"]) == (404, "model_not_found")


@pytest.mark.anyio
async def test_the_models_of_another_provider_are_its_own_to_list() -> None:
    house = House([answer(b'{"data":[]}')])

    reply = await house.call("GET", "/v1/models", b"", [*OUR_KEY, (b"x-portkey-provider", b"openai"), LOGIN[3]])

    assert reply.json == {"data": []}
    assert head_of(house.only)[":"] == "GET /v1/models HTTP/1.1"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/files", "/v1/whatever", "/v1/prompts/p", "/nowhere", "/v1/models"]
)
@pytest.mark.parametrize("key", [None, b"wrong-key-of-somebody"])
async def test_a_stranger_gets_nothing_anywhere_and_its_body_is_not_read(path: str, key: bytes | None) -> None:
    house = House(settings=Settings(max_body_bytes=2**30))
    headers: Headers = [(b"transfer-encoding", b"chunked"), (b"content-type", b"application/json")]
    visit = house.begin("POST", path, [*headers, *([(b"x-portkey-api-key", key)] if key else [])])
    for _ in range(10):
        visit.feed(b"x" * 65536)

    reply = await visit.finished()

    assert reply.status == 401
    assert visit.taken == 0
    assert reply.header("connection") == "close"
    assert house.upstream.sent == []


@pytest.mark.anyio
async def test_a_strangers_small_body_is_taken_in_so_that_the_connection_stays_good() -> None:
    visit = House().begin("POST", "/v1/chat/completions", [(b"content-length", b"20")])
    visit.feed(b"x" * 10)
    visit.feed(b"x" * 10, more=False)

    reply = await visit.finished()

    assert (reply.status, visit.taken) == (401, 20)
    assert "connection" not in reply.names


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/responses"])
@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_json_body_over_the_limit_is_a_413(path: str, is_declared: bool) -> None:
    house = House(settings=Settings(max_body_bytes=1024))
    framing = (b"content-length", b"100000") if is_declared else (b"transfer-encoding", b"chunked")
    visit = house.begin("POST", path, [*LOGIN, framing])
    for _ in range(100):
        visit.feed(b" " * 1000)

    reply = await visit.finished()

    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert visit.taken <= 3000
    assert reply.header("connection") == "close"
    assert house.upstream.sent == []


@pytest.mark.anyio
async def test_a_websocket_is_turned_away() -> None:
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    await House().edge({"type": "websocket"}, receive, send)

    assert sent[0]["type"] == "websocket.close"
