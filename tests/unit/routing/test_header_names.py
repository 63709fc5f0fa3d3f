"""Which headers of a call a config may name."""

from __future__ import annotations

import re

import pytest

from emberway.edge import headers
from emberway.routing import header_names


def may_be_forwarded(name: str) -> bool:
    return bool(re.fullmatch(header_names.FORWARDABLE, name)) and not re.fullmatch(header_names.NOT_FORWARDABLE, name)


def may_be_sticky(field: str) -> bool:
    return bool(re.fullmatch(header_names.STICKY_FIELD, field)) and not re.fullmatch(header_names.NOT_STICKY, field)


def test_a_config_forwards_nothing_that_a_caller_cannot() -> None:
    assert headers._NEVER_FORWARDED <= header_names.NEVER_FORWARDED


@pytest.mark.parametrize("name", ["x-custom", "X-Custom", "x_custom", "traceparent", "x-api-keys", "hosts"])
def test_a_header_of_ones_own_may_be_forwarded(name: str) -> None:
    assert may_be_forwarded(name)


@pytest.mark.parametrize(
    "name",
    ["Authorization", "AUTHORIZATION", "Cookie", "x-api-key", "X_API_KEY", "host", "content-length",
     "x-portkey-forward-headers", "X-Portkey-Api-Key", "x_portkey_config", "a b", "a:b", "", "x-é"],
)  # fmt: skip
def test_credentials_framing_and_what_is_no_name_may_not(name: str) -> None:
    assert not may_be_forwarded(name)


@pytest.mark.parametrize("field", ["metadata.user_id", "metadata.a b", "params.user", "params.a.b.c", "headers.X-User"])
def test_metadata_body_and_headers_can_tell_callers_apart(field: str) -> None:
    assert may_be_sticky(field)


@pytest.mark.parametrize(
    "field",
    ["metadata", "metadata.", "params.a..b", "url.pathname", "user", "headers.", "headers.a b", "headers.authorization",
     "headers.Authorization", "headers.Cookie", "headers.x-api-key", "headers.X_Api_Key", "headers.x-auth-token",
     "headers.x-client-secret"],
)  # fmt: skip
def test_credentials_cannot(field: str) -> None:
    assert not may_be_sticky(field)
