"""Sends requests to providers over kept-alive HTTP/1.1 connections: the only way out of this process.

The usual call finds an idle connection, writes once, waits once and reads without waiting; everything slower (dialling,
queueing for a slot, uploading in pieces) stands aside in files of its own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from emberway.errors import GatewayError, UpstreamBusy, UpstreamTimeout
from emberway.upstream.answer import Answer
from emberway.upstream.base import Origin, Outbound, Upstream
from emberway.upstream.connection import Connection
from emberway.upstream.deadlines import Sweeper
from emberway.upstream.dialer import Dialer
from emberway.upstream.request import request_head
from emberway.upstream.resolver import Resolver
from emberway.upstream.site import Site
from emberway.upstream.upload import Upload

MOST_CONNECTIONS = 1024
"""To one origin, idle ones included."""


class PooledUpstream(Upstream):
    """A pool per origin. Belongs to the event loop that sends the first request."""

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        ca_file: Path | None = None,
        max_connections: int = MOST_CONNECTIONS,
    ) -> None:
        """``ca_file``: certificates of private authorities (PEM) that count beside the system's."""
        self.stale_retries = 0
        """How often a request was sent again because its kept-alive connection had died unheard."""
        self._resolver = resolver or Resolver()
        self._dialer = Dialer(self._resolver, ca_file)
        self._max_connections = max_connections
        self._sites: dict[Origin, Site] = {}
        self._sweeper: Sweeper | None = None
        self._is_closed = False

    async def send(self, outbound: Outbound) -> Answer:
        """Answer's status and headers, body unread. Raises UpstreamError, or InvalidCall for what cannot be sent."""
        site = self._sites.get(outbound.origin) or self._new_site(outbound.origin)
        head = request_head(outbound)
        now = site.loop.time()
        ends_at = now + outbound.deadlines.total
        connection = site.take(now)
        if connection is None:
            connection = await self._connected(site, outbound, ends_at)
        answer = self._begun(site, connection, outbound, head, site.loop.time(), ends_at)
        if not isinstance(outbound.body, bytes):
            await self._uploaded(answer, Upload(connection, outbound.body, outbound.content_length))
            return answer
        try:
            await answer.head()
        except GatewayError:
            if not (answer.died_unheard and outbound.may_repeat):
                raise
        else:
            return answer
        return await self._repeated(site, outbound, head, ends_at)

    async def aclose(self) -> None:
        """Close every connection; calls under way end with an error."""
        self._is_closed = True
        self._resolver.close()
        if self._sweeper is not None:
            self._sweeper.stop()
        for site in self._sites.values():
            await site.aclose(_closing())

    @property
    def open_connections(self) -> int:
        """Connections being made, at work or idle, to all origins."""
        return sum(site.open for site in self._sites.values())

    @property
    def idle_connections(self) -> int:
        """Connections that wait for a call, to all origins."""
        return sum(site.idle for site in self._sites.values())

    @property
    def answers_under_way(self) -> int:
        """Requests sent whose answers are not whole."""
        return self._sweeper.watched if self._sweeper else 0

    def _begun(
        self, site: Site, connection: Connection, outbound: Outbound, head: bytes, now: float, ends_at: float
    ) -> Answer:
        expires = min(now + outbound.deadlines.first_byte, ends_at)
        answer = Answer(site.loop, connection, site.where, outbound.deadlines, ends_at, expires)
        site.sweeper.watch(answer)
        body = outbound.body if isinstance(outbound.body, bytes) else b""
        connection.begin(answer, head, body, has_no_body=outbound.method == "HEAD")
        return answer

    async def _repeated(self, site: Site, outbound: Outbound, head: bytes, ends_at: float) -> Answer:
        """Once more, on a connection that cannot be stale (RFC 9110, 9.2.2, lets us know what may repeat)."""
        self.stale_retries += 1
        connection = await self._connected(site, outbound, ends_at, is_fresh=True)
        answer = self._begun(site, connection, outbound, head, site.loop.time(), ends_at)
        await answer.head()
        return answer

    async def _uploaded(self, answer: Answer, upload: Upload) -> None:
        """Send the body while waiting for the head; an early answer stops the upload."""
        failure: GatewayError | None = None
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(upload.run())
            try:
                await answer.head()
            except GatewayError as error:
                failure = error
            except Exception as error:
                if error is not upload.error:
                    raise
            finally:
                sending.cancel()
        if trouble := upload.error or failure:
            raise trouble

    async def _connected(self, site: Site, outbound: Outbound, ends_at: float, *, is_fresh: bool = False) -> Connection:
        """A connection from the queue, or a new one, within the connect deadline."""
        seconds = outbound.deadlines.connect
        deadline = min(site.loop.time() + seconds, ends_at)
        is_queueing = True
        try:
            async with asyncio.timeout_at(deadline):
                while (given := await site.reserve()) is not None:
                    if not is_fresh and given.is_fit(site.loop.time()):
                        return given
                    given.close()
                is_queueing = False
                return await self._dialled(site, deadline)
        except TimeoutError as error:
            if is_queueing:
                raise UpstreamBusy(f"All {self._max_connections} connections to {site.where} are in use.") from error
            raise UpstreamTimeout(
                f"No connection to {site.where} within {seconds:g} s.", code="upstream_connect_timeout"
            ) from error

    async def _dialled(self, site: Site, deadline: float) -> Connection:
        """A new connection in the slot that was reserved for it."""
        try:
            if self._is_closed:
                raise _closing()
            connection = await self._dialer.dial(site.origin, lambda: Connection(site), deadline)
            if self._is_closed:  # meanwhile
                connection.close()
                raise _closing()
        except BaseException:
            site.freed()
            raise
        connection.adopt_slot()
        return connection

    def _new_site(self, origin: Origin) -> Site:
        if self._is_closed:
            raise _closing()
        loop = asyncio.get_running_loop()
        if self._sweeper is None:
            self._sweeper = Sweeper(loop, self._tidy)
        site = self._sites[origin] = Site(origin, loop, self._sweeper, self._max_connections)
        return site

    def _tidy(self, now: float) -> bool:
        """Close what has been idle for too long, forget origins without connections; whether any are left."""
        self._sites = {origin: site for origin, site in self._sites.items() if site.tidy(now)}
        return bool(self._sites)


def _closing() -> UpstreamBusy:
    return UpstreamBusy("This gateway is shutting down.", code="shutting_down")
