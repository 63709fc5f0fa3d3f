"""A PostgreSQL server of the tests' own: made in a temporary folder, reached on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

USER = "emberway"
PASSWORD = "open sesame @ 5/7"
PATIENCE = 30.0
"""Seconds until a server that is not ready counts as broken."""


def find_binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``; Debian keeps it off the path, for there may be several releases."""
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name))


class PostgresServer:
    """Can be stopped, frozen and started again; what it holds stays."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    def make(self) -> None:
        """Lay the database cluster out."""
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if (user := _other_user()) is not None:
            for path in (self._folder, password):
                os.chown(path, user.pw_uid, user.pw_gid)
        command = [
            self._binaries / "initdb", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256",
            f"--username={USER}", f"--pwfile={password}", f"--pgdata={self._data}",
        ]  # fmt: skip
        said = subprocess.run(command, capture_output=True, cwd=self._folder, check=False, **_as_other_user())
        assert said.returncode == 0, said.stderr.decode()

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
            "fsync": "off",
            "shared_buffers": "16MB",
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *settings],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **_as_other_user(),
            )
        deadline = time.monotonic() + PATIENCE
        while not self._takes_connections():
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """Break every connection and end, as a machine does that loses its power."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE)
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let no process of the server do anything: connections stay open, and nobody answers."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        processes = [self._process.pid, *map(int, children)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def url(self, database: str) -> str:
        """Where ``database`` is, as an operator would write it."""
        password = PASSWORD.replace(" ", "%20").replace("@", "%40").replace("/", "%2F")
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def command(self, sql: str) -> None:
        """Have ``sql`` done outside of any database of the tests."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql)  # type: ignore[call-overload]  # it wants literals; this is a test's own text

    def _takes_connections(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_server(binaries: Path) -> Iterator[PostgresServer]:
    """A server that is ready; gone with all it held when the block ends."""
    with tempfile.TemporaryDirectory(prefix="emberway-postgres-") as folder:
        server = PostgresServer(binaries, Path(folder))
        server.make()
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _other_user() -> pwd.struct_passwd | None:
    """Who the server runs as: it refuses to run as root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_other_user() -> dict[str, Any]:
    user = _other_user()
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
