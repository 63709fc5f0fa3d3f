"""Claim: our HTTP server answers twice as many requests on a core as the usual ones.

Each server runs the same hello-world application on one pinned core while wrk, on another, sends the headers of an
OpenAI client. Rounds alternate. Printed per server are medians: requests a second, and the processor time of a request
in µs, which other programs on the machine disturb less, each with its ratio to granian's. `bare` is no server: a
protocol on llhttp that writes a fixed answer, the floor under all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, cast

HEADERS = {
    "authorization": "Bearer pk-0123456789abcdefghijklmnop",
    "content-type": "application/json",
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "user-agent": "OpenAI/Python 3.54.0",
    "x-stainless-lang": "python",
    "x-stainless-os": "Linux",
    "x-stainless-runtime": "CPython",
    "x-portkey-provider": "fireworks-ai",
}
BODY = b"Hello, world!"
SERVER_CORE, CLIENT_CORE = 0, 1
HERE = Path(__file__)


async def hello(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[dict[str, Any]], Any]) -> None:
    """The application."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await receive()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def serve_ours(port: int) -> None:
    """Emberway's own."""
    from emberway.server.server import run

    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        run(lambda: hello, [sock], drain_timeout=0.1)


def serve_granian(port: int) -> None:
    """One worker on its single-threaded runtime, as the gateway ran it before."""
    from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes
    from granian.server import Server

    server = Server(
        f"{HERE.stem}:hello",
        port=port,
        interface=Interfaces.ASGI,
        runtime_mode=RuntimeModes.st,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        working_dir=HERE.parent,
    )
    server.serve()


def serve_uvicorn(port: int) -> None:
    """With its fastest parts."""
    import uvicorn

    uvicorn.run(hello, port=port, loop="uvloop", http="httptools", ws="none", log_level="error", access_log=False)


def serve_bare(port: int) -> None:
    """No server: the least that reading a request and writing an answer costs."""
    import httptools
    import uvloop

    class Bare(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.Transport", transport)  # uvloop's own class, same methods
            self.parser = httptools.HttpRequestParser(self)
            self.headers: list[tuple[bytes, bytes]] = []

        def data_received(self, data: bytes) -> None:
            self.parser.feed_data(data)

        def on_header(self, name: bytes, value: bytes) -> None:
            self.headers.append((name, value))

        def on_message_complete(self) -> None:
            self.headers = []
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY))

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(main())


SERVERS = {"ours": serve_ours, "granian": serve_granian, "uvicorn": serve_uvicorn, "bare": serve_bare}


def measure(name: str, connections: int, seconds: int) -> tuple[float, float]:
    """Requests a second, and µs of processor time for each."""
    port = free_port()
    server = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), sys.executable, HERE, "--serve", name, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(port)
        load(port, connections, 1)
        before = processor_time(server.pid)
        served, rate = load(port, connections, seconds)
        return rate, (processor_time(server.pid) - before) / served * 1e6
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until the server accepts."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def load(port: int, connections: int, seconds: int) -> tuple[int, float]:
    """How many requests wrk had answered, and how many a second."""
    command = ["taskset", "-c", str(CLIENT_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}"]
    for header in HEADERS.items():
        command += ["-H", ": ".join(header)]
    shown = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/v1/models"], capture_output=True, text=True, check=True
    ).stdout
    served, rate = re.search(r"(\d+) requests in", shown), re.search(r"Requests/sec:\s+([\d.]+)", shown)
    assert served, shown
    assert rate, shown
    return int(served[1]), float(rate[1])


def processor_time(group: int) -> float:
    """Seconds that the processes of this group have run so far."""
    ticks = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=2)
    options.add_argument("--connections", type=int, nargs="*", default=[1, 32])
    options.add_argument("--only", nargs="*", default=list(SERVERS))
    options.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    options.add_argument("--port", type=int, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        SERVERS[given.serve](given.port)
        return
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed")
    names = [name for name in given.only if name in ("ours", "bare") or importlib.util.find_spec(name)]
    for connections in given.connections:
        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        for _ in range(given.rounds):
            for name in names:
                rounds[name].append(measure(name, connections, given.seconds))
        middle = {name: (median(r for r, _ in of), median(c for _, c in of)) for name, of in rounds.items()}
        base = middle.get("granian", middle[names[0]])
        print(f"{connections} connections")
        for name, (rate, cost) in middle.items():
            print(
                f"  {name:8} {rate:8.0f} requests/s ×{rate / base[0]:.2f}   {cost:6.1f} µs each ×{base[1] / cost:.2f}"
            )


if __name__ == "__main__":
    main()
