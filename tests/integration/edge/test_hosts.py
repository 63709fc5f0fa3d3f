"""Hosts that callers name themselves: their own key goes there, and nobody else's."""

from __future__ import annotations

import pytest
from tests.integration.edge.house import CHAT, LOGIN, PROVIDER_KEY, SECRET_OF_EMULATOR, House, answer, head_of, without

from emberway.exchange import Headers
from emberway.settings import Settings


def to_host(url: str, headers: Headers = LOGIN) -> Headers:
    return [*headers, (b"x-portkey-custom-host", url.encode())]


@pytest.mark.anyio
@pytest.mark.parametrize("emulator", [True, False])
async def test_a_custom_host_is_called_with_the_callers_own_key(emulator: bool) -> None:
    house = House([answer()], emulator=emulator)

    await house.chat(headers=to_host("https://llm.example.com:8443/base/v1/"))

    head = head_of(house.only)
    assert (head[":"], head["host"]) == ("POST /base/v1/chat/completions HTTP/1.1", "llm.example.com:8443")
    assert head["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert not house.only.outbound.origin.trusted
    assert house.only.body == CHAT


@pytest.mark.anyio
@pytest.mark.parametrize("provider", [b"fireworks-ai", b"@emulator", b"emulator"])
async def test_the_emulators_key_goes_to_the_emulator_alone(provider: bytes) -> None:
    house = House([answer()], emulator=True)
    keyless = [*without(LOGIN, b"authorization", b"x-portkey-provider"), (b"x-portkey-provider", provider)]

    reply = await house.chat(headers=to_host("https://canary.example.com/v1", keyless))
    at_home = await house.chat(headers=keyless)

    assert (reply.status, reply.error["code"]) == (401, "missing_provider_key")
    assert at_home.status == 200
    head = head_of(house.only)
    assert (head["host"], head["authorization"]) == ("127.0.0.1:9", f"Bearer {SECRET_OF_EMULATOR.reveal()}")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "https://127.0.0.1", "https://[::1]/", "https://10.0.0.1/v1",
     "https://169.254.169.254/latest", "https://[::ffff:169.254.169.254]/", "https://2130706433/", "https://0x7f.1/",
     "https://user:password@api.example.com", "https://api.example.com/?x=1", "https://api.example.com/#x",
     "ftp://api.example.com", "http://api.example.com", "api.example.com", "https://", "https://a b.example.com",
     "https://api.example.com:0", "https://api.example.com/../x"],
)  # fmt: skip
async def test_a_private_or_crooked_host_is_refused_before_it_is_called(url: str) -> None:
    house = House()

    reply = await house.chat(headers=to_host(url))

    assert reply.status in (400, 403), url
    assert house.upstream.sent == []
    assert PROVIDER_KEY.encode() not in reply.body


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["localhost", "metadata.google.internal", "10.0.0.1.nip.example"])
async def test_a_name_is_left_to_be_judged_by_the_address_that_it_has(host: str) -> None:
    house = House([answer()])

    await house.chat(headers=to_host(f"https://{host}/v1"))

    assert (house.only.outbound.origin.host, house.only.outbound.origin.trusted) == (host, False)


@pytest.mark.anyio
async def test_a_private_host_that_the_operator_trusts_is_called() -> None:
    house = House([answer()], Settings(trusted_origins=("http://127.0.0.1:11434",)))

    await house.chat(headers=to_host("http://127.0.0.1:11434/v1"))

    assert head_of(house.only)["host"] == "127.0.0.1:11434"
    assert house.only.outbound.origin.trusted


@pytest.mark.anyio
async def test_trust_in_one_port_is_no_trust_in_another() -> None:
    house = House(settings=Settings(trusted_origins=("http://127.0.0.1:11434",)))

    reply = await house.chat(headers=to_host("http://127.0.0.1:5432/v1"))

    assert reply.status in (400, 403)
    assert house.upstream.sent == []


@pytest.mark.anyio
async def test_custom_hosts_can_be_switched_off() -> None:
    house = House(settings=Settings(custom_hosts="off"))

    reply = await house.chat(headers=to_host("https://llm.example.com/v1"))

    assert (reply.status, reply.error["code"]) == (400, "custom_hosts_off")


@pytest.mark.anyio
async def test_a_call_without_a_custom_host_does_not_inherit_one() -> None:
    house = House([answer(), answer(), answer()])

    await house.chat()
    await house.chat(headers=to_host("https://llm.example.com/v1"))
    await house.chat()

    hosts = [head_of(sent)["host"] for sent in house.upstream.sent]
    assert hosts == ["api.fireworks.ai", "llm.example.com", "api.fireworks.ai"]


@pytest.mark.anyio
async def test_the_callers_timeout_bounds_the_call() -> None:
    house = House([answer(), answer()], Settings(request_timeout=20.0))

    await house.chat(headers=[*LOGIN, (b"x-portkey-request-timeout", b"1500")])
    await house.chat(headers=[*LOGIN, (b"x-portkey-request-timeout", b"99000")])

    short, long = (sent.outbound.deadlines for sent in house.upstream.sent)
    assert (short.first_byte, short.total) == (1.5, 1.5)
    assert (long.first_byte, long.total) == (20.0, 99.0)
