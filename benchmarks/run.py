"""What the gateway costs beside a bare relay: calls per second, latency, memory, and the timing of many streams.

The gateway, with the checking of keys and its access log on, and the relay run on one core, in turns; the load and the
upstream run on another. Rounds alternate, so that a slow moment of the machine hits them alike, and the figure to look
at is the ratio: absolute figures say as much about the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import uvloop

from measuring import calls, programs, streams
from measuring.programs import Memory, NotMeasurable, Program
from measuring.request import BODY, Target

CONNECTIONS = (1, 32)
CONFIG = json.dumps(
    {
        "strategy": {"mode": "fallback"},
        "targets": [{"provider": "fireworks-ai", "api_key": f"fw_{number:020}"} for number in range(2)],
    }
)
"""Of the row `routed`: the same calls, to the first of two targets."""
COLUMNS = {
    "": 10,
    "first event p50 ms": 20,
    "p99 ms": 8,
    "events": 8,
    "late": 7,
    "lost": 6,
    "reordered": 11,
    "broken": 8,
    "CPU µs/event": 14,
}
"""Of the table of streams: what each is called, and how wide it is."""
RATE = 20
"""Events per second of one stream: what a fast large model writes, in tokens."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured."""

    rounds: int
    seconds: int
    streams: int
    events: int


FULL = Amount(rounds=5, seconds=2, streams=500, events=100)
QUICK = Amount(rounds=1, seconds=1, streams=20, events=10)


@dataclass(frozen=True, slots=True)
class Compared:
    """One row of each table: where the load goes, and the program behind it if it is ours."""

    target: Target
    program: Program | None


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the exit status is 1, with a sentence on stderr, when something needed is missing."""
    try:
        run(_parsed(arguments))
    except NotMeasurable as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    return 0


def run(given: argparse.Namespace) -> None:
    """Start everything, measure calls, then streams, and stop everything."""
    amount: Amount = given.amount
    wrk = calls.find_wrk()
    served, loading = _cores()
    os.sched_setaffinity(0, {loading})
    with ExitStack() as running:
        upstream = running.enter_context(programs.upstream(loading, given.upstream_port, amount.events, 1 / RATE))
        key = programs.new_key()
        relay = running.enter_context(programs.relay(served, upstream.port))
        gateway = running.enter_context(programs.gateway(served, upstream.port, key))
        memory = gateway.memory()
        headers = (
            ("content-type", "application/json"),
            ("x-portkey-api-key", key),
            ("x-portkey-provider", "fireworks-ai"),
            ("authorization", "Bearer fw_0123456789abcdefghij"),
        )
        compared = [
            Compared(Target("relay", f"http://127.0.0.1:{relay.port}/v1", headers), relay),
            Compared(Target("gateway", f"http://127.0.0.1:{gateway.port}/v1", headers), gateway),
        ]
        routed = (*headers[:2], ("x-portkey-config", CONFIG))
        with_config = Compared(Target("routed", f"http://127.0.0.1:{gateway.port}/v1", routed), gateway)
        others = tuple(given.against_header) or headers
        compared += [Compared(Target(name, url, others), None) for name, url in given.against]

        print(f"gateway and relay on core {served}, load and upstream on core {loading}; upstream port {upstream.port}")
        print(f"\ncalls of {len(BODY)} bytes: medians of {amount.rounds} alternating rounds of {amount.seconds} s")
        called = [*compared[:2], with_config, *compared[2:]]
        _print_calls({at: _rounds(wrk, loading, called, at, amount) for at in CONNECTIONS})
        _print_memory(memory)
        print(f"\n{amount.streams} streams at once of {amount.events} events, {RATE} a second")
        for line in _stream_lines(compared, amount):
            print(line, flush=True)


def _rounds(
    wrk: str, core: int, compared: Sequence[Compared], connections: int, amount: Amount
) -> dict[str, list[calls.Round]]:
    for each in compared:
        calls.measure(wrk, core, each.target, connections, 1)  # opens connections, fills caches
    measured: dict[str, list[calls.Round]] = {each.target.name: [] for each in compared}
    for _ in range(amount.rounds):
        for each in compared:
            measured[each.target.name].append(calls.measure(wrk, core, each.target, connections, amount.seconds))
    return measured


def _print_calls(table: Mapping[int, Mapping[str, Sequence[calls.Round]]]) -> None:
    print(f"{'connections':>11}  {'':12}{'calls/s':>10}{'p50 µs':>10}{'p99 µs':>10}{'ratio':>8}")
    for connections, measured in table.items():
        yardstick = measured["relay"]
        for name, rounds in measured.items():
            per_second, p50, p99 = (median(r.per_second for r in rounds), *_latencies(rounds))
            ratio = median(r.per_second / y.per_second for r, y in zip(rounds, yardstick, strict=True))
            print(f"{connections:>11}  {name:12}{per_second:>10.0f}{p50:>10.0f}{p99:>10.0f}{ratio:>8.2f}")
    alone = table[1]
    for name in alone.keys() - {"relay"}:
        added = median(r.p50 - y.p50 for r, y in zip(alone[name], alone["relay"], strict=True))
        print(f"p50 added by {name} at one connection: {added:.0f} µs")
    crowd = table[CONNECTIONS[-1]]
    share = median(r.per_second / g.per_second for r, g in zip(crowd["routed"], crowd["gateway"], strict=True))
    print(f"calls/s of routed to those of gateway: {share:.2f}")


def _latencies(rounds: Sequence[calls.Round]) -> tuple[float, float]:
    return median(r.p50 for r in rounds), median(r.p99 for r in rounds)


def _print_memory(memory: Memory) -> None:
    print(
        f"memory of the idle gateway, {memory.processes} processes: "
        f"{memory.rss / 1024:.0f} MiB resident, {memory.pss / 1024:.0f} MiB with shared pages counted once"
    )


def _stream_lines(compared: Sequence[Compared], amount: Amount) -> Iterator[str]:
    yield "".join(name.rjust(width) for name, width in COLUMNS.items())
    for each in compared:
        cpu = each.program.cpu_seconds if each.program else None
        seen = uvloop.run(streams.measure(each.target, amount.streams, amount.events, 1 / RATE, cpu))
        if not seen.arrived:
            raise NotMeasurable(f"no event of a stream came from {each.target.name}.")
        p50, p99 = (seen.first_event[int(len(seen.first_event) * share)] * 1e3 for share in (0.5, 0.99))
        cost = "" if seen.cpu is None else f"{seen.cpu / seen.arrived * 1e6:.0f}"
        row = (each.target.name, f"{p50:.1f}", f"{p99:.1f}", seen.arrived, seen.late, seen.lost, seen.reordered)
        cells = zip((*row, seen.broken, cost), COLUMNS.values(), strict=True)
        yield "".join(str(cell).rjust(width) for cell, width in cells)


def _cores() -> tuple[int, int]:
    """The core for what is measured, and the one for load and upstream."""
    if sys.platform != "linux":
        raise NotMeasurable("the comparison needs Linux, whose processes can be kept on one core.")
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise NotMeasurable("the comparison needs two cores: one for what is measured, one for the load.")
    return usable[0], usable[1]


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    options.add_argument(
        "--quick", action="store_const", const=QUICK, default=FULL, dest="amount", help="only see that it all works"
    )
    options.add_argument(
        "--against",
        type=lambda text: _pair(text, "="),
        metavar="NAME=URL",
        action="append",
        default=[],
        help="measure another gateway too: its name and base URL, as in other=http://127.0.0.1:9000/v1",
    )
    options.add_argument(
        "--against-header",
        type=lambda text: _pair(text, ":"),
        metavar="'NAME: VALUE'",
        action="append",
        default=[],
        help="a header of the calls to other gateways, instead of those the gateway gets; give it once for each",
    )
    options.add_argument(
        "--upstream-port", type=int, default=0, help="port of the upstream, which other gateways must be pointed at"
    )
    return options.parse_args(arguments)


def _pair(text: str, separator: str) -> tuple[str, str]:
    name, found, value = text.partition(separator)
    if not found or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} has no {separator!r} between a name and a value")
    return name.strip(), value.strip().rstrip("/")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
