from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from emberway.cli.banner import Started, banner
from emberway.cli.liveness import reachable, url_of
from emberway.secret import Secret

FIRST = Started(
    url="http://127.0.0.1:8787",
    new_key=Secret("ew_new"),
    key_from_environment=False,
    emulated=False,
    provider_key_at_hand=False,
    folder=Path("/data"),
    new_master_key=Path("/data/master.key"),
)
AGAIN = replace(FIRST, new_key=None, new_master_key=None)


def commands(said: str) -> list[list[str]]:
    """The words of each curl as a shell would split them, variables left alone."""
    return [shlex.split("curl " + rest.split("\n\n")[0]) for rest in said.split("  curl ")[1:]]


def test_the_call_is_one_that_a_shell_understands() -> None:
    (words,) = commands(banner(FIRST))

    assert words[:2] == ["curl", "http://127.0.0.1:8787/v1/chat/completions"]
    assert [words[place + 1] for place, word in enumerate(words) if word == "-H"] == [
        "x-portkey-api-key: ew_new",
        "x-portkey-provider: @emulator",
        "content-type: application/json",
    ]
    assert json.loads(words[-1])["messages"] == [{"role": "user", "content": "Say this is a test"}]


def test_a_new_key_is_shown_with_the_warning_that_it_is_for_this_once() -> None:
    assert "Key   shown here only" in banner(FIRST)


def test_an_old_key_is_asked_for_by_its_variable() -> None:
    said = banner(AGAIN)

    assert "x-portkey-api-key: $EMBERWAY_API_KEY" in said
    assert "Key   was shown at the first start" in said


def test_a_key_from_the_environment_needs_no_word() -> None:
    assert "Key " not in banner(replace(AGAIN, key_from_environment=True))


def test_a_provider_key_at_hand_adds_the_call_to_the_real_provider() -> None:
    _, real = commands(banner(replace(FIRST, provider_key_at_hand=True)))

    assert "x-portkey-provider: fireworks-ai" in real
    assert "Authorization: Bearer $FIREWORKS_API_KEY" in real


@pytest.mark.parametrize("provider_key_at_hand", [False, True])
def test_in_front_of_the_emulator_the_providers_own_name_is_used(provider_key_at_hand: bool) -> None:
    (words,) = commands(banner(replace(FIRST, emulated=True, provider_key_at_hand=provider_key_at_hand)))

    assert "x-portkey-provider: fireworks-ai" in words
    assert not any("Authorization" in word for word in words)


def test_a_master_key_made_just_now_is_mentioned_once() -> None:
    assert "master.key was made there just now" in banner(FIRST)
    assert "master.key" not in banner(AGAIN)


def test_a_gateway_that_keeps_nothing_says_so() -> None:
    assert "Data  nothing is kept (--ephemeral)" in banner(replace(FIRST, folder=None, new_master_key=None))


def test_the_last_word_is_how_to_stop() -> None:
    assert banner(FIRST).endswith("\n\nCtrl-C to stop")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("10.0.0.5", "http://10.0.0.5:80"),
    ],
)
def test_an_address_for_all_is_shown_as_one_that_can_be_called(host: str, url: str) -> None:
    assert url_of(host, 80) == url
    assert reachable(host) in url
