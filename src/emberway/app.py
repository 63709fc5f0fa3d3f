"""Composition root: what a launch says in, a wired gateway out. The wiring is read here and nowhere else."""

from __future__ import annotations

import random
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from emberway.accounts.directory import KeyDirectory
from emberway.edge.app import Edge
from emberway.edge.endpoints import Limits, Tools
from emberway.exchange import Exchange
from emberway.launch import Launch
from emberway.pipeline.destination import Place
from emberway.pipeline.drive import Driver
from emberway.pipeline.obtain import Origins
from emberway.pipeline.plans import Plans
from emberway.pipeline.resolve import EMULATOR, Resolver
from emberway.pipeline.run import Pipeline
from emberway.pipeline.shadow import Record, Shadows
from emberway.providers import PROVIDERS, find
from emberway.providers.base import Provider
from emberway.providers.fireworks import fireworks
from emberway.routing.health import Health
from emberway.telemetry import AccessLog, log_form, set_up_log
from emberway.upstream.addresses import BaseUrl, parse_base_url
from emberway.upstream.base import Deadlines, Upstream
from emberway.upstream.client import PooledUpstream
from emberway.upstream.emulator_process import EmulatorProcess

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


def build(launch: Launch, is_leaving: Callable[[], bool]) -> ASGIApp:
    """The gateway as an ASGI application, made in the process that serves it, which may be about to end."""
    settings = launch.settings
    form = log_form(settings.log_format)
    set_up_log(form)
    upstream = PooledUpstream(max_connections=settings.max_connections, ca_file=settings.ca_file)
    gateway = Gateway(launch, upstream, is_leaving)
    return gateway.edge(AccessLog(form, sys.stderr) if settings.access_log else None)


class Gateway:
    """Holds what must be opened and closed; ``upstream`` is given so that a test can script it."""

    def __init__(self, launch: Launch, upstream: Upstream, is_leaving: Callable[[], bool] = lambda: False) -> None:
        self._launch = launch
        self._upstream = upstream
        self._is_leaving = is_leaving
        self._emulator = EmulatorProcess()
        self._access_log: AccessLog | None = None
        self._is_open = False

    def edge(self, access_log: AccessLog | None) -> Edge:
        """The HTTP side, wired."""
        self._access_log = access_log
        settings = self._launch.settings
        pipeline = self.pipeline(access_log.write if access_log is not None else _forget)
        limits = Limits(settings.max_body_bytes, settings.max_upload_bytes)
        return Edge(Tools(pipeline, limits, self._is_ready), access_log, self._open, self._close)

    def pipeline(self, record: Record) -> Pipeline:
        """What answers calls; ``record`` takes the exchanges that no client made."""
        settings = self._launch.settings
        providers = self._providers()
        deadlines = Deadlines(
            connect=settings.connect_timeout,
            first_byte=settings.request_timeout,
            idle=settings.idle_timeout,
            total=settings.total_timeout,
        )
        resolver = Resolver(
            directory=KeyDirectory(self._launch.pepper, self._launch.key_records),
            find_provider=lambda slug: find(slug, providers),
            claim=lambda model: next((one for one in providers.values() if one.claims(model)), None),
            places=self._places(providers),
            deadlines=deadlines,
            trusted_origins=_origins(settings.trusted_origins),
            custom_hosts=settings.custom_hosts == "public",
            plans=Plans(providers.__contains__),
        )
        origins = Origins(self._upstream, self.start_emulator)
        driver = Driver(resolver, origins, Health(random.random))
        return Pipeline(resolver, origins, driver, Shadows(resolver, origins, random.random, record))

    def _providers(self) -> Mapping[str, Provider]:
        """Every provider there is, Fireworks as this operator wants it, and the emulator that speaks like it."""
        settings = self._launch.settings
        emulated = self._launch.emulator is not None

        def speaking_fireworks(slug: str, *, emulator: bool) -> Provider:
            return fireworks(
                slug=slug,
                base_url=settings.fireworks_base_url,
                check=settings.check_structured_output,
                repeat_without_extra_inputs=settings.repeat_without_extra_inputs,
                emulator=emulator,
            )

        mine = (
            speaking_fireworks("fireworks-ai", emulator=emulated),
            speaking_fireworks(EMULATOR, emulator=True),
        )
        return {**PROVIDERS, **{provider.slug: provider for provider in mine}}

    def _places(self, providers: Mapping[str, Provider]) -> Mapping[str, Place]:
        places = {slug: Place(parse_base_url(one.base_url, frozenset())) for slug, one in PROVIDERS.items()}
        emulator = self._launch.emulator
        if emulator is not None:
            place = Place(_trusted(emulator.base_url), emulator.key)
            places["fireworks-ai"] = places[EMULATOR] = place
        else:
            places["fireworks-ai"] = Place(_trusted(self._launch.settings.fireworks_base_url))
        return places

    async def start_emulator(self) -> Place:
        """Where the emulator answers; started by the first call that needs it."""
        return Place(_trusted(await self._emulator.start()), self._emulator.key)

    def _is_ready(self) -> bool:
        """Whether new calls should be sent here: not those that a load balancer could still send elsewhere."""
        return self._is_open and not self._is_leaving()

    async def _open(self) -> None:
        self._is_open = True

    async def _close(self) -> None:
        self._is_open = False
        if self._access_log is not None:
            self._access_log.flush()
        await self._emulator.stop()
        await self._upstream.aclose()


def _forget(exchange: Exchange, seconds: float) -> None:
    """Nothing is recorded."""


def _trusted(url: str) -> BaseUrl:
    """A base URL that the operator named: it may be private, and plain http."""
    return parse_base_url(url, _origins((_origin_of(url),)))


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _origins(urls: tuple[str, ...]) -> frozenset[tuple[str, str, int]]:
    """``scheme://host[:port]`` texts as the triples that :func:`parse_base_url` compares."""
    triples = []
    for url in urls:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        triples.append((parts.scheme, parts.hostname or "", port))
    return frozenset(triples)
