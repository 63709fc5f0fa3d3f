"""Opens connections: resolve, vet every address, connect to a vetted one, verify the certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import cached_property
from ipaddress import ip_address
from itertools import chain, zip_longest
from pathlib import Path

from emberway.errors import ConnectFailed, InvalidCall
from emberway.upstream.addresses import CLOSED_PORTS, PARAM, is_metadata, is_public, literal
from emberway.upstream.base import Origin
from emberway.upstream.connection import Connection
from emberway.upstream.failures import PeerClosed, Stage, upstream_error
from emberway.upstream.request import authority
from emberway.upstream.resolver import Resolver

MOST_TRIES = 4
"""Addresses of one host that are tried within the connect deadline."""


class Dialer:
    """The only place in the house that opens a socket to somebody else's machine."""

    def __init__(self, resolver: Resolver, ca_file: Path | None) -> None:
        self._resolver = resolver
        self._ca_file = ca_file

    async def dial(self, origin: Origin, make: Callable[[], Connection], deadline: float) -> Connection:
        """A fresh connection to ``origin``, before ``deadline`` on the loop's clock.

        Raises InvalidCall where the origin is closed to calls, ConnectFailed, or TimeoutError.
        """
        addresses = await self._vetted(origin)
        loop = asyncio.get_running_loop()
        trouble: Exception = PeerClosed()
        for tries_left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share = (deadline - loop.time()) / tries_left
            try:
                async with asyncio.timeout(share):
                    return await self._connect(origin, address, make)
            except OSError as error:  # TLS errors and time-outs among them
                trouble = error
        if isinstance(trouble, TimeoutError) and trouble.errno is None:
            raise trouble  # our own deadline, not the network's
        raise upstream_error(trouble, Stage.CONNECTING, authority(origin)) from trouble

    async def _vetted(self, origin: Origin) -> list[str]:
        """Where ``origin`` may be reached. One bad address condemns the name: it may be the next one used."""
        if not origin.trusted and (origin.scheme != "https" or origin.port in CLOSED_PORTS):
            raise _closed(origin)
        addresses = await self._addresses(origin)
        for address in addresses:
            if is_metadata(address) or not (origin.trusted or is_public(address)):
                raise _closed(origin)
        return _alternating(addresses)[:MOST_TRIES]

    async def _addresses(self, origin: Origin) -> tuple[str, ...]:
        if literal(origin.host) is not None:
            return (origin.host,)
        try:
            return await self._resolver.addresses(origin.host, is_trusted=origin.trusted)
        except (OSError, UnicodeError) as error:
            raise upstream_error(error, Stage.CONNECTING, authority(origin)) from error

    async def _connect(self, origin: Origin, address: str, make: Callable[[], Connection]) -> Connection:
        """TCP, and TLS with the name in SNI and certificate. The environment's proxies play no part."""
        tls = self._tls if origin.scheme == "https" else None
        _, connection = await asyncio.get_running_loop().create_connection(
            make, address, origin.port, ssl=tls, server_hostname=origin.host if tls else None
        )
        if connection.is_closed:
            raise PeerClosed
        if ip_address(connection.peer_address) != ip_address(address):
            connection.close()
            raise ConnectFailed(f"The connection to {authority(origin)} ended up at another address.")
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Verification always on, TLS 1.2 at least; the operator's authorities count beside the system's."""
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        if self._ca_file is not None:
            context.load_verify_locations(self._ca_file)
        return context


def _alternating(addresses: tuple[str, ...]) -> list[str]:
    """The system's order, but IPv6 and IPv4 in turn, so that one broken family does not use up every try."""
    same = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    other = [address for address in addresses if address not in same]
    return [address for address in chain.from_iterable(zip_longest(same, other)) if address is not None]


def _closed(origin: Origin) -> InvalidCall:
    return InvalidCall(
        f"Invalid custom host: {authority(origin)} is not open to calls; send an https:// address of a public host.",
        param=PARAM,
        code="invalid_custom_host",
    )
