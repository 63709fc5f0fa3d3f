"""A program of a few lines stands in for the emulator: what is tested is how it is started, watched and ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from emberway.errors import ConnectFailed
from emberway.upstream import emulator_process
from emberway.upstream.emulator_process import BlockingEmulatorProcess, EmulatorProcess, base_url_in

LISTENS = "import os, signal; print(f'listening on http://127.0.0.1:{os.getpid() % 60000 + 1}', flush=True); "
WAITS = LISTENS + "signal.pause()"
DEAF = (
    LISTENS + "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); [signal.pause() for _ in iter(int, 1)]"
)
SAYS_ITS_ARGUMENTS = "import sys; sys.exit(' '.join(sys.argv[1:]))"
SILENT = "import signal; signal.pause()"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def running(program: str) -> AsyncIterator[EmulatorProcess]:
    emulator = EmulatorProcess(arguments=("-c", program))
    try:
        yield emulator
    finally:
        await emulator.stop()


def pid_of(emulator: EmulatorProcess) -> int:
    assert emulator._process is not None
    return emulator._process.pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.anyio
async def test_it_is_started_and_tells_where_the_providers_api_begins() -> None:
    async with running(WAITS) as emulator:
        base_url = await emulator.start()

        assert base_url == f"http://127.0.0.1:{pid_of(emulator) % 60000 + 1}/inference/v1"


@pytest.mark.anyio
async def test_callers_at_the_same_time_share_one_start() -> None:
    async with running(WAITS) as emulator:
        assert len(set(await asyncio.gather(*(emulator.start() for _ in range(5))))) == 1


@pytest.mark.anyio
async def test_it_is_started_again_after_it_died() -> None:
    async with running(WAITS) as emulator:
        await emulator.start()
        first = pid_of(emulator)
        os.kill(first, signal.SIGKILL)
        assert emulator._process is not None
        await emulator._process.wait()

        await emulator.start()

        assert pid_of(emulator) != first
        assert is_alive(pid_of(emulator))


@pytest.mark.anyio
async def test_after_a_stop_nothing_is_left() -> None:
    async with running(WAITS) as emulator:
        await emulator.start()
        pid = pid_of(emulator)

        await emulator.stop()

        assert not is_alive(pid)


@pytest.mark.anyio
async def test_one_that_ignores_the_request_to_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_process, "STOP_DEADLINE", 0.05)
    async with running(DEAF) as emulator:
        await emulator.start()
        assert emulator._process is not None
        assert emulator._process.stdout is not None
        await emulator._process.stdout.readline()  # by now it ignores the signal
        pid = pid_of(emulator)

        await emulator.stop()

        assert not is_alive(pid)


@pytest.mark.anyio
async def test_what_it_said_before_it_died_is_in_the_error() -> None:
    async with running("raise RuntimeError('no such table')") as emulator:
        with pytest.raises(ConnectFailed, match=r"did not start: (?s:.*)RuntimeError: no such table"):
            await emulator.start()


@pytest.mark.anyio
async def test_one_that_never_listens_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_process, "START_DEADLINE", 0.05)
    async with running(SILENT) as emulator:
        with pytest.raises(ConnectFailed, match=r"it said nothing for 0\.05 s"):
            await emulator.start()


@pytest.mark.anyio
async def test_a_caller_that_leaves_takes_the_half_started_process_along(tmp_path: Path) -> None:
    pipe = tmp_path / "pid"
    os.mkfifo(pipe)
    async with running(f"import os; open({str(pipe)!r}, 'w').write(str(os.getpid())); {SILENT}") as emulator:
        caller = asyncio.ensure_future(emulator.start())
        pid = int(await asyncio.to_thread(pipe.read_text))
        caller.cancel()

        with pytest.raises(asyncio.CancelledError):
            await caller
        assert not is_alive(pid)


@pytest.mark.anyio
async def test_it_is_told_its_parent_and_its_key_and_to_be_quiet() -> None:
    async with running(SAYS_ITS_ARGUMENTS) as emulator:
        wanted = f"--port 0 --parent {os.getpid()} --key {emulator.key.reveal()} --quiet"

        with pytest.raises(ConnectFailed, match=wanted):
            await emulator.start()


def test_each_emulator_has_a_key_of_its_own_in_the_providers_form() -> None:
    first, second = EmulatorProcess().key.reveal(), EmulatorProcess().key.reveal()

    assert first.startswith("fw_")
    assert first != second


def test_a_program_without_a_loop_gets_one_that_runs_until_stopped() -> None:
    emulator = BlockingEmulatorProcess(arguments=("-c", WAITS))
    pid = emulator._process.pid

    assert emulator.base_url == f"http://127.0.0.1:{pid % 60000 + 1}/inference/v1"
    emulator.stop()
    assert not is_alive(pid)


def test_a_program_without_a_loop_is_told_why_there_is_none() -> None:
    with pytest.raises(ConnectFailed, match="RuntimeError: no such table"):
        BlockingEmulatorProcess(arguments=("-c", "raise RuntimeError('no such table')"))


def test_a_program_without_a_loop_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_process, "START_DEADLINE", 0.05)

    with pytest.raises(ConnectFailed, match="it said nothing"):
        BlockingEmulatorProcess(arguments=("-c", SILENT))


@pytest.mark.parametrize(
    "line", [b"", b"listening\n", b"listening on http://10.0.0.1:80\n", b"x listening on http://127.0.0.1:80\n"]
)
def test_only_the_line_that_was_agreed_on_counts(line: bytes) -> None:
    assert base_url_in(line) is None
