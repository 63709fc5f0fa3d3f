"""Runs the provider emulator beside us, as a process of its own: it shares no code with the gateway, and no fate."""

from __future__ import annotations

import asyncio
import math
import os
import re
import secrets
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO
from urllib.parse import urlsplit

from emberway.errors import ConnectFailed
from emberway.secret import Secret

PROGRAM = ("-m", "fireworks_emulator")
API_PATH = "/inference/v1"
"""Where the provider's API begins, on the emulator as on the real host."""

START_DEADLINE = 10.0
"""Seconds between the start of the process and its line that it listens."""
STOP_DEADLINE = 1.0
"""Seconds between asking it to end and making it end: nothing in it outlives it anyway."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between a death and the next start; each death soon after a start doubles them."""
STEADY = 10.0
"""Seconds of life after which a death is news, and no consequence of the one before."""

_LISTENS = re.compile(rb"listening on (http://127\.0\.0\.1:[0-9]{1,5})\s*")
_TAIL_BYTES = 2000


class EmulatorProcess:
    """One emulator on an event loop: started when first asked for, and again if it died."""

    def __init__(self, python: str = sys.executable, arguments: Sequence[str] = PROGRAM) -> None:
        self.key = new_key()
        """What the emulator takes as a provider key; stays the same over restarts."""
        self._program = (python, *arguments)
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._base_url = ""

    async def start(self) -> str:
        """Base URL of the running emulator, with its path. Callers at the same time share one start.

        Raises ConnectFailed, with the end of what the process wrote to stderr.
        """
        async with self._turn:
            if self._process is None or self._process.returncode is not None:
                self._process, self._base_url = await self._spawn()
            return self._base_url

    async def stop(self) -> None:
        """End the process, if there is one."""
        async with self._turn:
            process, self._process = self._process, None
            if process is None or process.returncode is not None:
                return
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_DEADLINE)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def _spawn(self) -> tuple[asyncio.subprocess.Process, str]:
        with tempfile.TemporaryFile() as complaints:
            process = await asyncio.create_subprocess_exec(
                *_command(self._program, self.key),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,  # Ctrl-C is for us alone: calls under way still need their provider
            )
            assert process.stdout is not None
            try:
                line = await asyncio.wait_for(process.stdout.readline(), START_DEADLINE)
            except TimeoutError:
                line = b""
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise
            if base_url := base_url_in(line):
                return process, base_url
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise ConnectFailed(_why_not(complaints))


class BlockingEmulatorProcess:
    """One emulator for a program without an event loop; runs from construction on. Raises ConnectFailed."""

    def __init__(self, python: str = sys.executable, arguments: Sequence[str] = PROGRAM) -> None:
        self.key = new_key()
        """What the emulator takes as a provider key; stays the same over restarts."""
        self._program = (python, *arguments)
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as this object, see `stop`
        self._started_again = -math.inf
        self._due: float | None = None
        self._pause = 0.0
        self._process = self._spawn(0, subprocess.PIPE)
        assert self._process.stdout is not None
        with self._process.stdout as output:
            base_url = base_url_in(_first_line(output))
        if base_url is None:
            self._end()
            with self._complaints:
                raise ConnectFailed(_why_not(self._complaints))
        self.base_url = base_url
        """Where it answers, with its path; stays the same over restarts."""

    def keep_alive(self, now: float) -> str | None:
        """Start it again if it has died. To be called about once a second; waits for nothing.

        ``now``: seconds of a steady clock. Returns what an operator should know, once until it has run steadily again.
        """
        if self._process.poll() is None:
            return None
        if self._due is None:
            is_news = now - self._started_again >= STEADY
            self._pause = FIRST_PAUSE if is_news else min(self._pause * 2, LONGEST_PAUSE)
            self._due = now + self._pause
            return f"{_how_it_ended(self._process.returncode)}{_said(self._complaints)}" if is_news else None
        if now >= self._due:
            self._due, self._started_again = None, now
            with suppress(OSError):  # no room for a process: as if it had died at once
                self._process = self._spawn(urlsplit(self.base_url).port or 0, subprocess.DEVNULL)
        return None

    def stop(self) -> None:
        """End the process for good, if it still runs."""
        self._end()
        self._complaints.close()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _spawn(self, port: int, output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own program, no text of a caller
            _command(self._program, self.key, port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=self._complaints,
            start_new_session=True,  # as above
        )


def new_key() -> Secret:
    """A key in the provider's form that only one emulator and its owner know."""
    return Secret("fw_" + secrets.token_urlsafe(24))


def base_url_in(line: bytes) -> str | None:
    """Where the emulator that printed ``line`` serves the provider's API."""
    match = _LISTENS.fullmatch(line)
    return match[1].decode() + API_PATH if match else None


def _command(program: Sequence[str], key: Secret, port: int = 0) -> list[str]:
    # The key shows in `ps`, and may: it opens nothing but made-up answers.
    return [*program, "--port", str(port), "--parent", str(os.getpid()), "--key", key.reveal(), "--quiet"]


def _first_line(pipe: IO[bytes]) -> bytes:
    """What comes until the end of the first line, of the output or of the patience."""
    line, deadline = b"", time.monotonic() + START_DEADLINE
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not line.endswith(b"\n") and selector.select(deadline - time.monotonic()):
            if not (piece := os.read(pipe.fileno(), 4096)):
                break
            line += piece
    return line


def _why_not(complaints: IO[bytes]) -> str:
    return f"The built-in emulator did not start: {_tail(complaints) or f'it said nothing for {START_DEADLINE:g} s'}"


def _how_it_ended(code: int) -> str:
    how = f"by signal {-code}" if code < 0 else f"with status {code}"
    return f"The built-in emulator ended {how} and is started again."


def _said(complaints: IO[bytes]) -> str:
    tail = _tail(complaints)
    return f" Its last words: {tail}" if tail else ""


def _tail(complaints: IO[bytes]) -> str:
    complaints.seek(max(0, complaints.seek(0, os.SEEK_END) - _TAIL_BYTES))
    return complaints.read().decode(errors="replace").strip()
