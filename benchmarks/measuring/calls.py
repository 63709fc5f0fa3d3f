"""Short calls as fast as they are answered, made by wrk; its own report is replaced by one line of numbers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measuring.programs import NotMeasurable, on_core
from measuring.request import BODY, Target

_DONE = """
done = function(summary, latency, requests)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    print("measured", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed)
end
"""


@dataclass(frozen=True, slots=True)
class Round:
    """One round: calls per second, and how long half and 99 of 100 calls took at most, in microseconds."""

    per_second: float
    p50: float
    p99: float


def find_wrk() -> str:
    """Where wrk is; raises NotMeasurable."""
    path = shutil.which("wrk")
    if path is None:
        raise NotMeasurable("wrk is not installed: scripts/setup-system installs it.")
    return path


def measure(wrk: str, core: int, target: Target, connections: int, seconds: int) -> Round:
    """Load ``target`` over ``connections`` connections; raises NotMeasurable when a call fails."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "call.lua")
        script.write_text(_script(target))
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), target.url]
        with on_core(core):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("measured\t")), None)
    if line is None:
        raise NotMeasurable(f"wrk says of {target.name}: {(done.stderr or done.stdout).strip()}")
    calls, duration, p50, p99, failed = (float(number) for number in line.split("\t")[1:])
    if failed or not calls:
        raise NotMeasurable(f"{failed:.0f} of {calls:.0f} calls to {target.name} ({target.url}) failed.")
    return Round(calls / duration * 1e6, p50, p99)


def _script(target: Target) -> str:
    lines = ['wrk.method = "POST"', f"wrk.body = {_lua(BODY.decode())}"]
    lines += [f"wrk.headers[ {_lua(name)} ] = {_lua(value)}" for name, value in target.headers]
    return "\n".join(lines) + _DONE


def _lua(text: str) -> str:
    return f"[==[{text}]==]"
