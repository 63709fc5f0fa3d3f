"""A call with a config: which targets are asked, with what, and what the client is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.integration.edge.house import CHAT, EVENTS, KEY, LOGIN, MODEL, STREAM, House, Reply, answer, head_of, without

from emberway.errors import ConnectFailed, StreamBroken, UpstreamTimeout
from emberway.exchange import Headers
from emberway.upstream.base import Outbound
from emberway.upstream.scripted import Scripted, ScriptedAnswer

pytestmark = pytest.mark.anyio

A: dict[str, Any] = {"provider": "openai", "api_key": "sk-a"}
B: dict[str, Any] = {"provider": "groq", "api_key": "gsk-b"}
C: dict[str, Any] = {"provider": "fireworks-ai", "api_key": "fw-c"}
BARE: Headers = [(b"content-type", b"application/json"), (b"x-portkey-api-key", KEY.encode())]


def using(config: object, headers: Headers = BARE) -> Headers:
    text = config if isinstance(config, str) else json.dumps(config)
    return [*headers, (b"x-portkey-config", text.encode())]


def fallback(*targets: dict[str, Any], **strategy: Any) -> dict[str, Any]:
    return {"strategy": {"mode": "fallback", **strategy}, "targets": list(targets)}


def told(reply: Reply) -> tuple[str | None, str | None, str | None]:
    """Provider, path and retries as the headers have them."""
    names = ("x-portkey-provider", "x-portkey-last-used-option-index", "x-portkey-retry-attempt-count")
    provider, path, retries = (reply.header(name) for name in names)
    return provider, path, retries


def hosts(house: House) -> list[str]:
    return [sent.outbound.origin.host for sent in house.upstream.sent]


async def test_a_config_names_provider_and_key() -> None:
    house = House([answer()])

    reply = await house.chat(headers=using(A))

    head = head_of(house.only)
    assert (head["host"], head["authorization"]) == ("api.openai.com", "Bearer sk-a")
    assert house.only.body is CHAT
    assert (reply.status, told(reply)) == (200, ("openai", "config", "0"))


async def test_a_config_without_a_provider_goes_where_the_headers_say() -> None:
    house = House([answer()])

    reply = await house.chat(headers=using({"retry": {"attempts": 2}}, LOGIN))

    assert head_of(house.only)["authorization"] == "Bearer fw_of-the-caller"
    assert told(reply) == ("fireworks-ai", "config", "0")


async def test_the_callers_key_does_not_go_to_another_provider_than_the_headers_name() -> None:
    house = House([answer()])

    reply = await house.chat(headers=using(fallback({"provider": "openai"}, C), LOGIN))

    assert hosts(house) == ["api.fireworks.ai"]
    assert head_of(house.only)["authorization"] == "Bearer fw-c"
    assert told(reply) == ("fireworks-ai", "config.targets[1]", "0")


async def test_the_callers_key_goes_to_the_provider_that_the_headers_name() -> None:
    house = House([answer()])

    await house.chat(headers=using(fallback({"provider": "fireworks-ai"}), LOGIN))

    assert head_of(house.only)["authorization"] == "Bearer fw_of-the-caller"


@pytest.mark.parametrize(
    "first", [answer(b"{}", 500), answer(b"{}", 429), answer(b"{}", 404), ConnectFailed("No."), UpstreamTimeout("No.")]
)
async def test_a_fallback_moves_on_when_there_is_no_good_answer(first: Scripted) -> None:
    house = House([first, answer(b'{"id":"second"}')])

    reply = await house.chat(headers=using(fallback(A, B)))

    assert hosts(house) == ["api.openai.com", "api.groq.com"]
    assert (reply.status, reply.json, told(reply)) == (200, {"id": "second"}, ("groq", "config.targets[1]", "0"))


async def test_the_last_answer_is_given_where_none_is_good() -> None:
    house = House([ConnectFailed("No."), answer(b'{"error":{"message":"full"}}', 529)])

    reply = await house.chat(headers=using(fallback(A, B)))

    assert (reply.status, reply.error["message"]) == (529, "full")
    assert told(reply) == ("groq", "config.targets[1]", "0")


async def test_the_last_error_is_told_where_there_was_no_answer() -> None:
    house = House([answer(b"{}", 500), ConnectFailed("Nobody there.")])

    reply = await house.chat(headers=using(fallback(A, B)))

    assert (reply.status, reply.error["code"]) == (502, "upstream_unreachable")
    assert told(reply) == ("groq", "config.targets[1]", "0")


async def test_a_listed_status_alone_moves_on() -> None:
    house = House([answer(b"{}", 500)])

    reply = await house.chat(headers=using(fallback(A, B, on_status_codes=[429])))

    assert (reply.status, told(reply)) == (500, ("openai", "config.targets[0]", "0"))


async def test_an_answer_that_breaks_before_it_is_whole_is_no_answer() -> None:
    broken = ScriptedAnswer(200, chunks=[b'{"id":'], error=StreamBroken("It broke."))
    house = House([broken, answer(b'{"id":"second"}')])

    reply = await house.chat(headers=using(fallback(A, B)))

    assert (reply.status, reply.json) == (200, {"id": "second"})


async def test_a_stream_that_breaks_before_its_first_byte_is_no_answer() -> None:
    house = House(
        [ScriptedAnswer(200, EVENTS, (), StreamBroken("It broke.")), ScriptedAnswer(200, EVENTS, (b"data: 1\n\n",))]
    )

    reply = await house.chat(STREAM, using(fallback(A, B)))

    assert (reply.status, reply.body) == (200, b"data: 1\n\n")
    assert told(reply) == ("groq", "config.targets[1]", "0")


async def test_a_stream_that_breaks_after_its_first_byte_is_never_sent_again() -> None:
    house = House([ScriptedAnswer(200, EVENTS, (b"data: 1\n\n",), StreamBroken("It broke."))])

    reply = await house.chat(STREAM, using({**fallback(A, B), "retry": {"attempts": 3}}))

    assert reply.body.startswith(b"data: 1\n\nevent: error\n")
    assert hosts(house) == ["api.openai.com"]


async def test_no_answer_that_was_not_picked_stays_open() -> None:
    events = ScriptedAnswer(503, EVENTS, (b"data: 1\n\n", b"data: 2\n\n"))
    house = House([events, answer(b"{}", 503), answer()])

    await house.chat(headers=using(fallback(A, B, C)))

    assert all(sent.inbound is not None and sent.inbound.is_closed for sent in house.upstream.sent)


async def test_what_no_target_could_mend_ends_the_request_at_once() -> None:
    house = House()
    grammar = b'{"model":"%b","messages":[],"grammar":"root ::= nothing"}' % MODEL.encode()

    reply = await house.chat(grammar, using(fallback(C, B)))

    assert reply.status == 400
    assert house.upstream.sent == []


async def test_an_endpoint_that_a_target_does_not_have_moves_on() -> None:
    house = House([answer()])

    reply = await house.call("POST", "/v1/moderations", b"{}", using(fallback(C, A)))

    assert (reply.status, told(reply)) == (200, ("openai", "config.targets[1]", "0"))


async def test_retries_are_counted_and_the_wait_is_jittered(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("emberway.pipeline.drive.asyncio.sleep", sleep)
    house = House([answer(b"{}", 503), ConnectFailed("No."), answer()])

    reply = await house.chat(headers=using({**A, "retry": {"attempts": 3}}))

    assert (reply.status, told(reply)) == (200, ("openai", "config", "2"))
    assert 0 <= waits[0] < 1
    assert 0 <= waits[1] < 2


async def test_retries_in_vain_count_as_minus_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emberway.pipeline.drive.asyncio.sleep", lambda seconds: asyncio.wait_for(_now(), 1))
    house = House([answer(b"{}", 503), answer(b"{}", 503)])

    reply = await house.chat(headers=using({**A, "retry": {"attempts": 1}}))

    assert (reply.status, told(reply)) == (503, ("openai", "config", "-1"))


async def _now() -> None:
    pass


async def test_params_are_overridden_for_each_target_and_the_rules_are_listed() -> None:
    house = House([answer(b"{}", 500), answer()])
    config = fallback(
        {**A, "override_params": {"model": "gpt-x"}},
        {**B, "override_params": {"model": "llama", "temperature": 0}, "default_params": {"seed": 7}},
    )

    reply = await house.chat(headers=using(config))

    first, second = (json.loads(sent.body) for sent in house.upstream.sent)
    assert (first["model"], first["temperature"]) == ("gpt-x", 1.0)
    assert (second["model"], second["temperature"], second["seed"]) == ("llama", 0, 7)
    assert reply.header("x-emberway-changed") == "default_params, override_params"


async def test_conditions_see_metadata_and_the_clients_own_body() -> None:
    config = {
        "strategy": {
            "mode": "conditional",
            "conditions": [
                {"query": {"metadata.tier": {"$eq": "paid"}, "params.temperature": {"$gte": 1}}, "then": "a"},
            ],
            "default": "b",
        },
        "targets": [{**A, "name": "a", "override_params": {"temperature": 0}}, {**B, "name": "b"}],
    }

    async def chosen(metadata: bytes) -> tuple[str | None, str | None, str | None]:
        headers = [*using(config), (b"x-portkey-metadata", metadata)]
        return told(await House([answer()]).chat(headers=headers))

    assert await chosen(b'{"tier":"paid"}') == ("openai", "config.targets[0]", "0")
    assert await chosen(b'{"tier":"free"}') == ("groq", "config.targets[1]", "0")


async def test_a_time_out_of_a_target_is_for_each_attempt() -> None:
    house = House([UpstreamTimeout("No."), answer()])

    await house.chat(headers=using(fallback({**A, "request_timeout": 1500}, B)))

    first, second = (sent.outbound.deadlines for sent in house.upstream.sent)
    assert (first.first_byte, first.total) == (1.5, 1.5)
    assert second.first_byte > 1.5


async def test_a_time_out_never_cuts_a_stream_that_has_begun() -> None:
    house = House([ScriptedAnswer(200, EVENTS, (b"data: 1\n\n",))])

    await house.chat(STREAM, using({**A, "request_timeout": 1500}))

    assert house.only.outbound.deadlines.first_byte == 1.5
    assert house.only.outbound.deadlines.total > 1000


async def test_a_custom_host_and_headers_to_forward_may_stand_in_a_target() -> None:
    house = House([answer()])
    target = {**A, "custom_host": "https://llm.example.com/v9", "forward_headers": ["X-Team"]}

    await house.chat(headers=[*using(fallback(target)), (b"x-team", b"blue")])

    head = head_of(house.only)
    assert (head[":"], head["host"], head["x-team"]) == (
        "POST /v9/chat/completions HTTP/1.1",
        "llm.example.com",
        "blue",
    )


async def test_a_custom_host_of_a_config_is_vetted_like_any_other() -> None:
    reply = await House().chat(headers=using({**A, "custom_host": "http://169.254.169.254/"}))

    assert reply.status == 400


@pytest.mark.parametrize(
    ("config", "param"),
    [
        ('{"strategy":{"mode":"fallbak"},"targets":[{}]}', "$.strategy.mode"),
        (fallback(A, {**B, "weight": "1"}), "$.targets[1].weight"),
        ('{"provider":', "x-portkey-config"),
    ],
)
async def test_a_config_that_is_wrong_says_where(config: object, param: str) -> None:
    reply = await House().chat(headers=using(config))

    assert (reply.status, reply.error["code"]) == (400, "invalid_config")
    assert reply.error["param"] in (param, "$")


async def test_no_key_of_a_config_is_in_the_access_line() -> None:
    house = House([answer(b"{}", 500), answer()])

    await house.chat(headers=using(fallback(A, B)))

    line = house.line
    assert line["option"] == "config.targets[1]"
    assert [(one["path"], one["provider"], one["status"]) for one in line["attempts"]] == [
        ("config.targets[0]", "openai", 500),
        ("config.targets[1]", "groq", 200),
    ]
    assert "sk-a" not in json.dumps(line)
    assert "gsk-b" not in json.dumps(line)


HEDGED = {**fallback(A, B), "hedge": {"after": 10, "max_share": 1}}


async def test_a_slow_target_is_raced_and_the_loser_given_up() -> None:
    asked: list[str] = []

    async def script(outbound: Outbound) -> Scripted:
        asked.append(outbound.origin.host)
        if len(asked) == 2:
            await asyncio.Event().wait()
        return answer(b'{"id":"second"}')

    house = House(script)
    await house.chat(headers=using(HEDGED))  # a target's calls must have saved up for a hedge

    reply = await house.chat(headers=using(HEDGED))

    assert asked == ["api.openai.com", "api.openai.com", "api.groq.com"]
    assert (reply.json, told(reply)) == ({"id": "second"}, ("groq", "config.targets[1]", "0"))
    lost, won = house.lines[1]["attempts"]
    assert (lost["path"], lost["status"]) == ("config.targets[0]", 0)
    assert (won["path"], won["status"]) == ("config.targets[1]", 200)


async def test_a_client_that_leaves_ends_both_runners() -> None:
    both = asyncio.Event()
    asked: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def script(outbound: Outbound) -> Scripted:
        asked.append(outbound.origin.host)
        if len(asked) == 3:
            both.set()
        return ScriptedAnswer(200, EVENTS, endless()) if len(asked) > 1 else answer()

    house = House(script)
    await house.chat(headers=using(HEDGED))
    visit = house.begin("POST", "/v1/chat/completions", using(HEDGED))
    visit.feed(STREAM, more=False)
    async with asyncio.timeout(5):
        await both.wait()
    visit.hang_up()
    await visit.finished()

    assert all(sent.inbound is not None and sent.inbound.is_closed for sent in house.upstream.sent)


async def test_a_caller_who_names_a_dead_host_puts_no_target_out_for_others() -> None:
    def script(outbound: Outbound) -> Scripted:
        return ConnectFailed("No.") if outbound.origin.host == "dead.example.com" else answer()

    house = House(script)
    elsewhere = [*using(fallback(A, B)), (b"x-portkey-custom-host", b"https://dead.example.com/v1")]
    for _ in range(8):
        assert (await house.chat(headers=elsewhere)).status == 502

    assert told(await house.chat(headers=using(fallback(A, B)))) == ("openai", "config.targets[0]", "0")


async def test_a_target_that_fails_is_left_alone_and_its_callers_do_not_notice() -> None:
    def script(outbound: Outbound) -> Scripted:
        return answer(b"{}", 500) if outbound.origin.host == "api.openai.com" else answer()

    house = House(script)
    for _ in range(20):
        assert told(await house.chat(headers=using(fallback(A, B)))) == ("groq", "config.targets[1]", "0")

    assert hosts(house).count("api.openai.com") == 5


def shadowed(**shadow: Any) -> dict[str, Any]:
    return {**A, "shadow": {"target": {**B, "override_params": {"model": "llama"}}, **shadow}}


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_a_shadow_gets_a_copy_after_the_client_was_answered() -> None:
    house = House([answer(), answer(b'{"model":"llama","usage":{"total_tokens":3}}')])

    reply = await house.chat(headers=using(shadowed()))
    await settled(lambda: len(house.upstream.sent) == 2 and len(house.lines) == 2)

    first, second = house.upstream.sent
    assert (first.outbound.origin.host, second.outbound.origin.host) == ("api.openai.com", "api.groq.com")
    assert json.loads(second.body)["model"] == "llama"
    assert told(reply) == ("openai", "config", "0")
    mine, copy = house.lines
    assert copy["shadow_of"] == mine["request_id"] != copy["request_id"]
    assert (copy["provider"], copy["option"], copy["usage"]) == ("groq", "config.shadow.target", {"total_tokens": 3})


async def test_a_shadow_that_fails_is_noted_and_nobody_else_hears_of_it() -> None:
    house = House([answer(), ConnectFailed("No.")])

    reply = await house.chat(headers=using(shadowed()))
    await settled(lambda: len(house.lines) == 2)

    assert reply.status == 200
    assert (house.lines[1]["error"], house.lines[1]["status"]) == ("upstream_unreachable", 502)


async def test_shadows_beyond_the_bound_are_dropped_and_counted() -> None:
    hold = asyncio.Event()

    async def script(outbound: Outbound) -> Scripted:
        if outbound.origin.host == "api.groq.com":
            await hold.wait()
        return answer()

    house = House(script)
    for _ in range(5):
        assert (await house.chat(headers=using(shadowed(max_concurrency=2)))).status == 200
    shadows = house.edge._tools.pipeline.shadows
    assert (shadows.sent, shadows.dropped) == (2, 3)
    assert [line["shadow"] for line in house.lines] == ["sent", "sent", "dropped", "dropped", "dropped"]

    hold.set()
    await settled(lambda: len(house.lines) == 7)
    await house.chat(headers=using(shadowed(max_concurrency=2)))
    assert shadows.sent == 3
    await settled(lambda: len(house.lines) == 9)


async def test_a_share_of_nothing_casts_no_shadow() -> None:
    house = House([answer()])

    await house.chat(headers=using(shadowed(share=0)))

    assert hosts(house) == ["api.openai.com"]


async def test_a_call_that_was_not_answered_casts_no_shadow() -> None:
    house = House([ConnectFailed("No.")])

    reply = await house.chat(headers=using(shadowed()))

    assert reply.status == 502
    assert hosts(house) == ["api.openai.com"]


async def test_an_upload_is_passed_on_once_whatever_the_config_says() -> None:
    house = House([answer(b"{}", 500)])
    headers = [*without(BARE, b"content-type"), (b"content-type", b"audio/wav")]

    reply = await house.call(
        "POST", "/v1/audio/transcriptions", b"RIFF", using({**A, "retry": {"attempts": 3}}, headers)
    )

    assert (reply.status, hosts(house)) == (500, ["api.openai.com"])


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ([(b"retry-after", b"7")], 7.0),
        ([(b"retry-after", b"0")], 0.0),
        ([(b"retry-after", b"1.5")], 1.5),
        ([(b"retry-after-ms", b"250")], 0.25),
        ([(b"x-ms-retry-after-ms", b"1500")], 1.5),
        ([(b"retry-after-ms", b"250"), (b"retry-after", b"9")], 0.25),
        ([(b"retry-after", b"Thu, 01 Jan 1970 00:00:00 GMT")], 0.0),
        ([(b"retry-after", b"60")], 60.0),
        ([(b"retry-after", b"61")], None),
        ([(b"retry-after", b"1000000000")], None),
        ([(b"retry-after", b"Thu, 01 Jan 2099 00:00:00 GMT")], None),
        ([(b"retry-after", b"soon")], 0.5),
        ([], 0.5),
    ],
)
async def test_what_a_429_asks_for_is_done_within_bounds(
    headers: Headers, waited: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("emberway.pipeline.drive.asyncio.sleep", sleep)
    house = House([answer(b"{}", 429, (b"content-type", b"application/json"), *headers), answer()])
    object.__setattr__(house.edge._tools.pipeline.driver, "dice", lambda: 0.5)

    reply = await house.chat(headers=using({**A, "retry": {"attempts": 1, "use_retry_after_headers": True}}))

    if waited is None:
        assert (reply.status, told(reply)[2], waits) == (429, "-1", [])
    else:
        assert (reply.status, told(reply)[2]) == (200, "1")
        assert waits == [waited]
