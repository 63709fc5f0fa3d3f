"""Every exception of the libraries below us has a place in our tree."""

from __future__ import annotations

import errno
import socket
import ssl
import zlib
from collections.abc import Iterator

import httptools
import pytest
from httptools.parser import errors as parser_errors

from emberway.errors import BadAnswer, ConnectFailed, StreamBroken, UpstreamBusy, UpstreamError, UpstreamTimeout
from emberway.upstream.failures import Malformed, PeerClosed, Stage, upstream_error


def descendants(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ in {"builtins", "socket", "ssl", "httptools.parser.errors"}:
            yield from descendants(child)


FOREIGN = sorted(
    {
        *descendants(OSError),
        *(getattr(parser_errors, name) for name in parser_errors.__all__),
        zlib.error,
        UnicodeError,
    },
    key=lambda kind: kind.__qualname__,
)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_every_foreign_exception_becomes_an_upstream_error_with_a_sentence(
    kind: type[BaseException], stage: Stage
) -> None:
    told = upstream_error(kind("10.1.2.3 secret detail"), stage, "api.example.com")

    assert isinstance(told, UpstreamError)
    assert told.message.startswith("No usable answer from api.example.com: ")
    assert "secret" not in told.message


@pytest.mark.parametrize(
    ("error", "stage", "expected", "code"),
    [
        (socket.gaierror(-2, "unknown"), Stage.CONNECTING, ConnectFailed, "upstream_unreachable"),
        (ConnectionRefusedError(), Stage.CONNECTING, ConnectFailed, "upstream_unreachable"),
        (OSError(errno.ENETUNREACH, "x"), Stage.CONNECTING, ConnectFailed, "upstream_unreachable"),
        (ssl.SSLCertVerificationError(), Stage.CONNECTING, ConnectFailed, "upstream_tls"),
        (ssl.SSLError(), Stage.CONNECTING, ConnectFailed, "upstream_tls"),
        (ssl.SSLError(), Stage.READING, StreamBroken, "upstream_tls"),
        (ConnectionResetError(), Stage.WAITING, BadAnswer, "upstream_closed"),
        (ConnectionResetError(), Stage.OPENED, StreamBroken, "upstream_closed"),
        (PeerClosed(), Stage.READING, StreamBroken, "upstream_closed"),
        (Malformed("x"), Stage.WAITING, BadAnswer, "upstream_invalid"),
        (Malformed("x"), Stage.OPENED, BadAnswer, "upstream_invalid"),
        (httptools.HttpParserError("x"), Stage.READING, StreamBroken, "upstream_closed"),
        (OSError(errno.EMFILE, "x"), Stage.CONNECTING, UpstreamBusy, "upstream_busy"),
    ],
)
def test_the_class_depends_on_how_far_the_call_had_come(
    error: Exception, stage: Stage, expected: type[UpstreamError], code: str
) -> None:
    told = upstream_error(error, stage, "api.example.com")

    assert (type(told), told.code, told.__cause__) == (expected, code, error)


def test_what_a_callback_of_ours_raised_within_the_parser_counts() -> None:
    wrapped = httptools.HttpParserCallbackError("callback failed")
    wrapped.__context__ = Malformed("it has too many headers")

    assert "(it has too many headers)" in upstream_error(wrapped, Stage.WAITING, "x").message


def test_our_own_errors_pass_as_they_are() -> None:
    own = UpstreamTimeout("late")

    assert upstream_error(own, Stage.READING, "x") is own


def test_a_fault_of_our_own_is_not_blamed_on_the_provider() -> None:
    with pytest.raises(ZeroDivisionError):
        upstream_error(ZeroDivisionError(), Stage.READING, "x")
