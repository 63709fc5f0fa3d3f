"""A real emulator process for tests."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Emulated:
    """A running process and where it listens."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def emulator(*arguments: str) -> Iterator[Emulated]:
    """Start a process, wait for its line, and stop it afterwards."""
    command = [sys.executable, "-m", "fireworks_emulator", "--quiet", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield Emulated(process, announced_port(process))
        finally:
            process.terminate()
            process.wait(timeout=20)


def announced_port(process: subprocess.Popen[bytes]) -> int:
    """The port in the line that a process prints once it accepts connections."""
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    found = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)
    assert found, line
    return int(found[1])
