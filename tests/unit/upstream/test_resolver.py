"""Names: answered from memory, from threads, from the last good answer, and never later than the deadline."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from emberway.upstream.resolver import Resolver

pytestmark = pytest.mark.anyio
Rows = list[tuple[socket.AddressFamily, int, int, str, tuple[str | int, ...]]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Names:
    """A name server and a clock in a test's hands; a host in ``hanging`` answers when ``release`` is set."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {"a.test": ["192.0.2.1", "2001:db8::1"]}
        self.asked: list[str] = []
        self.hanging: set[str] = set()
        self.release = threading.Event()
        self.now = 1000.0

    def getaddrinfo(self, host: str, port: None, **options: int) -> Rows:
        self.asked.append(host)
        if host in self.hanging:
            self.release.wait(30)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in each], options["type"], 6, "", (each, 0)) for each in self.known[host]]


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.release.set()


Make = Callable[..., Resolver]


@pytest.fixture
def make(names: Names) -> Iterator[Make]:
    made: list[Resolver] = []

    def make(deadline: float = 5.0) -> Resolver:
        made.append(Resolver(names.getaddrinfo, clock=lambda: names.now, deadline=deadline))
        return made[-1]

    yield make
    for resolver in made:
        resolver.close()


async def test_all_addresses_come_in_the_systems_order_without_doubles(names: Names, make: Make) -> None:
    names.known["b.test"] = ["192.0.2.2", "192.0.2.1", "192.0.2.2"]

    assert await make().addresses("b.test", is_trusted=False) == ("192.0.2.2", "192.0.2.1")


async def test_an_answer_is_remembered_for_a_minute(names: Names, make: Make) -> None:
    resolver = make()
    for passing in (0, 59, 1):
        names.now += passing
        await resolver.addresses("a.test", is_trusted=False)

    assert names.asked == ["a.test"] * 2


async def test_a_host_that_worked_keeps_working_for_ten_minutes_of_failures(names: Names, make: Make) -> None:
    resolver = make()
    await resolver.addresses("a.test", is_trusted=False)
    del names.known["a.test"]
    names.now += 599
    assert await resolver.addresses("a.test", is_trusted=False) == ("192.0.2.1", "2001:db8::1")

    names.now += 2
    with pytest.raises(socket.gaierror):
        await resolver.addresses("a.test", is_trusted=False)


async def test_an_unknown_host_is_an_error_and_is_asked_for_again(names: Names, make: Make) -> None:
    resolver = make()
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await resolver.addresses("none.test", is_trusted=False)

    assert names.asked == ["none.test"] * 2


async def test_callers_at_the_same_time_share_one_lookup(names: Names, make: Make) -> None:
    resolver = make()
    await asyncio.gather(*(resolver.addresses("a.test", is_trusted=False) for _ in range(50)))

    assert names.asked == ["a.test"]


async def test_a_hanging_host_delays_no_other(names: Names, make: Make) -> None:
    names.hanging = {"slow.test"}
    resolver = make(deadline=0.1)
    slow = [asyncio.ensure_future(resolver.addresses("slow.test", is_trusted=False)) for _ in range(100)]
    await asyncio.sleep(0)

    assert await resolver.addresses("a.test", is_trusted=False) == ("192.0.2.1", "2001:db8::1")
    outcomes = await asyncio.gather(*slow, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {socket.gaierror}
    assert names.asked.count("slow.test") == 1


async def test_only_one_caller_waits_for_a_hanging_lookup_of_a_host_that_worked(names: Names, make: Make) -> None:
    resolver = make(deadline=0.1)
    await resolver.addresses("a.test", is_trusted=False)
    names.hanging = {"a.test"}
    names.now += 61
    first = asyncio.ensure_future(resolver.addresses("a.test", is_trusted=False))
    await asyncio.sleep(0)

    with pytest.raises(StopIteration) as stop:
        resolver.addresses("a.test", is_trusted=False).send(None)  # without waiting
    assert stop.value.value == await first == ("192.0.2.1", "2001:db8::1")


async def test_any_number_of_hanging_strangers_delays_no_trusted_host(names: Names, make: Make) -> None:
    names.hanging = {f"slow{number}.test" for number in range(20)}
    resolver = make(deadline=0.1)
    slow = [asyncio.ensure_future(resolver.addresses(host, is_trusted=False)) for host in names.hanging]
    await asyncio.sleep(0)

    assert await resolver.addresses("a.test", is_trusted=True) == ("192.0.2.1", "2001:db8::1")
    await asyncio.gather(*slow, return_exceptions=True)


async def test_a_late_answer_teaches_the_next_caller(names: Names, make: Make) -> None:
    names.known["slow.test"] = ["192.0.2.9"]
    names.hanging = {"slow.test"}
    resolver = make(deadline=0.05)
    with pytest.raises(socket.gaierror, match=r"no answer within 0.05 s"):
        await resolver.addresses("slow.test", is_trusted=False)
    lookup = resolver._under_way["slow.test"]
    names.release.set()
    await asyncio.wait((lookup,))
    await asyncio.sleep(0)

    assert await resolver.addresses("slow.test", is_trusted=False) == ("192.0.2.9",)
    assert names.asked == ["slow.test"]


async def test_a_cancelled_caller_does_not_take_the_lookup_with_it(names: Names, make: Make) -> None:
    names.known["slow.test"] = ["192.0.2.9"]
    names.hanging = {"slow.test"}
    resolver = make()
    first, second = (asyncio.ensure_future(resolver.addresses("slow.test", is_trusted=False)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    names.release.set()

    assert await second == ("192.0.2.9",)


async def test_memory_of_hosts_is_bounded(names: Names, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emberway.upstream.resolver.MOST_HOSTS", 3)
    resolver = make()
    for number in range(5):
        names.known[f"h{number}.test"] = ["192.0.2.1"]
        await resolver.addresses(f"h{number}.test", is_trusted=False)

    assert list(resolver._known) == ["h2.test", "h3.test", "h4.test"]
