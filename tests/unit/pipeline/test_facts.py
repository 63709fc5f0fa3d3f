"""What a condition may see of a call."""

from __future__ import annotations

import pytest
from tests.unit.pipeline.parts import call

from emberway.exchange import Exchange, Identity
from emberway.pipeline.facts import CallFacts

HEADERS = [
    (b"x-portkey-metadata", b'{"tier":"paid","n":1}'),
    (b"x-team", b"blue"),
    (b"authorization", b"Bearer fw_secret"),
    (b"x-portkey-config", b'{"api_key":"fw_secret"}'),
]


def test_metadata_body_path_headers_and_key_are_there() -> None:
    exchange = Exchange("r", "t", 0.0, path="/v1/chat/completions", identity=Identity("k-1", "name"))
    facts = CallFacts(call(b'{"model":"m","a":{"b":[1]}}', headers=HEADERS), exchange)

    assert facts.metadata == {"tier": "paid", "n": 1}
    assert facts.params == {"model": "m", "a": {"b": [1]}}
    assert (facts.path, facts.caller) == ("/v1/chat/completions", "k-1")
    assert (facts.header("x-team"), facts.header("x-other"), facts.header("\N{SNOWMAN}")) == ("blue", None, None)


@pytest.mark.parametrize("name", ["authorization", "x-portkey-config", "x-api-key", "x-portkey-api-key"])
def test_credentials_are_not(name: str) -> None:
    assert CallFacts(call(headers=HEADERS), Exchange("r", "t", 0.0)).header(name) is None


@pytest.mark.parametrize("metadata", [b"", b"not json", b"[1]", b'"text"', b"\xff", b"[" * 100_000])
def test_metadata_that_is_no_object_counts_as_none(metadata: bytes) -> None:
    facts = CallFacts(call(headers=[(b"x-portkey-metadata", metadata)]), Exchange("r", "t", 0.0))

    assert facts.metadata == {}
