"""Starts the programs that are measured, each on its core, and reads from Linux what they cost."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

PATIENCE = 30.0
"""Seconds after which a program that does not answer counts as hung."""

_HERE = Path(__file__).resolve().parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")


class NotMeasurable(Exception):
    """A program, or a tool, that the comparison needs is not there or does not work; says which and what to do."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a program's processes hold together, in KiB; pages they share count once in ``pss`` only."""

    processes: int
    rss: int
    pss: int


@dataclass(frozen=True, slots=True)
class Program:
    """A program of ours that listens on a port of the loopback."""

    port: int
    process: subprocess.Popen[str]

    def cpu_seconds(self) -> float:
        """CPU time that its living processes have used so far, their own and the kernel's for them."""
        return sum(_cpu_seconds(member) for member in self._family())

    def memory(self) -> Memory:
        """What its processes hold at this moment."""
        sizes = [_rollup(member) for member in self._family()]
        return Memory(len(sizes), sum(size["Rss"] for size in sizes), sum(size["Pss"] for size in sizes))

    def _family(self) -> list[int]:
        """It and all that it started, and they started."""
        members = [self.process.pid]
        for member in members:
            members += _children(member)
        return members


@contextmanager
def upstream(core: int, port: int, events: int, interval: float) -> Iterator[Program]:
    """The provider: answers at once, or streams ``events`` events, one each ``interval`` seconds."""
    command = ["instant_upstream.py", "--port", str(port), "--events", str(events), "--interval", str(interval)]
    with _printing_its_port(core, command) as program:
        yield program


@contextmanager
def relay(core: int, upstream_port: int) -> Iterator[Program]:
    """The least that can stand between a client and the upstream."""
    with _printing_its_port(core, ["bare_relay.py", "--upstream", str(upstream_port)]) as program:
        yield program


@contextmanager
def gateway(core: int, upstream_port: int, key: str) -> Iterator[Program]:
    """``emberway up`` as its users start it, with the upstream for Fireworks and its access log written to nowhere."""
    port = _free_port()
    command = [
        str(Path(sys.executable).with_name("emberway")),
        "up",
        "--ephemeral",
        "--access-log",
        "--port",
        str(port),
    ]
    settings = {
        "EMBERWAY_API_KEY": key,
        "EMBERWAY_FIREWORKS_BASE_URL": f"http://127.0.0.1:{upstream_port}/inference/v1",
    }
    with _running(core, command, settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        program = Program(port, process)
        _wait_until_ready(program)
        yield program


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started inside runs on ``core``, with all that it starts itself."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def new_key() -> str:
    """A key that nobody has used before."""
    return f"pk-{secrets.token_urlsafe(32)}"


@contextmanager
def _printing_its_port(core: int, command: list[str]) -> Iterator[Program]:
    name, *arguments = command
    whole = [sys.executable, str(_HERE / name), *arguments]
    with _running(core, whole, {}, stdout=subprocess.PIPE, stderr=None) as process:
        assert process.stdout is not None
        port = process.stdout.readline()
        if not port:
            raise NotMeasurable(f"{name} ended at its start.")
        yield Program(int(port), process)


@contextmanager
def _running(
    core: int, command: list[str], settings: Mapping[str, str], *, stdout: int | None, stderr: int | None
) -> Iterator[subprocess.Popen[str]]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EMBERWAY_")}
    with on_core(core):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            env={**inherited, **settings},
        )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(program: Program) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _is_alive(program.port):
        if program.process.poll() is not None:
            raise NotMeasurable("the gateway ended at its start: emberway up says why.")
        if time.monotonic() > deadline:
            raise NotMeasurable(f"the gateway was not ready after {PATIENCE:.0f} s.")
        time.sleep(0.02)


def _is_alive(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _cpu_seconds(pid: int) -> float:
    # Fields 14 and 15 of proc_pid_stat(5); the second field is a name that may hold blanks and ends at the last ")".
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rollup(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name.rstrip(":"): int(size) for name, size, _unit in (line.split() for line in lines)}
