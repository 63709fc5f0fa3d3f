from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from emberway.providers.fireworks import FIREWORKS
from emberway.providers.fireworks_errors import LONGEST_TEXT

RECORDED = sorted((Path(__file__).parents[2] / "data" / "provider_errors").glob("*.json"))


def answer_of(recorded):
    return recorded["text"].encode() if "text" in recorded else msgspec.json.encode(recorded["body"])


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_every_shape_of_the_providers_errors_reaches_the_client_in_openais_envelope(file):
    recorded = msgspec.json.decode(file.read_bytes())
    answer = answer_of(recorded)

    told = FIREWORKS.error(recorded["status"], answer)

    envelope = msgspec.json.decode(told)
    assert (told is answer) == recorded["unchanged"]
    assert {"message": None, "type": None, "param": None, "code": None} | {
        key: envelope["error"].get(key) for key in recorded["error"]
    } == recorded["error"]


@pytest.mark.parametrize("file", [file for file in RECORDED if file.stem in ("fault", "html")], ids=lambda f: f.stem)
def test_portkeys_clients_find_status_and_message_at_the_top_level_too(file):
    recorded = msgspec.json.decode(file.read_bytes())

    envelope = msgspec.json.decode(FIREWORKS.error(recorded["status"], answer_of(recorded)))

    assert envelope["status"] == "failure"
    assert envelope["message"] == envelope["error"]["message"]
    assert envelope["provider"] == "fireworks-ai"


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff\xfe\x00",
        b"\x00" * 1000,
        b"<" * 100_000,
        b"<script>" * 20_000,
        b"<!--" * 20_000,
        b"[" * 100_000,
        b'{"error":' * 100_000,
        b'"\\ud800"',
        b"null",
        b"[]",
        b"{}",
        b'{"error":null,"detail":[]}',
        b'{"error":{"message":5}}',
        b'{"fault":{"faultstring":5}}',
        b'{"detail":[5]}',
        b'{"error":{"message":"a\\u0000b"},"error":7}',
        "ä€😀".encode() * 10_000,
    ],
)
def test_whatever_an_error_answer_holds_the_client_gets_a_message_of_readable_length(answer):
    envelope = msgspec.json.decode(FIREWORKS.error(500, answer))

    assert 0 < len(envelope["error"]["message"]) <= LONGEST_TEXT
    assert envelope["error"]["message"].isprintable()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (412, "billing_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (520, "api_error"),
    ],
)
def test_an_error_without_a_type_gets_the_one_of_its_status(status, kind):
    assert msgspec.json.decode(FIREWORKS.error(status, b"no"))["error"]["type"] == kind
