"""Where the client connects, and where it never does, whatever a name resolves to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from tests.integration.upstream.peer import Peer, peer, polite

from emberway.errors import ConnectFailed, InvalidCall
from emberway.upstream.base import Deadlines, Origin, Outbound
from emberway.upstream.client import PooledUpstream
from emberway.upstream.resolver import Resolver

pytestmark = pytest.mark.anyio
Rows = list[tuple[socket.AddressFamily, int, int, str, tuple[str | int, ...]]]


class Names:
    """A name server that gives each host's answers in turn, the last one for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.asked: list[str] = []
        self._answers = {f"{host}.test": given for host, given in answers.items()}

    def getaddrinfo(self, host: str, port: None, **options: int) -> Rows:
        self.asked.append(host)
        given = self._answers[host]
        addresses = given.pop(0) if len(given) > 1 else given[0]
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in each], options["type"], 6, "", (each, 0)) for each in addresses]


@pytest.fixture
async def canary() -> AsyncIterator[Peer]:
    """A listener on loopback that nobody may reach."""
    async with peer(polite) as provider:
        yield provider
        assert provider.connections == 0


def client(names: Names) -> PooledUpstream:
    return PooledUpstream(resolver=Resolver(names.getaddrinfo))


def post(origin: Origin) -> Outbound:
    return Outbound("POST", origin, b"/", [], b"{}", deadlines=Deadlines(connect=0.5))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0", "0.0.0.0", "localhost", "::1", "::"),
        *("::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "169.254.169.254", "10.0.0.1"),
    ],
)
async def test_a_private_address_in_any_spelling_is_refused_without_a_connection(
    upstream: PooledUpstream, canary: Peer, host: str
) -> None:
    with pytest.raises(InvalidCall, match="Invalid custom host") as told:
        await upstream.send(post(Origin("https", host, canary.port)))

    assert (told.value.status, told.value.param) == (400, "x-portkey-custom-host")
    assert upstream.open_connections == 0


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["2606:4700::1111", "::1"], ["fd00::1"]])
async def test_one_private_address_among_a_names_answers_condemns_the_name(canary: Peer, answers: list[str]) -> None:
    names = Names(mixed=[answers])
    upstream = client(names)
    with pytest.raises(InvalidCall, match="Invalid custom host"):
        await upstream.send(post(Origin("https", "mixed.test", canary.port)))
    await upstream.aclose()

    assert names.asked == ["mixed.test"]


async def test_a_name_is_resolved_once_for_the_verdict_and_the_connection(
    canary: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(flip=[["192.0.2.55"], ["127.0.0.1"]])
    monkeypatch.setattr("emberway.upstream.dialer.is_public", lambda address: address == "192.0.2.55")
    dialled: list[str] = []

    async def create_connection(*given: object, **_: object) -> None:
        dialled.append(str(given[1]))
        raise ConnectionRefusedError

    upstream = client(names)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", create_connection, raising=False)
    with pytest.raises(ConnectFailed):
        await upstream.send(post(Origin("https", "flip.test", canary.port)))
    await upstream.aclose()

    assert (names.asked, dialled) == (["flip.test"], ["192.0.2.55"])


@pytest.mark.parametrize(
    "origin",
    [Origin("http", "public.test", 443), Origin("https", "public.test", 22), Origin("https", "public.test", 6379)],
)
async def test_a_stranger_is_called_over_https_and_on_no_port_of_another_protocol(origin: Origin) -> None:
    names = Names(public=[["1.1.1.1"]])
    upstream = client(names)
    with pytest.raises(InvalidCall, match="not open to calls"):
        await upstream.send(post(origin))
    await upstream.aclose()

    assert names.asked == []


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "168.63.129.16"])
async def test_even_a_trusted_name_does_not_lead_to_a_metadata_service(address: str) -> None:
    upstream = client(Names(meta=[[address]]))
    with pytest.raises(InvalidCall, match="not open to calls"):
        await upstream.send(post(Origin("http", "meta.test", 80, trusted=True)))
    await upstream.aclose()


async def test_a_trusted_name_may_be_private_and_keeps_its_name_in_the_host_header() -> None:
    upstream = client(Names(inside=[["127.0.0.1"]]))
    async with peer(polite) as provider:
        origin = Origin("http", "inside.test", provider.port, trusted=True)
        (await upstream.send(post(origin))).close()
        await upstream.aclose()

        assert b"host: inside.test:%d" % provider.port in provider.requests[0].lines


async def test_another_address_of_the_host_is_tried_when_one_refuses() -> None:
    upstream = client(Names(several=[["127.0.0.2", "127.0.0.3", "127.0.0.1"]]))
    async with peer(polite) as provider:
        (await upstream.send(post(Origin("http", "several.test", provider.port, trusted=True)))).close()
        await upstream.aclose()

        assert provider.connections == 1


async def test_two_hundred_addresses_do_not_mean_two_hundred_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    dialled: list[str] = []

    async def create_connection(*given: object, **_: object) -> None:
        dialled.append(str(given[1]))
        raise ConnectionRefusedError

    upstream = client(
        Names(many=[[f"2001:db8::{number:x}" for number in range(1, 191)] + [f"127.0.1.{n}" for n in range(10)]])
    )
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", create_connection, raising=False)
    with pytest.raises(ConnectFailed, match="refused"):
        await upstream.send(post(Origin("http", "many.test", 80, trusted=True)))
    await upstream.aclose()

    assert dialled == ["2001:db8::1", "127.0.1.0", "2001:db8::2", "127.0.1.1"]


async def test_a_name_that_is_none_is_an_unreachable_upstream(upstream: PooledUpstream) -> None:
    with pytest.raises(ConnectFailed, match="not a host name"):
        await upstream.send(post(Origin("https", "a" * 64 + ".test", 443)))

    assert upstream.open_connections == 0


async def test_an_unknown_name_is_an_unreachable_upstream() -> None:
    def getaddrinfo(*_: object, **__: object) -> Rows:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    upstream = PooledUpstream(resolver=Resolver(getaddrinfo))
    with pytest.raises(ConnectFailed, match="could not be resolved"):
        await upstream.send(post(Origin("https", "unknown.test", 443)))

    assert upstream.open_connections == 0
    await upstream.aclose()


async def test_a_connection_that_ends_up_elsewhere_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emberway.upstream.connection.Connection.peer_address", "10.0.0.1")
    upstream = PooledUpstream()
    async with peer(polite) as provider:
        with pytest.raises(ConnectFailed, match="another address"):
            await upstream.send(provider.post())

        assert (upstream.open_connections, provider.requests) == (0, [])
    await upstream.aclose()


async def test_the_environments_proxies_are_ignored(
    upstream: PooledUpstream, canary: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    async with peer(polite) as provider:
        (await upstream.send(provider.post())).close()

        assert provider.connections == 1
