"""The single looks that `emberway doctor` takes; none of them changes anything."""

from __future__ import annotations

import os
import platform
import re
import resource
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from emberway import __file__ as installed_file
from emberway.accounts.bootstrap import KeyProblem, examine
from emberway.accounts.data_folder import FolderProblem
from emberway.cli.failure import CommandFailed
from emberway.cli.liveness import answers, reachable
from emberway.cli.up import listen_on, refuse_exposure
from emberway.settings import Settings

PROVIDER_DEADLINE = 3.0
"""Seconds for name, connection and TLS: a doctor should not take long."""
WANTED_FILES = 4096
"""Open files below which streams soon run out of sockets."""
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look showed. A ``problem`` keeps the gateway from starting, a ``warning`` does not."""

    about: str
    verdict: Literal["ok", "warning", "problem"]
    detail: str


def examine_machine() -> list[Finding]:
    """What does not depend on settings."""
    return [_python(), *_libraries(), clock(time.time(), Path(installed_file).stat().st_mtime), _open_files()]


def examine_start(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """What a start with these settings would meet."""
    return [
        _port(settings),
        _exposure(settings),
        _keys(settings),
        _tls(settings),
        _proxies(environ),
        _provider(settings),
    ]


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_implementation()} {platform.python_version()}")


def _libraries() -> Iterator[Finding]:
    found, missing = [], []
    for requirement in metadata.requires("emberway") or []:
        # Of "uvloop>=0.23; sys_platform != 'win32'" the name; what another system needs is left out.
        name, _, marker = requirement.partition(";")
        name = re.split(r"[^A-Za-z0-9._-]", name.strip(), maxsplit=1)[0]
        if "extra" in marker:
            continue
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    yield Finding("libraries", "ok", ", ".join(found))
    if missing:
        yield Finding("libraries", "problem", f"not installed: {', '.join(missing)}")


def clock(now: float, installed: float) -> Finding:
    """``installed``: when this program came here, in seconds since 1970 like ``now``."""
    shown = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    if now < installed:
        return Finding(
            "clock", "warning", f"{shown}, which is before this program was installed: certificates will fail"
        )
    return Finding("clock", "ok", shown)


def _open_files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < WANTED_FILES:
        return Finding("open files", "warning", f"at most {hard}: each stream needs two (`ulimit -Hn`)")
    return Finding("open files", "ok", "no limit" if hard == resource.RLIM_INFINITY else f"up to {hard}")


def _port(settings: Settings) -> Finding:
    try:
        listen_on(settings.host, settings.port).close()
    except CommandFailed as error:
        if answers(reachable(settings.host), settings.port):
            return Finding("port", "warning", f"a gateway answers at port {settings.port} already")
        return Finding("port", "problem", str(error))
    return Finding("port", "ok", f"{settings.port} of {settings.host} is free")


def _exposure(settings: Settings) -> Finding:
    try:
        refuse_exposure(settings)
    except CommandFailed as error:
        return Finding("address", "problem", str(error))
    return Finding("address", "ok", settings.host)


def _keys(settings: Settings) -> Finding:
    if settings.ephemeral:
        return Finding("data folder", "ok", "not used (--ephemeral)")
    folder = settings.data_dir.absolute()
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Finding("data folder", "problem", f"{folder} cannot be made or used: {nearest} is not writable")
    try:
        return Finding("data folder", "ok", examine(folder, settings.api_key, settings.master_key))
    except (KeyProblem, FolderProblem) as error:
        return Finding("data folder", "problem", str(error))


def _tls(settings: Settings) -> Finding:
    try:
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        return Finding("certificates", "problem", f"{settings.ca_file} cannot be used: {error.strerror or error}")
    paths = ssl.get_default_verify_paths()
    if not context.cert_store_stats()["x509_ca"] and not paths.capath:
        return Finding("certificates", "warning", "this system has none: install ca-certificates, or set ca_file")
    return Finding("certificates", "ok", f"{settings.ca_file or paths.cafile or paths.capath}, {ssl.OPENSSL_VERSION}")


def _proxies(environ: Mapping[str, str]) -> Finding:
    if names := [name for name in PROXY_VARIABLES if environ.get(name)]:
        return Finding("proxy", "warning", f"{', '.join(names)} ignored: calls go straight to the provider")
    return Finding("proxy", "ok", "none set")


def _provider(settings: Settings) -> Finding:
    parts = urlsplit(settings.fireworks_base_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    began = time.monotonic()
    try:
        with socket.create_connection((host, port), PROVIDER_DEADLINE) as connection:
            if parts.scheme == "https":
                context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
                context.wrap_socket(connection, server_hostname=host).close()
    except OSError as error:
        return Finding("provider", "warning", f"{host} cannot be reached ({error}); the emulator works without it")
    return Finding("provider", "ok", f"{host} answers after {1000 * (time.monotonic() - began):.0f} ms")
