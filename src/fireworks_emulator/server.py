"""Runs the application on a socket until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

from fireworks_emulator import parent
from fireworks_emulator.app import Application

GRACE = 2
"""Seconds that calls in flight get when the process is told to stop."""

_STOPS = (signal.SIGTERM, signal.SIGINT)


class CannotListen(Exception):
    """The address is taken, or none of this machine's."""


async def serve(
    application: Application, host: str, port: int, ready: Callable[[int], None], parent_pid: int | None
) -> None:
    """Serve until SIGTERM, SIGINT or the end of the parent process.

    ``port`` 0 takes a free one; ``ready`` is told which, once connections are accepted. CannotListen: it is taken.
    """
    stop = asyncio.Event()
    _stop_on_signals(stop)  # already now: whoever sees the port open may ask for the end before the server is settled
    with _reserved(host, port) as number:
        server = Server(
            application,
            address=host,
            port=number,
            interface=Interfaces.ASGI,
            log_enabled=False,
            websockets=False,
        )
        server.workers_kill_timeout = GRACE
        running = asyncio.ensure_future(server.serve())
        await _accepting(host, number)
    _stop_on_signals(stop)  # the server has set its own meanwhile
    ready(number)
    await _told_to_stop(stop, parent_pid)
    asyncio.get_running_loop().set_exception_handler(_without_second_end)
    server.stop()  # type: ignore[no-untyped-call]  # the library leaves it untyped
    with contextlib.suppress(TimeoutError):  # calls that outlast their grace are dropped
        await running


def _without_second_end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The library ends its own future twice when calls outlast their grace; that is nobody's business on stderr."""
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)


@contextlib.contextmanager
def _reserved(host: str, port: int) -> Iterator[int]:
    """Hold a port until the server has it: the server shares ports, so it would not notice one that is taken."""
    if port:
        _bound(host, port, socket.SO_REUSEADDR).close()
    with _bound(host, port, socket.SO_REUSEPORT) as holder:
        yield holder.getsockname()[1]


def _bound(host: str, port: int, option: int) -> socket.socket:
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    held.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        held.bind((host, port))
    except OSError as problem:
        held.close()
        raise CannotListen(f"cannot listen on {host}:{port}: {problem.strerror}") from None
    return held


async def _accepting(host: str, port: int) -> None:
    """Returns when a connection is accepted; the server has no other way to tell."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.005)
        else:
            writer.close()
            return


def _stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT set ``stop``, also where the process that started this one has them blocked."""
    for number in _STOPS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


async def _told_to_stop(stop: asyncio.Event, parent_pid: int | None) -> None:
    """Returns when stopped, or when the parent process has ended."""
    if parent_pid is None:
        await stop.wait()
        return
    watch = asyncio.ensure_future(parent.gone(parent_pid))
    watch.add_done_callback(lambda _: stop.set())
    await stop.wait()
    watch.cancel()
