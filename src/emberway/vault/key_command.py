"""Asks a program of the operator's for the master key, so that it can live in any other keeper of secrets."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO

from emberway.secret import Secret
from emberway.vault.master_key import MasterKeyProblem

PATIENCE = 10.0
"""Seconds for the whole run of the program."""
MOST_BYTES = 4096
"""Of its output: some ninety keys."""


def ask(command: Sequence[str], patience: float = PATIENCE) -> Secret:
    """What ``command``, a program with its arguments, writes to stdout before it ends with status 0.

    No shell reads it. Its stderr is ours, so its complaints appear where ours do. MasterKeyProblem names the program,
    never its arguments or output. One that takes longer or prints too much is killed, with all that it started.
    """
    output = _output(command, time.monotonic() + patience)
    if isinstance(output, str):
        raise MasterKeyProblem(f"The program that prints the master key, {command[0]}, {output}.")
    return output


# What can go wrong is returned and not raised: an exception carries the frames it came through, and those hold the key.


def _output(command: Sequence[str], deadline: float) -> Secret | str:
    """The program's output, or what went wrong as the end of a sentence."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command, no text of a caller
            [*command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,  # so that what it started can be ended with it
        )
    except (OSError, ValueError) as error:
        return f"cannot be started: {getattr(error, 'strerror', None) or 'its name or an argument holds a zero byte'}"
    assert process.stdout is not None
    with process.stdout as pipe:
        try:
            return _result(process, pipe, deadline)
        finally:
            if process.returncode is None:  # not waited for yet, so nobody else can have its number
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _result(process: subprocess.Popen[bytes], pipe: IO[bytes], deadline: float) -> Secret | str:
    too_late = "did not end in time"
    output = _read(pipe, deadline)
    if output is None:
        return too_late
    if len(output) > MOST_BYTES:
        return f"printed more than {MOST_BYTES} bytes"
    try:
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return too_late
    if status:
        return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return Secret(output.decode("ascii", "replace"))


def _read(pipe: IO[bytes], deadline: float) -> bytes | None:
    """All that comes up to the end, or a little more than allowed; ``None`` when the deadline comes first."""
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(output) <= MOST_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            if not (piece := os.read(pipe.fileno(), MOST_BYTES)):
                break
            output += piece
    return output
