"""The verdict on addresses, and the one reading of a custom host."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.errors import InvalidCall
from emberway.upstream.addresses import is_metadata, is_public, parse_base_url
from emberway.upstream.base import Origin

CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "100.100.100.200",
    "169.254.170.2",
    "169.254.170.23",
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:192.168.1.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1:1::808:808",
    "64:ff9b:2::808:808",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:c0a8:101::",
    "2001:0:808:808:0:0:80ff:fffe",
    "2001:0:7f00:1:0:0:f7f7:f7f7",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd00:ec2:1::1",
    "fdff:ffff::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "4000::1",
    "8000::1",
    "1::1",
    "::ffff:168.63.129.16",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001:80e::200e",
    "2400:cb00::1",
    "2001:4860:4860::8888",
    "2001:200::1",
    "2003::1",
    "2620:fe::fe",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::808:808",
    "64:ff9b:1::808:808",
    "2002:808:808::",
    "2001:0:808:808:0:0:f7f7:f7f7",
]


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_that_is_not_for_everybody_is_closed(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_on_the_internet_is_open(address: str) -> None:
    assert is_public(address)


def packed(head: int, bits: int, v4: int) -> IPv6Address:
    return IPv6Address(head << bits | v4)


FORMS = {
    "compatible": lambda v4: IPv6Address(v4),
    "mapped": lambda v4: packed(0xFFFF, 32, v4),
    "translated": lambda v4: packed(0xFFFF0000, 32, v4),
    "NAT64": lambda v4: packed(0x64FF9B << 64, 32, v4),
    "local NAT64": lambda v4: packed(0x64FF9B0001 << 48, 32, v4),
    "6to4": lambda v4: IPv6Address((0x2002 << 32 | v4) << 80 | 0x1234),
    "Teredo": lambda v4: IPv6Address(0x20010000 << 96 | 0x08080808 << 64 | 0x8000 << 48 | v4 ^ 0xFFFFFFFF),
}


@given(
    v4=st.integers(0, 2**32 - 1)
    | st.sampled_from([int(IPv4Address(each)) for each in CLOSED if "." in each and ":" not in each])
)
def test_an_ipv4_address_within_any_ipv6_form_gets_its_own_verdict(v4: int) -> None:
    bare = IPv4Address(v4)

    for form in FORMS.values():
        assert is_public(form(v4)) == is_public(bare)
        assert is_metadata(form(v4)) == is_metadata(bare)
        assert is_public(form(v4).packed) == is_public(bare)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_metadata_services_are_known_in_every_form(address: str) -> None:
    assert is_metadata(address)
    assert not is_public(address)


def origin(scheme: str, host: str, port: int, *, trusted: bool = False) -> Origin:
    return Origin("https" if scheme == "https" else "http", host, port, trusted)


READ = {
    "https://api.fireworks.ai/inference/v1": (origin("https", "api.fireworks.ai", 443), "/inference/v1"),
    "https://api.fireworks.ai/inference/v1/": (origin("https", "api.fireworks.ai", 443), "/inference/v1"),
    "https://api.fireworks.ai": (origin("https", "api.fireworks.ai", 443), ""),
    "https://api.fireworks.ai/": (origin("https", "api.fireworks.ai", 443), ""),
    "HTTPS://API.Fireworks.AI/V1": (origin("https", "api.fireworks.ai", 443), "/V1"),
    "https://api.example.com:8443/v1": (origin("https", "api.example.com", 8443), "/v1"),
    "https://a-b.example.com": (origin("https", "a-b.example.com", 443), ""),
    "https://my_model.example.com": (origin("https", "my_model.example.com", 443), ""),
    "https://bücher.example/v1": (origin("https", "xn--bcher-kva.example", 443), "/v1"),
    "https://BÜCHER.example": (origin("https", "xn--bcher-kva.example", 443), ""),
    "https://xn--bcher-kva.example": (origin("https", "xn--bcher-kva.example", 443), ""),
    "https://аpi.fireworks.ai": (origin("https", "xn--pi-6kc.fireworks.ai", 443), ""),
    "https://8.8.8.8/v1": (origin("https", "8.8.8.8", 443), "/v1"),
    "https://[2606:4700::1111]/v1": (origin("https", "2606:4700::1111", 443), "/v1"),
    "https://[2606:4700:0:0::1111]:8443": (origin("https", "2606:4700::1111", 8443), ""),
    "https://example.com/v1/accounts/a%20b/@x": (origin("https", "example.com", 443), "/v1/accounts/a%20b/@x"),
    "https://example.com/openai/deployments/gpt-4o": (
        origin("https", "example.com", 443),
        "/openai/deployments/gpt-4o",
    ),
    "https://1.2.3.4.example.com": (origin("https", "1.2.3.4.example.com", 443), ""),
    "https://127.0.0.1.nip.io": (origin("https", "127.0.0.1.nip.io", 443), ""),
    "https://localhost": (origin("https", "localhost", 443), ""),
}


@pytest.mark.parametrize("url", READ)
def test_a_plain_url_is_read_in_one_way(url: str) -> None:
    read = parse_base_url(url)

    assert (read.origin, read.path) == READ[url]


REFUSED = [
    "",
    "api.fireworks.ai",
    "//api.fireworks.ai",
    "/v1",
    "https:",
    "https:/api.fireworks.ai",
    "https:///v1",
    "https://",
    "https:api.fireworks.ai",
    "http://api.fireworks.ai/v1",
    "ftp://api.fireworks.ai",
    "file:///etc/passwd",
    "gopher://example.com",
    "unix:///run/x.sock",
    "ws://example.com",
    "javascript://example.com",
    " https://example.com",
    "https://example.com ",
    "https://example.com\n",
    "https://example.com\r\nhost: evil",
    "https://exa\tmple.com",
    "https://example.com\x00.evil.com",
    "https://example.com\x7f",
    "https://example\u00ad.com/\u200b",
    "https://example.com\\@evil.com",
    "https:\\\\example.com",
    "https://example.com\\v1",
    "https://user@example.com",
    "https://user:pass@example.com",
    "https://@example.com",
    "https://api.fireworks.ai@evil.com",
    "https://api.fireworks.ai:443@evil.com",
    "https://api.fireworks.ai%40evil.com",
    "https://example.com?x=1",
    "https://example.com/v1?x=1",
    "https://example.com/v1?",
    "https://example.com#x",
    "https://example.com/v1#",
    "https://example.com#@evil.com",
    "https://example.com.",
    "https://example..com",
    "https://.example.com",
    "https://-example.com",
    "https://example-.com",
    "https://exa mple.com",
    "https://exa%6dple.com",
    "https://exa*mple.com",
    "https://example.com,evil.com",
    "https://" + "a" * 64 + ".com",
    "https://" + "a." * 127 + "com",
    "https://example。com",
    "https://example．com",
    "https://example｡com",
    "https://ｅxample.com",
    "https://１２７.0.0.1",
    "https://①②⑦.0.0.1",
    "https://ex🔥mple.com",
    "https://xn--.com",
    "https://xn--a.com",
    "https://xn--zzzzzzzzzzz.com",
    "https://example.com:0",
    "https://example.com:65536",
    "https://example.com:99999999999",
    "https://example.com:",
    "https://example.com:-443",
    "https://example.com:+443",
    "https://example.com:0443",
    "https://example.com:443:443",
    "https://example.com:４４３",
    "https://example.com:44 3",
    "https://example.com:0x1bb",
    "https://example.com:22",
    "https://example.com:25",
    "https://example.com:3306",
    "https://example.com:5432",
    "https://example.com:6379",
    "https://example.com:6443",
    "https://example.com:9200",
    "https://127.0.0.1",
    "https://127.1",
    "https://127.0.1",
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0177.0.0.1",
    "https://017700000001",
    "https://127.0.0.0x1",
    "https://127.0.0.01",
    "https://127.0.0.1.",
    "https://1.2.3.4.5",
    "https://256.256.256.256",
    "https://example.1",
    "https://example.0x",
    "https://0",
    "https://0.0.0.0",
    "https://10.0.0.1",
    "https://169.254.169.254/latest",
    "https://168.63.129.16",
    "https://192.168.1.1:8443",
    "https://[::1]",
    "https://[::]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:7f00:1]",
    "https://[::127.0.0.1]",
    "https://[64:ff9b::7f00:1]",
    "https://[2002:7f00:1::]",
    "https://[fe80::1%25eth0]",
    "https://[2606:4700::1111%eth0]",
    "https://[fec0::1]",
    "https://[fd00:ec2::254]",
    "https://[::1",
    "https://::1",
    "https://[2606:4700::1111]443",
    "https://[2606:4700::1111].com",
    "https://[8.8.8.8]",
    "https://[v1.x]",
    "https://[]",
    "https://example.com//v1",
    "https://example.com/v1//",
    "https://example.com/v1/../admin",
    "https://example.com/..",
    "https://example.com/./v1",
    "https://example.com/%2e%2e/admin",
    "https://example.com/.%2E/admin",
    "https://example.com/v1%2f..%2fadmin",
    "https://example.com/%5cadmin",
    "https://example.com/%00",
    "https://example.com/%252e%252e",
    "https://example.com/%zz",
    "https://example.com/%",
    "https://example.com/ü",
    "https://example.com/<v1>",
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_two_readers_could_understand_differently_is_refused(url: str) -> None:
    with pytest.raises(InvalidCall, match=r"^Invalid custom host: .+\.$") as told:
        parse_base_url(url)

    assert (told.value.status, told.value.param) == (400, "x-portkey-custom-host")


TRUSTED = {("http", "127.0.0.1", 11434), ("http", "localhost", 8080), ("https", "10.0.0.7", 6443), ("http", "::1", 80)}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:11434/v1", origin("http", "127.0.0.1", 11434, trusted=True)),
        ("http://LOCALHOST:8080", origin("http", "localhost", 8080, trusted=True)),
        ("https://10.0.0.7:6443/v1", origin("https", "10.0.0.7", 6443, trusted=True)),
        ("http://[0:0:0:0:0:0:0:1]/", origin("http", "::1", 80, trusted=True)),
        ("https://localhost:8080", origin("https", "localhost", 8080)),
    ],
)
def test_what_the_operator_trusts_is_open_by_exact_scheme_host_and_port(url: str, expected: Origin) -> None:
    assert parse_base_url(url, TRUSTED).origin == expected


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:11435", "https://127.0.0.1:11434", "http://localhost", "http://127.0.0.2:11434"]
)
def test_the_neighbours_of_a_trusted_origin_stay_closed(url: str) -> None:
    with pytest.raises(InvalidCall):
        parse_base_url(url, TRUSTED)


def test_no_operator_opens_a_metadata_service() -> None:
    with pytest.raises(InvalidCall, match="not open to calls"):
        parse_base_url("http://169.254.169.254/latest", {("http", "169.254.169.254", 80)})
