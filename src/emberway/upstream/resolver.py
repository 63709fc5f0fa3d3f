"""Resolves names in threads of its own, with a deadline, so that a hanging name server delays nobody else's calls."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

THREADS_FOR_STRANGERS = 6
"""Lookups at a time of hosts that callers named."""
THREADS_FOR_TRUSTED = 2
"""Lookups at a time of hosts that the operator named: strangers' name servers cannot hold these up."""
DEADLINE = 3.0
"""Seconds until a lookup counts as failed."""
FRESH = 60.0
"""Seconds for which an answer is taken as current; getaddrinfo does not tell how long it really holds."""
STALE = 600.0
"""Seconds for which the last good answer stands in when a lookup fails."""
MOST_HOSTS = 2000

Getaddrinfo = Callable[..., Sequence[tuple[Any, Any, Any, Any, tuple[Any, ...]]]]
"""``socket.getaddrinfo``, or what a test puts in its place."""


@dataclass(frozen=True, slots=True)
class Known:
    """The addresses a host had, as text in the order to try them, and when that was learnt."""

    addresses: tuple[str, ...]
    learnt_at: float


class Resolver:
    """Host → addresses. One lookup per host at a time; a lookup that takes too long still teaches the next caller."""

    def __init__(
        self,
        getaddrinfo: Getaddrinfo = socket.getaddrinfo,
        *,
        clock: Callable[[], float] = time.monotonic,
        deadline: float = DEADLINE,
    ) -> None:
        self._getaddrinfo = getaddrinfo
        self._clock = clock
        self._deadline = deadline
        self._strangers = ThreadPoolExecutor(THREADS_FOR_STRANGERS, thread_name_prefix="emberway-resolver")
        self._trusted = ThreadPoolExecutor(THREADS_FOR_TRUSTED, thread_name_prefix="emberway-resolver-trusted")
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    async def addresses(self, host: str, *, is_trusted: bool) -> tuple[str, ...]:
        """All addresses of ``host``; never empty. Raises socket.gaierror, also where the deadline passes."""
        known = self._known.get(host)
        if known is not None:
            age = self._clock() - known.learnt_at
            if age < FRESH or (age < STALE and host in self._under_way):  # one caller waits for news, not all
                return known.addresses
        try:
            return await self._look_up(host, is_trusted)
        except (OSError, UnicodeError):
            if known is not None and self._clock() - known.learnt_at < STALE:
                return known.addresses
            raise

    def close(self) -> None:
        """Start no more lookups; those under way end by themselves."""
        for threads in (self._strangers, self._trusted):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: str, is_trusted: bool) -> tuple[str, ...]:
        lookup = self._under_way.get(host)
        if lookup is None:
            lookup = self._start(host, is_trusted)
        await asyncio.wait((lookup,), timeout=self._deadline)  # leaves the lookup alone if we are cancelled
        if not lookup.done():
            raise socket.gaierror(socket.EAI_AGAIN, f"no answer within {self._deadline:g} s")
        return lookup.result()

    def _start(self, host: str, is_trusted: bool) -> asyncio.Future[tuple[str, ...]]:
        threads = self._trusted if is_trusted else self._strangers
        lookup = asyncio.get_running_loop().run_in_executor(threads, self._ask, host)
        self._under_way[host] = lookup
        lookup.add_done_callback(partial(self._finished, host))
        return lookup

    def _ask(self, host: str) -> tuple[str, ...]:
        rows = self._getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found = dict.fromkeys(str(row[4][0]) for row in rows if row[0] in {socket.AF_INET, socket.AF_INET6})
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return tuple(found)

    def _finished(self, host: str, lookup: asyncio.Future[tuple[str, ...]]) -> None:
        del self._under_way[host]
        if lookup.cancelled() or lookup.exception() is not None:
            return  # whoever waits sees it; nobody may be left to
        self._known[host] = Known(lookup.result(), self._clock())
        self._known.move_to_end(host)
        if len(self._known) > MOST_HOSTS:
            self._known.popitem(last=False)
