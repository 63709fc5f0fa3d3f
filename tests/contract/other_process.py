"""Another process of the gateway, as far as its database goes: does one thing when it is told to, and says what came.

Run as ``python -m tests.contract.other_process VERB ADDRESS DETAIL``. It says ``ready``, and waits for a line.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import event

from emberway.secret import Secret
from emberway.storage.changes import Kind, bump
from emberway.storage.engine import open_engine
from emberway.storage.engines import Address
from emberway.storage.migrate import upgrade

ROOT = Path(__file__).parents[2]


class OtherProcess:
    """It, seen from the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def go(self) -> None:
        """Have it do what it was started for."""
        self._process.stdin.write("go\n")  # type: ignore[union-attr]  # both are pipes
        self._process.stdin.flush()  # type: ignore[union-attr]

    def says(self) -> str:
        """Its next line; empty when it has died."""
        return self._process.stdout.readline().strip()  # type: ignore[union-attr]

    def ends(self) -> int:
        """Its exit status."""
        return self._process.wait(30)


@contextmanager
def other_process(verb: str, address: Address, detail: str = "") -> Iterator[OtherProcess]:
    """One that is ready to do ``verb``."""
    where = str(address) if isinstance(address, Path) else address.reveal()
    command = [sys.executable, "-m", "tests.contract.other_process", verb, where, detail]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            other = OtherProcess(process)
            assert other.says() == "ready"
            yield other
        finally:
            process.kill()


def _upgrade(address: Address, detail: str) -> object:
    return upgrade(address)


def _upgrade_and_die(address: Address, detail: str) -> object:
    """Be killed when a statement is about to run that begins with ``detail``."""

    @event.listens_for(sqlalchemy.Engine, "before_cursor_execute")
    def look(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if statement.strip().startswith(detail):
            os.kill(os.getpid(), signal.SIGKILL)

    return upgrade(address)


def _bump(address: Address, detail: str) -> object:
    async def run() -> int:
        engine = open_engine(address)
        async with engine.transaction() as transaction:
            versions = await bump(transaction, Kind.CONFIGS)
        await engine.aclose()
        return versions[Kind.CONFIGS]

    return asyncio.run(run())


VERBS: dict[str, Callable[[Address, str], object]] = {
    "upgrade": _upgrade,
    "upgrade-and-die": _upgrade_and_die,
    "bump": _bump,
}


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _, verb, where, detail = sys.argv
    _say("ready")
    sys.stdin.readline()
    _say(VERBS[verb](Secret(where) if "://" in where else Path(where), detail))
