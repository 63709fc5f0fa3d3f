"""The supervisor: keeps worker processes serving until a signal, says when they answer, ends them in good order."""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import MPServer

from emberway.cli.liveness import answers, reachable
from emberway.hardening import end_with_parent, harden
from emberway.launch import Launch

HEADERS_WITHIN = 30_000
"""Milliseconds after which a connection is closed whose headers have not all come."""
WAITING_CONNECTIONS = 2048
"""That the kernel holds while a worker is busy; more than the usual limit of 4096 would not be granted."""
OPEN_CONNECTIONS = 16_384
"""For each worker. The server's own default is a thousand: a stream holds one for minutes."""

_READY_POLL = 0.01
"""Seconds between two looks whether a worker answers."""

_LOG: dict[str, Any] = {
    "formatters": {"plain": {"format": "emberway: %(message)s"}},
    "handlers": {
        name: {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}
        for name in ("console", "access")
    },
}
"""The server's own complaints, before a worker has a log: dictConfig tables that replace the server's."""


def serve(launch: Launch, on_ready: Callable[[], None]) -> bool:
    """Serve until a signal asks to stop. ``on_ready`` is called, from a thread, when the first worker answers.

    Calls under way get ``drain_timeout`` seconds, none after a second signal. Returns whether the end was asked for;
    False when workers die as fast as they are started.
    """
    if sys.platform == "linux":
        # The worker shares this small process's memory, no third process tracks resources, and nothing is pickled.
        multiprocessing.set_start_method("fork", force=True)
        os.register_at_fork(before=_hold_signals, after_in_parent=_release_signals, after_in_child=_stand_alone)
    try:
        _Supervisor(launch, on_ready).serve(target_loader=partial(_app_of, launch), wrap_loader=False)
    except SystemExit:
        return False
    return True


class _Supervisor(MPServer):
    def __init__(self, launch: Launch, on_ready: Callable[[], None]) -> None:
        settings = launch.settings
        super().__init__(
            "emberway",
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGI,
            workers=settings.workers,
            # Measured on one core: 15 k requests/s; 13 k with the multi-threaded runtime or embedded in our process.
            runtime_mode=RuntimeModes.st,
            loop=Loops.uvloop,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN),
            websockets=False,
            backlog=WAITING_CONNECTIONS,
            backpressure=OPEN_CONNECTIONS,
            log_level=LogLevels.error,
            log_dictconfig=_LOG,
            respawn_failed_workers=True,
            workers_kill_timeout=max(1, math.ceil(settings.drain_timeout)),
        )
        self._on_ready = on_ready

    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        """Start the workers, then wait for them beside the supervising loop."""
        ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]  # the server has no types here
        # A closed terminal stops the gateway like Ctrl-C, unless it was started under nohup.
        signal.signal(signal.SIGHUP, signal.SIG_IGN if ignores_hangup else self.signal_handler_interrupt)
        # Only now: a process with threads should not fork.
        threading.Thread(target=self._announce, daemon=True).start()

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """First signal: let calls end. Second: end them."""
        if self.interrupt_signal:
            for worker in self.wrks:
                worker.kill()  # type: ignore[no-untyped-call]  # same
        super().signal_handler_interrupt(*args, **kwargs)  # type: ignore[no-untyped-call]  # same

    def _announce(self) -> None:
        while not answers(reachable(self.bind_addr), self.bind_port):
            if self.interrupt_signal:
                return
            time.sleep(_READY_POLL)
        self._on_ready()


_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def _hold_signals() -> None:
    # A new worker has the supervisor's handlers until it sets its own: a signal in between would be lost on it.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)


def _stand_alone() -> None:
    # Ctrl-C and a closed terminal reach every process of a session: they are the supervisor's business alone.
    os.setsid()
    for number in (*_STOP_SIGNALS, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    _release_signals()


def _app_of(launch: Launch) -> Any:
    """The app, made in the worker."""
    end_with_parent()
    harden()
    from emberway.app import build

    app = build(launch)
    server_log = logging.getLogger("_granian")
    server_log.handlers[:] = logging.getLogger("emberway").handlers
    return app
