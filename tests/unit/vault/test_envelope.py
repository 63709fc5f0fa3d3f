from __future__ import annotations

import pytest

from emberway.vault.envelope import Envelope, Parts, assembled, key_id_of, parts_of

PARTS = Parts("0123456789abcdef", b"w" * 12, b"k" * 48, b"n" * 12, b"c" * 16)
WHOLE = b"\x01" + bytes.fromhex("0123456789abcdef") + b"w" * 12 + b"k" * 48 + b"n" * 12 + b"c" * 16


def test_an_envelope_begins_with_its_version_and_the_id_of_its_master_key() -> None:
    assert assembled(PARTS) == WHOLE
    assert parts_of(Envelope(WHOLE)) == PARTS
    assert key_id_of(Envelope(WHOLE)) == "0123456789abcdef"


@pytest.mark.parametrize("data", [b"", b"\x01", WHOLE[:-1], b"\x00" + WHOLE[1:], b"\x02" + WHOLE[1:]])
def test_what_is_too_short_or_of_another_version_is_no_envelope(data: bytes) -> None:
    assert parts_of(Envelope(data)) is None
    assert key_id_of(Envelope(data)) is None
