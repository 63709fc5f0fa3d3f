from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.vault.gcm import gcm, hkdf
from tests.unit.vault.parts import PLACE, PLAIN, carried, draw, key_bytes, ring, sealed, shapes

from emberway.errors import VaultLocked
from emberway.secret import Secret
from emberway.vault.cipher import ENTROPY_BYTES, Place, rewrap, seal, unseal
from emberway.vault.envelope import Envelope, Parts, assembled, key_id_of, parts_of
from emberway.vault.keyring import KeyRing
from emberway.vault.master_key import MasterKey

DATA = Path(__file__).parents[2] / "data/vault/envelopes-v1.json"
KNOWN = json.loads(DATA.read_text("utf-8"))

OTHER_PLACES = [
    replace(PLACE, organisation="org_2"),
    replace(PLACE, workspace="ws_2"),
    replace(PLACE, workspace=None),
    replace(PLACE, workspace=""),
    replace(PLACE, kind="config.key"),
    replace(PLACE, record="vk_2"),
    replace(PLACE, version=0),
    replace(PLACE, version=2),
    Place("org_1w", "s_1", "virtual_key.key", "vk_1", 1),
    Place("org_1", "ws_1", "virtual_key.keyv", "k_1", 1),
]
WORDS = "A stored secret that this call needs cannot be opened. The gateway's log names it."

texts = st.text(st.characters(codec=None), max_size=40)
"""With the halves of surrogate pairs that no encoding takes."""
places = st.builds(Place, texts, st.none() | texts, texts, texts, st.integers(0, 2**64 - 1))


def opens(keys: KeyRing, envelope: bytes, place: Place = PLACE) -> bool:
    """Whether it opens; if not, it is refused in the one way and in the same words."""
    refusal: VaultLocked | None = None
    try:
        unseal(keys, Envelope(envelope), place)
    except VaultLocked as error:
        refusal = error
    assert refusal is None or (refusal.message, refusal.code, refusal.status) == (WORDS, "vault_locked", 503)
    return refusal is None


@given(texts, places, st.binary(min_size=32, max_size=32), st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES))
def test_what_was_sealed_comes_back_in_its_place(text: str, place: Place, key: bytes, entropy: bytes) -> None:
    keys = KeyRing((MasterKey(key),))

    assert unseal(keys, seal(keys, Secret(text), place, entropy), place).reveal() == text


@pytest.mark.parametrize(
    ("key", "nonce", "plain", "associated", "result"),
    [
        # The GCM specification of McGrew and Viega, test cases 13, 14 and 16.
        ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
        ("00" * 32, "00" * 12, "00" * 16, "", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        (
            "feffe9928665731c6d6a8f9467308308" * 2,
            "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ],
)
def test_the_measure_that_the_cipher_is_held_against_is_true_itself(
    key: str, nonce: str, plain: str, associated: str, result: str
) -> None:
    assert gcm(*map(bytes.fromhex, (key, nonce, plain, associated))).hex() == result


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known["about"])
def test_an_envelope_is_what_the_standards_make_of_its_parts(known: dict[str, str]) -> None:
    master, entropy = bytes.fromhex(known["master_key"]), bytes.fromhex(known["entropy"])
    key_id, spelled = hkdf(master, b"vault-key-id")[:8], bytes.fromhex(known["place_spelled"])
    data_key, wrap_nonce, nonce = entropy[:32], entropy[32:44], entropy[44:]

    wrapped = gcm(hkdf(master, b"vault-wrap"), wrap_nonce, data_key, b"\x01wrap" + key_id + spelled)
    ciphertext = gcm(data_key, nonce, known["secret"].encode(), b"\x01data" + spelled)

    assert (b"\x01" + key_id + wrap_nonce + wrapped + nonce + ciphertext).hex() == known["envelope"]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known["about"])
def test_an_envelope_of_the_first_release_is_made_and_opened_the_same_in_every_later_one(known: dict[str, str]) -> None:
    keys, place = KeyRing((MasterKey(bytes.fromhex(known["master_key"])),)), Place(*known["place"])  # type: ignore[arg-type]
    envelope = Envelope(bytes.fromhex(known["envelope"]))

    assert unseal(keys, envelope, place).reveal() == known["secret"]
    assert seal(keys, Secret(known["secret"]), place, bytes.fromhex(known["entropy"])) == envelope


def test_no_bit_of_an_envelope_can_be_flipped() -> None:
    keys = ring(1, 2)
    envelope = sealed(keys)

    for bit in range(8 * len(envelope)):
        changed = bytearray(envelope)
        changed[bit // 8] ^= 1 << bit % 8
        assert not opens(keys, bytes(changed)), f"bit {bit}"


def test_no_byte_of_an_envelope_can_be_cut_off_or_added() -> None:
    keys = ring(1)
    envelope = sealed(keys)

    assert not any(opens(keys, envelope[:length]) for length in range(len(envelope)))
    assert not any(opens(keys, changed) for changed in (envelope + b"\0", b"\1" + envelope, envelope[1:], envelope * 2))


@given(st.binary(max_size=200))
def test_bytes_that_are_no_envelope_are_refused_in_the_same_words(data: bytes) -> None:
    assert not opens(ring(1), data)
    assert not opens(ring(1), b"\1" + bytes.fromhex(ring(1).current.id) + data)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_an_envelope_of_an_unknown_version_is_refused(version: int) -> None:
    keys = ring(1)

    assert not opens(keys, bytes([version]) + sealed(keys)[1:])


@pytest.mark.parametrize("place", OTHER_PLACES, ids=str)
def test_an_envelope_opens_in_no_other_place(place: Place) -> None:
    keys = ring(1)

    assert not opens(keys, sealed(keys), place)
    assert not opens(keys, sealed(keys, place))


@given(places, places)
def test_no_two_places_are_taken_for_each_other(one: Place, other: Place) -> None:
    assume(one != other)
    keys = ring(1)

    assert not opens(keys, sealed(keys, one), other)


@given(st.text(max_size=6), st.data())
def test_a_place_whose_texts_are_cut_elsewhere_is_another_place(text: str, data: st.DataObject) -> None:
    cuts = st.lists(st.integers(0, len(text)), min_size=3, max_size=3).map(sorted)
    one, other = (Place(text[:a], text[a:b], text[b:c], text[c:], 1) for a, b, c in (data.draw(cuts), data.draw(cuts)))
    keys = ring(1)

    assert opens(keys, sealed(keys, one), other) is (one == other)


def test_of_fifty_envelopes_none_opens_in_the_place_of_another() -> None:
    keys = ring(1)
    records = [Place(f"org_{n % 3}", f"ws_{n % 7}", "virtual_key.key", f"vk_{n}", 1) for n in range(50)]
    envelopes = {place: sealed(keys, place) for place in records}

    assert all(opens(keys, envelopes[place], place) for place in records)
    assert not any(opens(keys, envelopes[one], other) for one, other in permutations(records, 2))


@pytest.mark.parametrize("other", [PLACE, replace(PLACE, version=2), replace(PLACE, record="vk_2")], ids=str)
def test_an_envelope_put_together_from_two_opens_nowhere(other: Place) -> None:
    keys = ring(1)
    pair = [parts_of(sealed(keys)), parts_of(sealed(keys, other, "fw_another-secret"))]
    assert pair[0] is not None
    assert pair[1] is not None

    for choice in product((0, 1), repeat=4):
        mixed = Parts(keys.current.id, *(pair[index][part] for part, index in enumerate(choice, 1)))
        for place in (PLACE, other):
            expected = (place == PLACE and choice == (0, 0, 0, 0)) or (place == other and choice == (1, 1, 1, 1))
            assert opens(keys, assembled(mixed), place) is expected


def test_another_master_key_opens_nothing_even_under_the_id_of_the_right_one() -> None:
    envelope = parts_of(sealed(ring(1)))
    assert envelope is not None

    assert not opens(ring(2), assembled(envelope))
    assert not opens(ring(2), assembled(envelope._replace(key_id=ring(2).current.id)))
    assert not opens(ring(2, 1), assembled(envelope._replace(key_id=ring(2).current.id)))


def test_the_current_key_seals_and_the_older_ones_still_open() -> None:
    old = sealed(ring(1))

    assert opens(ring(2, 1), old)
    assert key_id_of(sealed(ring(2, 1))) == ring(2).current.id


def test_every_random_byte_counts_and_serves_one_purpose() -> None:
    def parts(entropy: bytes) -> Parts:
        found = parts_of(seal(ring(1), Secret(PLAIN), PLACE, entropy))
        assert found is not None
        return found

    entropy = bytes(range(ENTROPY_BYTES))
    usual = parts(entropy)
    assert (usual.wrap_nonce, usual.nonce) == (entropy[32:44], entropy[44:])
    for index in range(ENTROPY_BYTES):
        changed = parts(entropy[:index] + b"\xff" + entropy[index + 1 :])
        same = {name for name in Parts._fields if getattr(changed, name) == getattr(usual, name)}
        assert same == {"key_id"} | (
            {"wrap_nonce", "nonce"}
            if index < 32
            else {"nonce", "ciphertext"}
            if index < 44
            else {"wrap_nonce", "wrapped_key"}
        )


@pytest.mark.parametrize("length", [0, ENTROPY_BYTES - 1, ENTROPY_BYTES + 1])
def test_nothing_is_sealed_with_too_few_or_too_many_random_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="sealing takes 56 random bytes"):
        seal(ring(1), Secret(PLAIN), PLACE, bytes(length))


def test_rewrapping_moves_the_data_key_to_the_current_master_key_and_leaves_the_secret_sealed() -> None:
    old = sealed(ring(1))

    new = rewrap(ring(2, 1), old, PLACE, draw(12))

    assert unseal(ring(2), new, PLACE).reveal() == PLAIN
    assert not opens(ring(1), new)
    before, after = parts_of(old), parts_of(new)
    assert before is not None
    assert after is not None
    assert (after.nonce, after.ciphertext) == (before.nonce, before.ciphertext)
    assert after.wrap_nonce != before.wrap_nonce
    assert after.wrapped_key != before.wrapped_key


def test_rewrapping_what_has_the_current_key_already_changes_nothing() -> None:
    envelope = sealed(ring(2, 1))

    assert rewrap(ring(2, 1), envelope, PLACE, draw(12)) is envelope


@given(places, places, texts)
def test_rewrapping_keeps_an_envelope_in_its_place(place: Place, other: Place, text: str) -> None:
    assume(place != other)
    envelope = sealed(ring(1), place, text)

    assert unseal(ring(2), rewrap(ring(2, 1), envelope, place, draw(12)), place).reveal() == text
    with pytest.raises(VaultLocked):
        rewrap(ring(2, 1), envelope, other, draw(12))


def test_rewrapping_refuses_a_changed_data_key_in_the_same_words() -> None:
    envelope = sealed(ring(1))

    for byte in range(69):  # version, key id, nonce and wrapped key
        changed = bytearray(envelope)
        changed[byte] ^= 1
        with pytest.raises(VaultLocked) as raised:
            rewrap(ring(2, 1), Envelope(bytes(changed)), PLACE, draw(12))
        assert raised.value.message == WORDS


@pytest.mark.parametrize("length", [0, 11, 13])
def test_nothing_is_rewrapped_under_a_nonce_of_another_length(length: int) -> None:
    with pytest.raises(ValueError, match="re-wrapping takes 12 random bytes"):
        rewrap(ring(2, 1), sealed(ring(1)), PLACE, bytes(length))


def test_a_refusal_names_place_and_key_for_the_log_and_never_for_the_client() -> None:
    envelope = sealed(ring(1))

    with pytest.raises(VaultLocked) as raised:
        unseal(ring(2), envelope, PLACE)
    with pytest.raises(VaultLocked) as no_envelope:
        unseal(ring(2), Envelope(b""), replace(PLACE, workspace=None))

    assert (
        raised.value.about
        == f"virtual_key.key vk_1 version 1 of org_1/ws_1, sealed with master key {ring(1).current.id}"
    )
    assert no_envelope.value.about == "virtual_key.key vk_1 version 1 of org_1, which is no envelope of ours"
    assert str(raised.value) == WORDS


def test_a_refusal_carries_neither_keys_nor_secrets_in_its_frames() -> None:
    damaged = sealed(ring(1))[:-1] + b"\0"  # the data key opens, the secret does not

    with pytest.raises(VaultLocked) as opening:
        unseal(ring(1), Envelope(damaged), PLACE)
    with pytest.raises(VaultLocked) as rewrapping:
        rewrap(ring(2, 1), sealed(ring(1)), OTHER_PLACES[0], draw(12))

    for error in (opening.value, rewrapping.value):
        seen = "\n".join(carried(error))
        assert PLAIN not in seen
        assert "MasterKey(" in seen
        assert not any(shape in seen for number in (1, 2) for shape in shapes(key_bytes(number)))
        assert "data_key" not in seen
        assert error.__context__ is None
