"""Image calls, where one request of the client is several of the provider's."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable

import pytest
from tests.integration.edge.house import LOGIN, PROVIDER_KEY, House, Reply, answer, head_of

from emberway.errors import ConnectFailed
from emberway.exchange import Headers
from emberway.upstream.base import Outbound
from emberway.upstream.scripted import Scripted, ScriptedAnswer

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 16
FLUX = "accounts/fireworks/models/flux-1-schnell-fp8"
KONTEXT = "accounts/fireworks/models/flux-kontext-pro"


async def ask(house: House, model: str, *, n: int = 1, headers: Headers = LOGIN) -> Reply:
    body = json.dumps({"model": model, "prompt": "a", "n": n, "response_format": "b64_json"}).encode()
    return await house.call("POST", "/v1/images/generations", body, headers)


def picture(body: bytes) -> ScriptedAnswer:
    return answer(json.dumps({"base64": [base64.b64encode(body).decode()]}).encode())


@pytest.mark.anyio
async def test_images_that_the_provider_makes_one_by_one_are_asked_for_together() -> None:
    all_asked = asyncio.Event()
    asked = 0

    async def together(outbound: Outbound) -> ScriptedAnswer:
        nonlocal asked
        asked += 1
        mine = asked
        if asked == 3:
            all_asked.set()
        await all_asked.wait()
        return picture(PNG + b"%d" % mine)

    house = House(together)

    reply = await ask(house, FLUX, n=3, headers=[*LOGIN, (b"idempotency-key", b"once"), (b"traceparent", b"t")])

    pictures = [base64.b64decode(one["b64_json"]) for one in reply.json["data"]]
    assert pictures == [PNG + b"1", PNG + b"2", PNG + b"3"]
    heads = [head_of(sent) for sent in house.upstream.sent]
    assert {head["authorization"] for head in heads} == {f"Bearer {PROVIDER_KEY}"}
    assert {head["traceparent"] for head in heads} == {"t"}
    assert all("idempotency-key" not in head for head in heads)
    assert all(sent.inbound is not None and sent.inbound.is_closed for sent in house.upstream.sent)
    assert reply.header("x-portkey-provider") == "fireworks-ai"


def kontext(sample: str, *, looks: int) -> Callable[[Outbound], Scripted]:
    """A provider that takes an order, has to be asked after it ``looks`` times, and then says where the picture is."""

    def script(outbound: Outbound) -> Scripted:
        nonlocal looks
        if outbound.target.endswith(b"/get_result"):
            looks -= 1
            ready = {"id": "o", "status": "Ready", "result": {"sample": sample}}
            return answer(json.dumps(ready if looks == 0 else {"id": "o", "status": "Pending"}).encode())
        if outbound.method == "GET":
            return answer(PNG, 200, (b"content-type", b"image/png"))
        return answer(b'{"request_id":"o"}')

    return script


@pytest.mark.anyio
async def test_an_order_is_asked_after_until_it_is_ready_and_its_picture_fetched_without_the_providers_key() -> None:
    house = House(kontext("https://pictures.example.com/a/b.png?sig=a%2Fb&se=1", looks=2))

    reply = await ask(house, KONTEXT, headers=[*LOGIN, (b"x-session-affinity", b"s")])

    assert reply.status == 200, reply.body
    assert base64.b64decode(reply.json["data"][0]["b64_json"]) == PNG
    *asked, fetched = [head_of(sent) for sent in house.upstream.sent]
    assert {head["host"] for head in asked} == {"api.fireworks.ai"}
    assert {head["authorization"] for head in asked} == {f"Bearer {PROVIDER_KEY}"}
    assert [head[":"].count("/get_result") for head in asked] == [0, 1, 1]
    assert fetched[":"] == "GET /a/b.png?sig=a%2Fb&se=1 HTTP/1.1"
    assert fetched["host"] == "pictures.example.com"
    assert fetched.keys().isdisjoint({"authorization", "x-session-affinity", "x-api-key"})


@pytest.mark.anyio
@pytest.mark.parametrize("sample", ["http://169.254.169.254/a", "file:///etc/passwd"])
async def test_a_picture_at_a_private_address_is_not_fetched(sample: str) -> None:
    house = House(kontext(sample, looks=1))

    reply = await ask(house, KONTEXT)

    assert (reply.status, reply.error["code"]) == (502, "upstream_invalid")
    assert len(house.upstream.sent) == 2


@pytest.mark.anyio
async def test_the_providers_refusal_of_one_image_is_the_answer_to_all() -> None:
    told = [(b"content-type", b"application/json"), (b"retry-after", b"9")]
    house = House(lambda outbound: answer(b'{"error":{"message":"slow down"}}', 429, *told))

    reply = await ask(house, FLUX, n=2)

    assert (reply.status, reply.error["message"], reply.header("retry-after")) == (429, "slow down", "9")


@pytest.mark.anyio
async def test_one_image_without_an_answer_ends_the_others() -> None:
    asked, left = 0, 0

    async def script(outbound: Outbound) -> Scripted:
        nonlocal asked, left
        asked += 1
        if asked == 3:
            return ConnectFailed("Nobody there.")
        try:
            await asyncio.Event().wait()
        finally:
            left += 1
        raise AssertionError

    reply = await ask(House(script), FLUX, n=3)

    assert (reply.status, reply.error["message"]) == (502, "Nobody there.")
    assert left == 2


@pytest.mark.anyio
async def test_a_faulty_answer_about_images_is_the_providers_fault() -> None:
    reply = await ask(House(lambda outbound: answer(b"<html>")), FLUX)

    assert reply.status == 502
