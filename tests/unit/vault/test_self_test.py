from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from tests.unit.vault.parts import drawer

from emberway.errors import VaultLocked
from emberway.secret import Secret
from emberway.vault import self_test as module
from emberway.vault.envelope import Envelope
from emberway.vault.self_test import SelfTestFailed, self_test


@pytest.mark.parametrize("draw", [os.urandom, drawer()])
def test_a_sound_machine_passes(draw: Callable[[int], bytes]) -> None:
    self_test(draw)


@pytest.mark.parametrize("draw", [bytes, lambda length: bytes(range(length)), lambda length: os.urandom(length - 1)])
def test_a_source_of_chance_that_repeats_itself_or_gives_too_little_stops_the_start(
    draw: Callable[[int], bytes],
) -> None:
    with pytest.raises(SelfTestFailed, match="source of random bytes"):
        self_test(draw)


def refuse(*_: object) -> Secret:
    raise VaultLocked("a known envelope")


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("seal", lambda *_: Envelope(b"\x01" * 119)),
        ("unseal", lambda *_: Secret("something else")),
        ("unseal", refuse),
    ],
)
def test_a_library_that_encrypts_otherwise_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, broken: Callable[..., object]
) -> None:
    monkeypatch.setattr(module, name, broken)

    with pytest.raises(SelfTestFailed, match="does not encrypt as it should"):
        self_test(os.urandom)
