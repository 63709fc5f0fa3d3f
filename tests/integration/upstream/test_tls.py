"""TLS is always verified; an authority of the operator's own can be added, nothing can be switched off."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.integration.upstream.peer import peer, polite, then_silence

from emberway.errors import ConnectFailed, StreamBroken, UpstreamTimeout
from emberway.upstream.base import Deadlines, Origin, Outbound
from emberway.upstream.client import PooledUpstream
from emberway.upstream.resolver import Resolver

pytestmark = pytest.mark.anyio


def certificate(folder: Path, *names: x509.GeneralName, days: int = 30) -> Path:
    """A self-signed certificate for ``names`` and its key in one PEM file; ``days`` below 0: expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider under test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "provider.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + secret)
    return file


def serving(file: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.maximum_version = newest
    return context


LOOPBACK = x509.IPAddress(IPv4Address("127.0.0.1"))


async def test_a_certificate_that_nobody_vouches_for_is_refused(upstream: PooledUpstream, tmp_path: Path) -> None:
    async with peer(polite, serving(certificate(tmp_path, LOOPBACK))) as provider:
        with pytest.raises(ConnectFailed, match="certificate could not be verified") as told:
            await upstream.send(provider.post())

        assert (told.value.status, told.value.code, upstream.open_connections) == (502, "upstream_tls", 0)
        assert provider.requests == []


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_authority_of_the_operator_is_believed(
    tmp_path: Path, newest: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emberway.upstream.connection.BELIEVED", -1.0)  # ask the kernel each time: no ticket is left
    file = certificate(tmp_path, LOOPBACK)
    upstream = PooledUpstream(ca_file=file)
    async with peer(polite, serving(file, newest)) as provider:
        for _ in range(3):
            answer = await upstream.send(provider.post(b"x" * 300_000))
            assert await answer.read(100) == b"{}"
            answer.close()

        assert (provider.connections, upstream.idle_connections) == (1, 1)
        await upstream.aclose()


@pytest.mark.parametrize(
    ("name", "days"), [(x509.DNSName("other.test"), 30), (LOOPBACK, -1)], ids=["another host", "expired"]
)
async def test_a_believed_authority_does_not_excuse_another_name_or_an_old_date(
    tmp_path: Path, name: x509.GeneralName, days: int
) -> None:
    file = certificate(tmp_path, name, days=days)
    upstream = PooledUpstream(ca_file=file)
    async with peer(polite, serving(file)) as provider:
        with pytest.raises(ConnectFailed, match="certificate could not be verified"):
            await upstream.send(provider.post())
        await upstream.aclose()

        assert (provider.requests, upstream.open_connections) == ([], 0)


async def test_the_name_stands_in_sni_host_and_certificate_while_the_address_is_connected_to(tmp_path: Path) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(2, 1, 6, "", ("127.0.0.1", 0))]

    file = certificate(tmp_path, x509.DNSName("provider.test"))
    context = serving(file)
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    upstream = PooledUpstream(ca_file=file, resolver=Resolver(getaddrinfo))
    async with peer(polite, context) as provider:
        origin = Origin("https", "provider.test", provider.port, trusted=True)
        (await upstream.send(Outbound("GET", origin, b"/", []))).close()
        await upstream.aclose()

        assert asked == ["provider.test"]
        assert b"host: provider.test:%d" % provider.port in provider.requests[0].lines


async def test_a_peer_that_speaks_no_tls_is_refused(upstream: PooledUpstream) -> None:
    async def program(wire: object) -> None:
        del wire  # hang up on the client's hello

    async with peer(program) as provider:
        with pytest.raises(ConnectFailed):
            await upstream.send(Outbound("GET", Origin("https", "127.0.0.1", provider.port, trusted=True), b"/", []))

        assert upstream.open_connections == 0


async def test_a_handshake_that_stalls_ends_at_the_connect_deadline(upstream: PooledUpstream) -> None:
    async def program(wire: object) -> None:
        del wire
        await asyncio.Event().wait()

    async with peer(program) as provider:
        origin = Origin("https", "127.0.0.1", provider.port, trusted=True)
        with pytest.raises(UpstreamTimeout, match=r"No connection to .+ within 0.2 s"):
            await upstream.send(Outbound("GET", origin, b"/", [], deadlines=Deadlines(connect=0.2)))

        assert upstream.open_connections == 0


async def test_an_encrypted_answer_that_is_cut_off_is_not_taken_for_whole(tmp_path: Path) -> None:
    file = certificate(tmp_path, LOOPBACK)
    upstream = PooledUpstream(ca_file=file)
    cut = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"
    async with peer(then_silence(cut), serving(file)) as provider:
        answer = await upstream.send(provider.post())
        assert await answer.chunk() == b"hello"
        for conversation in provider.conversations:
            conversation.cancel()
        with pytest.raises(StreamBroken) as told:
            await answer.chunk()
        await upstream.aclose()

        assert told.value.code == "upstream_closed"
