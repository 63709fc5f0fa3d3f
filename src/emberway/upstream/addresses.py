"""Where a connection may go: the one parser of base URLs, and the verdict on every address that a name leads to.

Both are pure. ``ipaddress.is_global`` is not enough for the verdict: it calls NAT64, 6to4 and other forms that carry
an IPv4 address global whatever they carry, so the table here is our own, from IANA's special-purpose registries
(https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal, NoReturn

import idna

from emberway.errors import InvalidCall
from emberway.upstream.base import Origin

PARAM = "x-portkey-custom-host"

SPECIAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
GLOBAL_V6 = IPv6Network("2000::/3")
"""All that IANA has ever given out as global unicast; the rest is special or unassigned."""
SPECIAL_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments (Teredo, benchmarking, ORCHID)
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
METADATA = tuple(
    IPv4Network(network) if "." in network else IPv6Network(network)
    for network in (
        "169.254.169.254/32",  # most clouds
        "169.254.170.2/32",  # container credentials
        "169.254.170.23/32",  # pod identity
        "100.100.100.200/32",
        "168.63.129.16/32",  # a public address that answers only inside one cloud
        "192.0.0.192/32",
        "fd00:ec2::/32",
    )
)
"""Services that hand the machine's own credentials to whoever asks: closed even to origins the operator trusts."""

EMBEDDING_V6 = tuple(
    IPv6Network(network)
    for network in (
        "::/96",  # IPv4-compatible, deprecated
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b::/96",  # NAT64, well-known (RFC 6052)
        "64:ff9b:1::/96",  # NAT64, local use (RFC 8215); its other layouts are ambiguous and stay closed
    )
)
"""IPv6 networks whose last 32 bits are an IPv4 address that the packets end up at."""
SIX_TO_FOUR = IPv6Network("2002::/16")
TEREDO = IPv6Network("2001::/32")

Address = IPv4Address | IPv6Address


def is_public(address: Address | bytes | str) -> bool:
    """Whether anybody on the internet may be meant by this address (text, packed bytes or object)."""
    carried = unwrapped(_address(address))
    return not (_is_metadata(carried) or any(_is_special(each) for each in carried))


def is_metadata(address: Address | bytes | str) -> bool:
    """Whether this address is a cloud's metadata service, in whatever form it is written."""
    return _is_metadata(unwrapped(_address(address)))


def unwrapped(address: Address) -> tuple[Address, ...]:
    """The addresses that packets to ``address`` end up at: the embedded IPv4 ones, or itself."""
    if isinstance(address, IPv4Address):
        return (address,)
    bits = int(address)
    if address in SIX_TO_FOUR:
        return (IPv4Address(bits >> 80 & 0xFFFFFFFF),)
    if address in TEREDO:  # the relay's address, and the client's with every bit turned (RFC 4380)
        return (IPv4Address(bits >> 64 & 0xFFFFFFFF), IPv4Address(~bits & 0xFFFFFFFF))
    if any(address in network for network in EMBEDDING_V6):
        return (IPv4Address(bits & 0xFFFFFFFF),)
    return (address,)


def _address(given: Address | bytes | str) -> Address:
    return given if isinstance(given, IPv4Address | IPv6Address) else ip_address(given)


def _is_metadata(carried: tuple[Address, ...]) -> bool:
    return any(address in network for address in carried for network in METADATA)


def _is_special(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in SPECIAL_V4)
    return address not in GLOBAL_V6 or any(address in network for network in SPECIAL_V6)


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Where a provider is reached, and the path that stands before every endpoint's own."""

    origin: Origin
    path: str
    """Empty, or begins with a slash and does not end with one."""


Trusted = Collection[tuple[str, str, int]]
"""(scheme, host, port) of origins that the operator opened by name, hosts in their parsed spelling."""

DEFAULT_PORTS: dict[str, int] = {"http": 80, "https": 443}

CLOSED_PORTS = frozenset(
    {
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104),
        *(109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 138, 139, 143, 161, 162, 179, 389, 427, 445, 465, 512),
        *(513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 623, 636, 873, 989, 990, 993, 995),
        *(1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3268, 3269, 3306, 3389, 3659, 4045),
        *(4190, 5060, 5061, 5432, 5671, 5672, 5900, 5984, 5985, 5986, 6000, 6379, 6443, 6566, 6665, 6666, 6667),
        *(6668, 6669, 6679, 6697, 8086, 8529, 9042, 9092, 9200, 9300, 10080, 10250, 10255, 11211, 15672, 26257),
        *(27017, 27018, 28015, 50000),
    }
)
"""What browsers refuse (https://fetch.spec.whatwg.org/#port-blocking), plus databases, queues and cluster control."""

_SHAPE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(?P<rest>[?#].*)?")
_PLAIN_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)*/?")
_DOT_SEGMENT = re.compile(r"(?:\.|%2[eE]){1,2}")
_HIDDEN_SEPARATOR = re.compile(r"%(?:2[fF]|5[cC]|00|25)")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def parse_base_url(url: str, trusted: Trusted = frozenset()) -> BaseUrl:
    """The origin and path that ``url`` means; what is checked here is what is connected to.

    Whatever two parsers could read differently is refused instead of interpreted: user info, backslashes, controls,
    odd spellings of addresses, empty path segments. Raises InvalidCall, which says what to send instead.
    """
    if not url.isprintable() or " " in url or "\\" in url:
        _refuse("it holds a space, a backslash or a control character; send a plain https:// address")
    shape = _SHAPE.fullmatch(url)
    if shape is None or (scheme := shape["scheme"].lower()) not in DEFAULT_PORTS:
        _refuse("send a whole address that begins with https://, such as https://api.example.com/v1")
    if shape["rest"]:
        _refuse("leave out the query and the fragment; only a path may follow the host")
    host, port = _host_and_port(shape["authority"], DEFAULT_PORTS[scheme])
    origin = _origin("https" if scheme == "https" else "http", host, port, trusted)
    return BaseUrl(origin, _path(shape["path"] or ""))


def _origin(scheme: Literal["http", "https"], host: str, port: int, trusted: Trusted) -> Origin:
    is_trusted = (scheme, host, port) in trusted
    address = literal(host)
    if address is not None and (is_metadata(address) or not (is_trusted or is_public(address))):
        _refuse("this address is not open to calls; send the name of a public host")
    if not is_trusted and scheme != "https":
        _refuse("send https:// instead of http://; only hosts that the operator trusts are called unencrypted")
    if not is_trusted and port in CLOSED_PORTS:
        _refuse(f"port {port} belongs to another protocol; send the port of an HTTPS service")
    return Origin(scheme, host, port, is_trusted)


def literal(host: str) -> Address | None:
    """The address that ``host`` spells out, or None where it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    if "@" in authority:
        _refuse("leave out the user name and password; send the key in the Authorization header")
    if authority.startswith("["):
        inside, bracket, after = authority[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            _refuse("an IPv6 address stands in square brackets, such as https://[2606:4700::1111]:8443")
        return _v6(inside), _port(after[1:]) if after else default_port
    name, colon, port = authority.partition(":")
    return _name(name), _port(port) if colon else default_port


def _port(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65535:
        _refuse("the port is a number from 1 to 65535 after a colon")
    return int(text)


def _v6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        _refuse("what stands in square brackets is not an IPv6 address")
    if address.scope_id is not None:
        _refuse("leave out the zone of the IPv6 address")
    return str(address)


def _name(text: str) -> str:
    """An IPv4 literal in its one usual spelling, or a name in ASCII (IDNA 2008)."""
    host = text.lower()
    if not host.isascii():
        host = _idna(host)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # resolvers read 127.1, 0x7f000001 and 2130706433 as addresses; we do not guess
        return _v4(host)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        _refuse("the host is not a valid name; write it with plain dots and without one at the end")
    if any(label.startswith("xn--") for label in labels):
        _idna(host)
    return host


def _v4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        _refuse("write an IPv4 address as four decimal numbers with dots")


def _idna(host: str) -> str:
    if any(dot in host for dot in "\u3002\uff0e\uff61"):
        _refuse("write the host with plain dots")
    try:
        return idna.encode(host).decode("ascii")
    except idna.IDNAError:
        _refuse("the host is not a valid international name (IDNA 2008)")


def _path(text: str) -> str:
    if not _PLAIN_PATH.fullmatch(text):
        _refuse("the path holds an empty segment or a character that has to be percent-encoded")
    if _HIDDEN_SEPARATOR.search(text) or any(_DOT_SEGMENT.fullmatch(segment) for segment in text.split("/")):
        _refuse("leave '.', '..' and encoded separators out of the path")
    return text.rstrip("/")


def _refuse(reason: str) -> NoReturn:
    raise InvalidCall(f"Invalid custom host: {reason}.", param=PARAM, code="invalid_custom_host")
