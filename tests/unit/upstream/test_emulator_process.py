"""A program of a few lines stands in for the emulator: what is tested is how it is started, watched and ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from emberway.errors import ConnectFailed
from emberway.upstream import emulator_process
from emberway.upstream.emulator_process import (
    FIRST_PAUSE,
    STEADY,
    BlockingEmulatorProcess,
    EmulatorProcess,
    base_url_in,
)

LISTENS = "import os, signal; print(f'listening on http://127.0.0.1:{os.getpid() % 60000 + 1}', flush=True); "
WAITS = LISTENS + "signal.pause()"
DEAF = (
    LISTENS + "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); [signal.pause() for _ in iter(int, 1)]"
)
SAYS_ITS_ARGUMENTS = "import sys; sys.exit(' '.join(sys.argv[1:]))"
ONCE = (
    "import sys; port = sys.argv[2]; port == '0' or (print('once is enough', file=sys.stderr), sys.exit(3)); " + WAITS
)
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


@pytest.fixture
def kept() -> Iterator[BlockingEmulatorProcess]:
    """One that can be started once, and exits with status 3 whenever it is started again."""
    emulator = BlockingEmulatorProcess(arguments=("-c", ONCE))
    yield emulator
    emulator.stop()


def kill(emulator: BlockingEmulatorProcess) -> None:
    emulator._process.kill()
    emulator._process.wait()


def test_one_that_lives_is_left_alone(kept: BlockingEmulatorProcess) -> None:
    pid = kept._process.pid

    assert kept.keep_alive(0.0) is None
    assert kept._process.pid == pid


def test_one_that_was_killed_is_started_again_after_a_pause_where_it_was(kept: BlockingEmulatorProcess) -> None:
    killed = kept._process.pid
    kill(kept)

    assert kept.keep_alive(100.0) == "The built-in emulator ended by signal 9 and is started again."
    assert kept.keep_alive(100.0 + FIRST_PAUSE - 0.01) is None
    assert kept._process.pid == killed
    assert kept.keep_alive(100.0 + FIRST_PAUSE) is None
    assert kept._process.pid != killed
    port = kept.base_url.removesuffix("/inference/v1").rpartition(":")[2]
    assert kept._process.args[3:5] == ["--port", port]


def test_one_that_dies_again_and_again_is_started_ever_more_rarely_and_said_to_once(
    kept: BlockingEmulatorProcess,
) -> None:
    kill(kept)
    said, started = [], []
    for now in range(300):
        before = kept._process.pid
        said.append(kept.keep_alive(float(now)))
        if kept._process.pid != before:
            started.append(now)
            kept._process.wait()

    pauses = [later - earlier for earlier, later in pairwise(started)]
    assert pauses == [2, 3, 5, 9, 17, 31, 31, 31, 31, 31, 31, 31, 31]
    assert sum(word is not None for word in said) == 1


def test_a_death_after_a_steady_life_is_news_again_and_its_last_words_are_told(kept: BlockingEmulatorProcess) -> None:
    kill(kept)
    kept.keep_alive(0.0)
    kept.keep_alive(FIRST_PAUSE)
    kept._process.wait()

    news = kept.keep_alive(FIRST_PAUSE + STEADY)

    assert news == "The built-in emulator ended with status 3 and is started again. Its last words: once is enough"


def test_one_for_which_there_is_no_process_is_tried_again_later(
    kept: BlockingEmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = kept._process.pid
    kill(kept)
    kept.keep_alive(0.0)
    with monkeypatch.context() as scarce:
        scarce.setattr(kept, "_program", ("/nowhere/python",))
        assert kept.keep_alive(1.0) is None
        assert kept._process.pid == killed

    kept.keep_alive(2.0)
    kept.keep_alive(2.0 + 2 * FIRST_PAUSE)

    assert kept._process.pid != killed


@pytest.mark.parametrize(
    "line", [b"", b"listening\n", b"listening on http://10.0.0.1:80\n", b"x listening on http://127.0.0.1:80\n"]
)
def test_only_the_line_that_was_agreed_on_counts(line: bytes) -> None:
    assert base_url_in(line) is None
