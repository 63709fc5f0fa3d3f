"""Starts a program of ours as its users do, in a process of its own, and sees that it ends as it should."""

from __future__ import annotations

import os
import secrets
import signal
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
"""Seconds until a program that is not ready, or has not ended, counts as hung."""

_OURS = ("EMBERWAY_", "PORTKEY_", "OPENAI_", "FIREWORKS_")


@dataclass(frozen=True, slots=True)
class Served:
    """A program of ours that is ready for calls."""

    port: int
    key: str
    """The key that callers of this process send; for a lone emulator, any key of the provider's form."""
    process: subprocess.Popen[bytes]
    output: Path
    """What the process writes to standard output."""
    complaints: Path
    """What the process writes to standard error."""

    @property
    def root(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What a client is given as its base URL."""
        return f"{self.root}/v1"


@contextmanager
def gateway(folder: Path, *flags: str, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """An ``emberway up --ephemeral`` with a fresh key; ends by SIGTERM, and must then have had no fault of its own."""
    key = f"pk-{secrets.token_urlsafe(32)}"
    with _running(
        folder, key, "up", "--ephemeral", *flags, settings={"EMBERWAY_API_KEY": key, **(settings or {})}
    ) as it:
        yield it


@contextmanager
def lone_emulator(folder: Path) -> Iterator[Served]:
    """An ``emberway emulator``: the provider on its own, without a gateway in front."""
    with _running(folder, "fw_acceptance", "emulator", settings={}) as it:
        yield it


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that settles where a client or a gateway of ours goes."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


@contextmanager
def _running(folder: Path, key: str, *command: str, settings: Mapping[str, str]) -> Iterator[Served]:
    port = free_port()
    output, complaints = folder / "stdout", folder / "stderr"
    with output.open("wb") as out, complaints.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "emberway", *command, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env={**clean_environment(), **settings},
        )
    served = Served(port, key, process, output, complaints)
    try:
        _wait_until_ready(served)
        yield served
        process.send_signal(signal.SIGTERM)
        status = process.wait(PATIENCE)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert status == 0, f"exit status {status} after SIGTERM\n{said(served)}"
    assert "Traceback" not in said(served), said(served)


def said(served: Served) -> str:
    """The last of what the process printed, for a failing test's message."""
    return "\n".join(path.read_text(errors="replace")[-6000:] for path in (served.output, served.complaints))


def _wait_until_ready(served: Served) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _is_alive(served.port):
        assert served.process.poll() is None, f"ended with {served.process.returncode} at start\n{said(served)}"
        assert time.monotonic() < deadline, f"not ready after {PATIENCE:.0f} s\n{said(served)}"
        time.sleep(0.02)


def _is_alive(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status < 500
    except ConnectionError:
        return False
    finally:
        connection.close()
