"""``emberway up``: from what the operator said to a gateway that answers."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import click

from emberway.accounts.bootstrap import KeyProblem, Keys, in_folder, in_memory
from emberway.accounts.data_folder import FolderProblem
from emberway.cli.banner import Started, banner
from emberway.cli.failure import FAILED, KEY_PROBLEM, SETTINGS_INVALID, USAGE, CommandFailed
from emberway.cli.group import ExamplesFirst
from emberway.cli.liveness import url_of
from emberway.cli.sources import settings_from
from emberway.errors import ConnectFailed
from emberway.hardening import allow_many_files, harden
from emberway.launch import EmulatorAt, Launch
from emberway.settings import Settings
from emberway.upstream.emulator_process import BlockingEmulatorProcess

_log = logging.getLogger("emberway")

EXAMPLES = (
    "emberway up",
    "emberway up --emulator --ephemeral     try it: no provider key, nothing left behind",
    "emberway up --port 9000 --workers 4",
    "EMBERWAY_API_KEY=... EMBERWAY_MASTER_KEY=... emberway up --host 0.0.0.0",
)


@click.command(cls=ExamplesFirst, examples=EXAMPLES)
@click.option("--host", metavar="ADDRESS", help="Address to listen on (127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="Port to listen on (8787); 0 for any free.")
@click.option("--data-dir", type=click.Path(), metavar="FOLDER", help="Where keys and data are kept.")
@click.option("--ephemeral", is_flag=True, default=None, help="Keep everything in memory.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes that serve calls (1).")
@click.option("--emulator", is_flag=True, default=None, help="The built-in emulator answers for fireworks-ai.")
@click.option("--new-key", is_flag=True, help="Make a new key; the old one stops working.")
@click.option("--settings", type=click.Path(), metavar="FILE", help="Read this file, not emberway.toml.")
@click.option("--log-format", type=click.Choice(["auto", "pretty", "json"]), help="Form of the log on stderr.")
@click.option("--access-log/--no-access-log", default=None, help="One log line for each call (on).")
@click.option("--insecure", is_flag=True, default=None, help="Listen anywhere even without keys set by you.")
def up(*, new_key: bool, **flags: Any) -> None:
    """Start the gateway and keep it running until Ctrl-C."""
    loaded = settings_from(flags)
    settings = loaded.settings
    refuse_exposure(settings)
    refuse_unbuilt(settings)
    if new_key and settings.api_key:
        raise CommandFailed("--new-key makes no sense while EMBERWAY_API_KEY sets the key: leave one away.", USAGE)
    harden()
    allow_many_files()
    listener = listen_on(settings.host, settings.port)
    port = int(listener.getsockname()[1])
    keys = _keys(settings, new_key=new_key)
    start = _Start(
        settings=replace(settings, port=port, api_key=None, master_key=None),
        keys=keys,
        key_given=settings.api_key is not None,
        provider_key_at_hand="FIREWORKS_API_KEY" in loaded.provider_keys,
    )
    with listener:
        _run(start, listener)


@dataclass(frozen=True, slots=True)
class _Start:
    """Everything settled: what remains is to serve, and to tell the person."""

    settings: Settings
    keys: Keys
    key_given: bool
    provider_key_at_hand: bool

    def announcement(self) -> Started:
        settings = self.settings
        return Started(
            url=url_of(settings.host, settings.port),
            new_key=self.keys.new_key,
            key_from_environment=self.key_given,
            emulated=settings.emulator,
            provider_key_at_hand=self.provider_key_at_hand,
            folder=None if settings.ephemeral else settings.data_dir.absolute(),
            new_master_key=self.keys.new_master_key,
        )


def listen_on(host: str, port: int) -> socket.socket:
    """A listening socket at ``port``, or at a free one for 0; CommandFailed where that cannot be."""
    from emberway.cli.serve import listen

    try:
        return listen(host, port)
    except PermissionError:
        raise CommandFailed(f"Port {port} is not for ordinary users: choose one above 1023 with --port.") from None
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror})"
        raise CommandFailed(f"Port {port} of {host} {reason}: choose another with --port.") from None


def refuse_exposure(settings: Settings) -> None:
    """CommandFailed when others could reach a gateway whose keys the operator did not choose."""
    if settings.insecure or _is_loopback(settings.host):
        return
    missing = [
        name
        for name, value in (("EMBERWAY_API_KEY", settings.api_key), ("EMBERWAY_MASTER_KEY", settings.master_key))
        if value is None
    ]
    if missing:
        raise CommandFailed(
            f"Listening on {settings.host} lets others reach the gateway: set {' and '.join(missing)} yourself first.",
            KEY_PROBLEM,
        )


def refuse_unbuilt(settings: Settings) -> None:
    """CommandFailed for settings of parts that nothing uses yet: an operator would take them for in force."""
    set_in_vain = [name for name in ("database_url", "master_key_command") if getattr(settings, name)]
    if set_in_vain:
        raise CommandFailed(
            f"Nothing is kept in a database yet, so {' and '.join(set_in_vain)} would have no effect: unset it.",
            SETTINGS_INVALID,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _keys(settings: Settings, *, new_key: bool) -> Keys:
    now = datetime.now(UTC)
    try:
        if settings.ephemeral:
            return in_memory(settings.api_key, settings.master_key, now)
        return in_folder(settings.data_dir, settings.api_key, settings.master_key, new_key=new_key, now=now)
    except KeyProblem as error:
        raise CommandFailed(str(error), KEY_PROBLEM) from None
    except FolderProblem as error:
        raise CommandFailed(str(error), FAILED) from None


def _run(start: _Start, listener: socket.socket) -> None:
    if not start.settings.emulator:
        _serve(start, listener, None)
        return
    try:
        emulator = BlockingEmulatorProcess()
    except ConnectFailed as error:
        raise CommandFailed(error.message) from None
    try:
        _serve(start, listener, emulator)
    finally:
        emulator.stop()


def _serve(start: _Start, listener: socket.socket, emulator: BlockingEmulatorProcess | None) -> None:
    # The server is imported last: a refusal above costs a tenth of a second less.
    from emberway.cli.serve import serve

    settings, at, look_after = start.settings, None, _nothing
    if emulator is not None:
        settings = replace(settings, fireworks_base_url=emulator.base_url)
        at = EmulatorAt(emulator.base_url, emulator.key)
        look_after = _keeper(emulator, settings)
    launch = Launch(settings, start.keys.pepper, start.keys.records, at)
    if not serve(launch, listener, lambda: click.echo(banner(start.announcement())), look_after):
        raise CommandFailed("The gateway's worker process ended unexpectedly; its own words are above.")


def _nothing() -> None:
    """There is no process beside the workers."""


def _keeper(emulator: BlockingEmulatorProcess, settings: Settings) -> Callable[[], None]:
    """What keeps the emulator alive when it is called now and then, and tells the operator."""

    def look_after() -> None:
        if news := emulator.keep_alive(time.monotonic()):
            # Imported now: a supervisor seldom has anything to say.
            from emberway.telemetry import log_form, set_up_log

            set_up_log(log_form(settings.log_format))
            _log.warning(news)

    return look_after
