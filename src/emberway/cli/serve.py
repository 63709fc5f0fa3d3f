"""The supervisor: keeps worker processes serving until a signal, says when they answer, ends them in good order."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable

from emberway.hardening import end_with_parent, harden
from emberway.launch import Launch

WAITING_CONNECTIONS = 2048
"""That the kernel holds while a worker is busy; more than the usual limit of 4096 would not be granted."""
MOST_EARLY_DEATHS = 3
"""Workers that may die in a row before any has answered: a gateway that cannot start must say so and end."""
RESPAWN_PAUSE = 0.5
"""Seconds before a dead worker is replaced: one that dies at once must not keep the machine busy."""
LAST_WORDS = 10.0
"""Seconds that workers get beyond the time for their calls before they are killed."""
HURRY = 3.0
"""The same after a second signal: the whole gateway then ends within 5 s, and its emulator takes one of them."""
MOST_OF_A_HEAD = 32 * 1024
"""Bytes of a request's line and headers together."""
GARBAGE_AFTER = 20_000
"""Objects after which a worker looks for cycles. A request leaves none; the default of 700 costs 2 % of the time."""

_STOPS = (signal.SIGTERM, signal.SIGINT)


def listen(host: str, port: int) -> socket.socket:
    """The socket that all workers accept on. Raises OSError when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(WAITING_CONNECTIONS)
    except OSError:
        listener.close()
        raise
    return listener


def serve(
    launch: Launch, listener: socket.socket, on_ready: Callable[[], None], look_after: Callable[[], None]
) -> bool:
    """Serve until a signal asks to stop. ``on_ready`` is called when the first worker answers.

    ``look_after`` is called at least once a second, and when a child process has ended; it must not wait.
    New calls are taken for ``drain_delay`` seconds more, those under way get ``drain_timeout``, and neither goes on
    after a second signal. Returns whether the end was asked for; False when workers die as fast as they are started.
    """
    return _Supervisor(launch, listener, on_ready, look_after).run()


class _Supervisor:
    """Forks the workers, so that this small process's memory is shared and nothing secret travels."""

    def __init__(
        self,
        launch: Launch,
        listener: socket.socket,
        on_ready: Callable[[], None],
        look_after: Callable[[], None],
    ) -> None:
        self._launch = launch
        self._listener = listener
        self._on_ready = on_ready
        self._look_after = look_after
        self._is_ready = False
        self._early_deaths = 0
        self._workers: set[int] = set()
        # A closed terminal stops the gateway like Ctrl-C, unless it was started under nohup.
        ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self._stops = {*_STOPS} if ignores_hangup else {*_STOPS, signal.SIGHUP}

    def run(self) -> bool:
        # Signals are taken one by one where this loop waits for them, so none is lost between two steps.
        awaited = {*self._stops, signal.SIGCHLD}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
        ready, self._tell_ready = os.pipe()
        os.set_blocking(ready, False)
        try:
            for _ in range(self._launch.settings.workers):
                self._start_worker()
            return self._watch(awaited, ready)
        finally:
            self._signal_all(signal.SIGKILL)
            os.close(ready)
            os.close(self._tell_ready)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _watch(self, awaited: set[signal.Signals], ready: int) -> bool:
        while True:
            told = signal.sigtimedwait(awaited, 1.0 if self._is_ready else 0.005)
            if told is not None and told.si_signo in self._stops:
                return self._stop(awaited)
            if told is not None:
                for _ in range(self._reap()):
                    if not self._is_ready:
                        self._early_deaths += 1
                        if self._early_deaths >= MOST_EARLY_DEATHS:
                            return False
                    time.sleep(RESPAWN_PAUSE)
                    self._start_worker()
            self._look_after()
            if not self._is_ready and _has_news(ready):
                self._is_ready = True
                self._on_ready()

    def _stop(self, awaited: set[signal.Signals]) -> bool:
        """First signal: let calls end. Second: end them. Whoever is still there after that is killed."""
        self._listener.close()
        self._signal_all(signal.SIGTERM)
        settings = self._launch.settings
        deadline = time.monotonic() + settings.drain_delay + settings.drain_timeout + LAST_WORDS
        while self._workers and (left := deadline - time.monotonic()) > 0:
            told = signal.sigtimedwait(awaited, left)
            if told is not None and told.si_signo in self._stops:
                self._signal_all(signal.SIGTERM)
                deadline = min(deadline, time.monotonic() + HURRY)
            self._reap()
        return True

    def _reap(self) -> int:
        """Take leave of the workers that have ended; how many."""
        ended = 0
        for worker in tuple(self._workers):
            if os.waitpid(worker, os.WNOHANG)[0]:
                self._workers.discard(worker)
                ended += 1
        return ended

    def _signal_all(self, number: signal.Signals) -> None:
        for worker in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, number)

    def _start_worker(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        worker = os.fork()
        if worker:
            self._workers.add(worker)
            return
        code = 1
        try:
            self._be_worker()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)  # what the supervisor would do at its end is not the worker's to do

    def _be_worker(self) -> None:
        # Ctrl-C and a closed terminal reach every process of a session: they are the supervisor's business alone.
        os.setsid()
        end_with_parent()
        harden()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        from emberway.app import build
        from emberway.server.limits import ServerLimits
        from emberway.server.server import run

        settings = self._launch.settings
        leaving = threading.Event()

        def made() -> None:
            gc.collect()
            gc.freeze()
            gc.set_threshold(GARBAGE_AFTER, 20, 50)
            os.write(self._tell_ready, b".")

        run(
            lambda: build(self._launch, leaving.is_set),
            [self._listener],
            on_ready=made,
            on_stop=leaving.set,
            limits=ServerLimits(head_bytes=MOST_OF_A_HEAD),
            drain_delay=settings.drain_delay,
            drain_timeout=settings.drain_timeout,
        )


def _has_news(pipe: int) -> bool:
    try:
        return bool(os.read(pipe, 64))
    except BlockingIOError:
        return False
