"""``emberway demo``: a few seconds of life in a running gateway, from the built-in emulator."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import click

from emberway.cli.demo_calls import KINDS, Kind, mixed
from emberway.cli.failure import FAILED, UNREACHABLE, USAGE, CommandFailed
from emberway.cli.group import ExamplesFirst
from emberway.cli.http import Answer, Site, post, site_of
from emberway.settings import take_environment

AT_ONCE = 8
"""Calls under way at the same time."""

EXAMPLES = (
    "EMBERWAY_API_KEY=ew_... emberway demo",
    "emberway demo -n 1000 --url http://127.0.0.1:9000",
    "emberway demo --json",
)


@click.command(cls=ExamplesFirst, examples=EXAMPLES)
@click.option("--url", default="http://127.0.0.1:8787", show_default=True, help="Where the gateway is.")
@click.option("--key", metavar="KEY", help="Its key; safer in EMBERWAY_API_KEY: `ps` shows flags.")
@click.option("-n", "count", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Calls to send.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def demo(*, url: str, key: str | None, count: int, as_json: bool) -> None:
    """Send a mixed set of calls to a running gateway; the built-in emulator answers, some fail on purpose."""
    key = key or take_environment().get("EMBERWAY_API_KEY")
    if not key:
        raise CommandFailed("The gateway wants a key: set EMBERWAY_API_KEY to the one that `up` showed.", USAGE)
    try:
        site = site_of(url)
    except ValueError as error:
        raise CommandFailed(f"--url: {error}.", USAGE) from None
    try:
        tallies = asyncio.run(_send_all(site, key, mixed(count)))
    except ExceptionGroup as failures:
        # One worker's complaint stands for all: they call the same gateway.
        raise failures.exceptions[0] from None
    _print(tallies, as_json=as_json)
    if wrong := sum(tally.wrong for tally in tallies):
        raise CommandFailed(f"{wrong} of {count} calls did not end as they should.", FAILED)


@dataclass(slots=True)
class Tally:
    """What became of the calls of one kind."""

    kind: Kind
    right: int = 0
    wrong: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Count one more."""
        self.seconds.append(answer.seconds)
        if self.kind.is_right(answer):
            self.right += 1
        else:
            self.wrong += 1

    def milliseconds(self, percent: int) -> float:
        """The nearest-rank percentile."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[max(0, -(-percent * len(ordered) // 100) - 1)]


async def _send_all(site: Site, key: str, kinds: Sequence[Kind]) -> list[Tally]:
    tallies = {kind.name: Tally(kind) for kind in KINDS}
    waiting = iter(kinds)

    async def work_off(most: int | None = None) -> None:
        for kind in islice(waiting, most):
            tallies[kind.name].add(await _send(site, key, kind))

    # The first call alone: it starts the emulator, and one complaint about address or key is enough.
    await work_off(1)
    async with asyncio.TaskGroup() as workers:
        for _ in range(AT_ONCE):
            workers.create_task(work_off())
    return [tally for tally in tallies.values() if tally.seconds]


async def _send(site: Site, key: str, kind: Kind) -> Answer:
    headers = {"x-portkey-api-key": key, "x-portkey-provider": "@emulator", "content-type": "application/json"}
    if kind.fault:
        headers["x-emulator-fault"] = kind.fault
    try:
        answer = await post(site, kind.path, headers, kind.encoded())
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CommandFailed(
            f"No gateway answers at {site.url} ({reason}): start one with `emberway up`.", UNREACHABLE
        ) from None
    if answer.status == 401:
        raise CommandFailed(f"The gateway at {site.url} does not know this key: set EMBERWAY_API_KEY to its own.")
    return answer


def _row(tally: Tally) -> dict[str, float]:
    return {
        "calls": len(tally.seconds),
        "ok": 0 if tally.kind.fails else tally.right,
        "failed as intended": tally.right if tally.kind.fails else 0,
        "wrong": tally.wrong,
        "p50 ms": round(tally.milliseconds(50), 1),
        "p99 ms": round(tally.milliseconds(99), 1),
    }


def _print(tallies: Sequence[Tally], *, as_json: bool) -> None:
    rows = {tally.kind.name: _row(tally) for tally in tallies}
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    # Drawn by rich, whose import only this table waits for.
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("kind")
    for name in next(iter(rows.values())):
        table.add_column(name, justify="right")
    for kind, row in rows.items():
        table.add_row(kind, *("" if value == 0 else str(value) for value in row.values()))
    Console().print(table)
