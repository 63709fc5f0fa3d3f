"""Many event streams at once, read by a client that only looks at the numbers of their events and at the clock."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter

from measuring.programs import PATIENCE
from measuring.request import Target

LATE = 0.050
"""Seconds behind its stream's schedule from which on an event is late: what a reader begins to see as stutter."""
STAGGER = 1.0
"""Seconds over which the streams begin, evenly: people do not press Enter all at once."""

_NUMBERED = re.compile(rb" word(\d{6})\"")


@dataclass(frozen=True, slots=True)
class Streams:
    """How the events of one run came in."""

    first_event: list[float]
    """For each stream, seconds from the request to its first event, in rising order."""
    arrived: int
    late: int
    lost: int
    reordered: int
    broken: int
    """Streams that ended before their last event."""
    cpu: float | None
    """Seconds of CPU that the program in between used, None if it is not ours to ask."""


async def measure(
    target: Target, streams: int, events: int, interval: float, cpu_seconds: Callable[[], float] | None
) -> Streams:
    """Open ``streams`` streams of ``events`` events, due one each ``interval`` seconds, and read all to their ends."""
    before = cpu_seconds() if cpu_seconds else 0.0
    request = target.streaming_request()
    readers = await asyncio.gather(
        *(_read(target.address, request, number * STAGGER / streams, events * interval) for number in range(streams))
    )
    cpu = cpu_seconds() - before if cpu_seconds else None
    return Streams(
        first_event=sorted(reader.times[0] - reader.sent for reader in readers if reader.times),
        arrived=sum(len(reader.times) for reader in readers),
        late=sum(reader.late(interval) for reader in readers),
        lost=sum(events - len(set(reader.numbers)) for reader in readers),
        reordered=sum(reader.reordered() for reader in readers),
        broken=sum(not reader.complete for reader in readers),
        cpu=cpu,
    )


async def _read(address: tuple[str, int], request: bytes, delay: float, length: float) -> _Reader:
    await asyncio.sleep(delay)
    transport, reader = await asyncio.get_running_loop().create_connection(_Reader, *address)
    reader.sent = perf_counter()
    transport.write(request)
    with suppress(TimeoutError):  # a stream that hangs is broken, as the report then says
        async with asyncio.timeout(length + PATIENCE):
            await reader.over.wait()
    transport.close()
    return reader


@dataclass(slots=True, eq=False)
class _Reader(asyncio.Protocol):
    sent: float = 0.0
    numbers: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    complete: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _unread: bytes = b""

    def data_received(self, data: bytes) -> None:
        now = perf_counter()  # uvloop's own clock counts whole milliseconds
        unread, end = self._unread + data, 0
        for match in _NUMBERED.finditer(unread):
            self.numbers.append(int(match[1]))
            self.times.append(now)
            end = match.end()
        self._unread = unread[end:]
        if b"data: [DONE]" in self._unread:
            self.complete = True
            self.over.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()

    def late(self, interval: float) -> int:
        """Events behind the schedule that the stream's earliest event, by number, sets."""
        ahead = [time - number * interval for number, time in zip(self.numbers, self.times, strict=True)]
        earliest = min(ahead, default=0.0)
        return sum(time > earliest + LATE for time in ahead)

    def reordered(self) -> int:
        """Events that came after one with a higher number, or twice."""
        return sum(later <= earlier for earlier, later in zip(self.numbers, self.numbers[1:], strict=False))
