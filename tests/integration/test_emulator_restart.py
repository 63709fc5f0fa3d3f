"""The emulator that ``emberway up --emulator`` started is there for as long as the gateway is."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.integration.started import Running, descendants, gateway, is_alive, wait_until


def emulators(running: Running) -> list[int]:
    """Ids of the gateway's emulator processes."""
    return [pid for pid in descendants(running.process.pid) if b"fireworks_emulator" in command_of(pid)]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def lose_emulator(running: Running, number: signal.Signals = signal.SIGKILL) -> None:
    """End it and wait until another answers."""
    (victim,) = emulators(running)
    os.kill(victim, number)
    wait_until(lambda: victim not in emulators(running) and emulators(running) != [])
    wait_until(lambda: running.chat(running.key, "fireworks-ai")[0] == 200)


def test_an_emulator_that_was_killed_is_started_again_and_the_operator_told_once(tmp_path: Path) -> None:
    with gateway(tmp_path, "--ephemeral", "--emulator", "--no-access-log") as running:
        lose_emulator(running)
        lose_emulator(running, signal.SIGTERM)  # it listens to what its supervisor has blocked for itself
        family = running.family

        assert running.ends() == 0
        (line,) = running.complained.splitlines()
        assert json.loads(line)["message"] == "The built-in emulator ended by signal 9 and is started again."
    wait_until(lambda: not any(map(is_alive, family)))
