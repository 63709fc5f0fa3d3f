"""docs/reference/headers.md tells of every header that is read, sent or let through."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emberway.edge import failure, headers
from emberway.errors import GatewayError, MethodNotAllowed, Unauthenticated, UpstreamBusy
from emberway.exchange import Exchange
from emberway.pipeline.resolve import _ALWAYS_FORWARDED
from emberway.providers.fireworks import fireworks
from emberway.wire.header_lines import headers_in

PAGE = (Path(__file__).parents[2] / "docs/reference/headers.md").read_text("utf-8")
NAMED = set(re.findall(r"`([a-z-]+)`", PAGE))

ERRORS: tuple[GatewayError, ...] = (Unauthenticated("x"), MethodNotAllowed("x", ("GET",)), UpstreamBusy("x"))
FULL = Exchange("id", "id", 0.0, provider="openai", changed=("model_path",), warnings=("long",))

READ = {*headers.DECIDING, *_ALWAYS_FORWARDED, b"x-portkey-trace-id"}
SENT = {name for name, _ in headers_in(headers.own_lines(FULL, 1.0))}
SENT_WITH_ERRORS = {name for error in ERRORS for name, _ in failure.headers_of(error)}
PASSED = {*headers._PASSED_ON, *headers._PASSED_ON_PREFIXES, b"x-upstream-request-id"}
OF_THE_EMULATOR = fireworks(emulator=True).forwards - fireworks().forwards


@pytest.mark.parametrize("name", sorted(READ | SENT | SENT_WITH_ERRORS | PASSED | OF_THE_EMULATOR))
def test_the_page_names_the_header(name: bytes) -> None:
    assert name.decode() in NAMED


def test_the_page_says_how_many_headers_there_may_be() -> None:
    assert f"at most {headers.MAX_COUNT} headers" in PAGE
