"""How the program ends: in good order, in bounded time, and nothing of it is left."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.integration.started import (
    PATIENCE,
    behind,
    descendants,
    gateway,
    is_alive,
    listens,
    provider,
    started,
    wait_until,
)

LAST_CHUNK = b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("asked_by", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order_and_leaves_no_process(tmp_path: Path, asked_by: signal.Signals) -> None:
    with gateway(tmp_path, "--ephemeral", "--emulator") as running:
        assert running.chat(running.key)[0] == 200
        family = running.family
        assert len(family) == 3

        assert running.ends(asked_by) == 0

    wait_until(lambda: not any(map(is_alive, family)))


def test_ctrl_c_is_for_the_supervisor_alone(tmp_path: Path) -> None:
    with gateway(tmp_path, "--ephemeral", "--emulator", "--no-access-log") as running:
        children = descendants(running.process.pid)

        assert running.process.pid == os.getpgid(running.process.pid)
        assert [child for child in children if os.getpgid(child) == running.process.pid] == []
        os.killpg(running.process.pid, signal.SIGINT)

        assert running.process.wait(PATIENCE) == 0
        assert running.complained == ""


def test_a_signal_while_workers_are_still_starting_is_not_lost(tmp_path: Path) -> None:
    settings = {"EMBERWAY_EPHEMERAL": "true", "EMBERWAY_DRAIN_TIMEOUT": "3600"}
    with started(tmp_path, "--workers", "8", **settings) as running:
        wait_until(lambda: descendants(running.process.pid) != [])

        assert running.ends() == 0


def test_a_call_under_way_ends_whole_before_the_process_does(tmp_path: Path) -> None:
    with provider() as address, gateway(tmp_path, **behind(address)) as running:
        with running.stream(address) as (answer, writes):
            running.process.terminate()
            wait_until(lambda: not listens(running.port))
            writes.sendall(b"data: [DONE]\n\n")
            writes.close()

            assert b"data: [DONE]\n" in answer.read()
        assert running.process.wait(PATIENCE) == 0


def test_streams_that_end_in_time_are_whole_and_no_other_seems_to_be(tmp_path: Path) -> None:
    settings = {"EMBERWAY_DRAIN_TIMEOUT": "2"}
    with provider() as address, gateway(tmp_path, **behind(address), **settings) as running, ExitStack() as streams:
        under_way = [streams.enter_context(running.stream(address)) for _ in range(40)]
        running.process.terminate()
        wait_until(lambda: not listens(running.port))
        for _, writes in under_way[::2]:
            writes.sendall(b"data: [DONE]\n\n")
            writes.close()

        rests = [answer.read() for answer, _ in under_way]
        assert all(b"data: [DONE]\n" in rest and rest.endswith(LAST_CHUNK) for rest in rests[::2])
        assert all(b"event: error\ndata: " in rest and b"shutting_down" in rest for rest in rests[1::2])
        assert running.process.wait(PATIENCE) == 0


def test_a_load_balancer_is_told_at_once_and_what_it_still_sends_is_answered(tmp_path: Path) -> None:
    settings = {"EMBERWAY_DRAIN_DELAY": "3600"}
    with gateway(tmp_path, "--ephemeral", "--emulator", **settings) as running:
        assert running.call("GET", "/readyz", {})[0] == 200
        running.process.terminate()

        wait_until(lambda: running.call("GET", "/readyz", {})[0] == 503)
        assert running.chat(running.key)[0] == 200
        assert running.call("GET", "/livez", {})[0] == 200
        assert running.ends() == 0


def test_the_time_for_a_load_balancer_ends_by_itself(tmp_path: Path) -> None:
    settings = {"EMBERWAY_DRAIN_DELAY": "0.5", "EMBERWAY_DRAIN_TIMEOUT": "3600"}
    with gateway(tmp_path, "--ephemeral", **settings) as running:
        assert running.ends() == 0


def test_a_second_signal_ends_everything_in_five_seconds_even_if_nothing_in_it_moves(tmp_path: Path) -> None:
    settings = {"EMBERWAY_DRAIN_DELAY": "3600", "EMBERWAY_DRAIN_TIMEOUT": "3600"}
    with gateway(tmp_path, "--ephemeral", "--emulator", **settings) as running:
        family = running.family
        running.process.terminate()
        wait_until(lambda: running.call("GET", "/readyz", {})[0] == 503)
        for child in family[1:]:
            os.kill(child, signal.SIGSTOP)

        running.process.send_signal(signal.SIGINT)

        assert running.process.wait(5.0) == 0
    wait_until(lambda: not any(map(is_alive, family)))


def test_a_second_signal_does_not_wait_for_calls_under_way(tmp_path: Path) -> None:
    settings = {"EMBERWAY_DRAIN_TIMEOUT": "3600"}
    with provider() as address, gateway(tmp_path, **behind(address), **settings) as running, running.stream(address):
        running.process.terminate()
        wait_until(lambda: not listens(running.port))

        assert running.ends(signal.SIGINT) == 0


def test_calls_under_way_are_waited_for_no_longer_than_was_set(tmp_path: Path) -> None:
    settings = {"EMBERWAY_DRAIN_TIMEOUT": "1"}
    with provider() as address, gateway(tmp_path, **behind(address), **settings) as running, running.stream(address):
        assert running.ends() == 0


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with gateway(tmp_path, "--ephemeral") as running:
        (worker,) = descendants(running.process.pid)

        os.kill(worker, signal.SIGKILL)

        wait_until(lambda: descendants(running.process.pid) not in ([], [worker]) and listens(running.port))
        assert running.admits(running.key)


def test_no_worker_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    with gateway(tmp_path, "--ephemeral", "--emulator") as running:
        family = running.family

        running.ends(signal.SIGKILL)

        wait_until(lambda: not any(map(is_alive, family)))
