"""The comparison with a bare relay, as `scripts/bench` runs it, but short."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "run.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed: scripts/setup-system installs it"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are kept on a core and measured by Linux's means"),
]


@pytest.fixture(scope="module")
def report() -> list[list[str]]:
    """The lines of one short run, each split into its cells."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("the comparison needs two cores")
    done = subprocess.run([sys.executable, str(PROGRAM), "--quick"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_the_bench_prints_rate_latencies_and_ratio_of_relay_and_gateway_at_each_connection_count(
    report: list[list[str]],
) -> None:
    rows = {(cells[0], cells[1]): cells[2:] for cells in report if len(cells) == 6 and cells[0] in ("1", "32")}

    assert set(rows) == {(at, name) for at in ("1", "32") for name in ("relay", "gateway", "routed")}
    assert all(float(number) > 0 for cells in rows.values() for number in cells)
    assert rows["1", "relay"][3] == "1.00"


def test_the_bench_prints_the_memory_of_all_processes_of_the_idle_gateway(report: list[list[str]]) -> None:
    line = next(" ".join(cells) for cells in report if cells[:2] == ["memory", "of"])
    found = re.search(r"(\d+) processes: (\d+) MiB resident, (\d+) MiB", line)

    assert found
    processes, resident, proportional = map(int, found.groups())
    assert processes >= 1
    assert 0 < proportional <= resident


@pytest.mark.parametrize("name", ["relay", "gateway"])
def test_the_bench_finds_every_event_of_its_streams_once_and_in_order(report: list[list[str]], name: str) -> None:
    first_p50, first_p99, events, late, *faults, cost = next(
        cells[1:] for cells in report if cells[:1] == [name] and len(cells) == 9
    )

    assert 0 < float(first_p50) <= float(first_p99)
    assert int(events) == 20 * 10
    assert 0 <= int(late) <= int(events)
    assert faults == ["0", "0", "0"]
    assert float(cost) >= 0
