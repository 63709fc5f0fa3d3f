"""The head of a request: nothing that a caller hands in adds a line to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.errors import InvalidCall
from emberway.upstream.base import Origin, Outbound
from emberway.upstream.request import OURS, authority, head_start, request_head

ORIGIN = Origin("https", "api.example.com", 443)


def head(*headers: tuple[bytes, bytes], method: str = "POST", target: bytes = b"/v1", body: bytes = b"{}") -> bytes:
    return request_head(Outbound(method, ORIGIN, target, list(headers), body))


def test_a_head_holds_the_line_the_host_the_headers_and_the_length() -> None:
    assert head((b"Authorization", b"Bearer x"), (b"x-a", b"")) == (
        b"POST /v1 HTTP/1.1\r\nhost: api.example.com\r\naccept-encoding: identity\r\n"
        b"Authorization: Bearer x\r\nx-a: \r\ncontent-length: 2\r\n\r\n"
    )


def test_a_start_made_once_serves_every_call_that_differs_only_in_its_body() -> None:
    headers = [(b"x-a", b"b")]
    start = head_start("POST", b"/v1", headers, ORIGIN)

    for body in (b"", b"{}", b"x" * 1000):
        assert request_head(Outbound("POST", ORIGIN, b"", (), body, start=start)) == head(*headers, body=body)


@pytest.mark.parametrize(("method", "said"), [("POST", True), ("PUT", True), ("PATCH", True), ("GET", False)])
def test_a_length_of_nothing_is_said_only_where_a_body_is_usual(method: str, said: bool) -> None:
    assert (b"\r\ncontent-length: 0\r\n" in head(method=method, body=b"")) is said


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (Origin("https", "api.example.com", 443), "api.example.com"),
        (Origin("https", "api.example.com", 80), "api.example.com:80"),
        (Origin("http", "localhost", 80), "localhost"),
        (Origin("http", "::1", 8080), "[::1]:8080"),
    ],
)
def test_the_host_header_names_the_port_only_where_it_is_not_the_usual_one(origin: Origin, host: str) -> None:
    assert authority(origin) == host


TOKENS = st.sampled_from([b"x-a", b"y", b"Accept"])
PRINTABLE = st.from_regex(rb"[ -~\x80-\xff\t]{0,12}", fullmatch=True)
LETTERS = st.from_regex(rb"[!-~]{0,12}", fullmatch=True)
ANY = st.binary(max_size=12)


@given(st.lists(st.tuples(TOKENS | ANY, PRINTABLE | ANY), max_size=3), LETTERS | ANY)
def test_no_bytes_of_a_caller_add_a_line(headers: list[tuple[bytes, bytes]], tail: bytes) -> None:
    try:
        written = head(*headers, target=b"/" + tail)
    except InvalidCall:
        return

    lines = written.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert lines[0] == b"POST /" + tail + b" HTTP/1.1"
    assert lines[3:-1] == [name + b": " + value for name, value in headers]
    assert not any(byte in line for line in lines for byte in (b"\r", b"\n", b"\x00"))


@pytest.mark.parametrize("byte", [*range(0x09), *range(0x0A, 0x20), 0x7F])
def test_control_characters_in_a_value_are_refused(byte: int) -> None:
    with pytest.raises(InvalidCall, match="control character"):
        head((b"x-a", b"b%cc" % byte))


@pytest.mark.parametrize("name", [b"", b" ", b"x a", b"x:", b"x\r\n", b"x\xe4", b"(x)", *OURS, b"Content-Length"])
def test_names_that_are_no_names_or_not_the_callers_to_send_are_refused(name: bytes) -> None:
    with pytest.raises(InvalidCall, match="cannot be sent to a provider"):
        head((name, b"1"))


@pytest.mark.parametrize("method", ["", "GET /", "G\r\nT", "GÉT", "M-SEARCH"])
def test_a_method_is_letters(method: str) -> None:
    with pytest.raises(InvalidCall):
        head(method=method)


@pytest.mark.parametrize("target", [b"", b"v1", b"http://evil/", b"*", b"/a b", b"/\xe4"])
def test_a_target_is_a_path_in_ascii(target: bytes) -> None:
    with pytest.raises(InvalidCall):
        head(target=target)


def test_a_start_made_earlier_serves_every_body() -> None:
    start = head_start("POST", b"/v1", [(b"x-a", b"b")], ORIGIN)

    made = [request_head(Outbound("POST", ORIGIN, b"", (), body, start=start)) for body in (b"{}", b"{   }")]

    assert made == [head((b"x-a", b"b"), body=b"{}"), head((b"x-a", b"b"), body=b"{   }")]
