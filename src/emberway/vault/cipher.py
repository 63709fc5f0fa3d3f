"""Seals a secret into an envelope that opens with the right master key and in its own place only.

Each secret has a data key of its own, so that rotation re-wraps 32 bytes and never touches the secret, and so that no
two secrets can meet under one key and nonce. Both layers are AES-256-GCM. Their associated data names the place, with
the master key's id for the wrapping, so that an envelope that was moved to another record, tenant or field, or brought
back from an older version of its record, does not open there.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emberway.errors import VaultLocked
from emberway.secret import Secret
from emberway.vault.envelope import NONCE_BYTES, VERSION, Envelope, Parts, assembled, parts_of
from emberway.vault.keyring import KeyRing
from emberway.vault.master_key import KEY_BYTES, decrypted

ENTROPY_BYTES = KEY_BYTES + 2 * NONCE_BYTES
"""A data key and two nonces."""

_NONE = b"\xff\xff\xff\xff"
"""In place of a length: no text is that long."""


@dataclass(frozen=True, slots=True)
class Place:
    """The one place where a secret may stand: which field of which version of whose record."""

    organisation: str
    workspace: str | None
    """``None`` for what belongs to the whole organisation."""
    kind: str
    """Table and field: ``virtual_key.key``."""
    record: str
    version: int
    """Of the record; whoever writes another secret there counts it up."""

    def __str__(self) -> str:
        owner = self.organisation if self.workspace is None else f"{self.organisation}/{self.workspace}"
        return f"{self.kind} {self.record} version {self.version} of {owner}"


def seal(ring: KeyRing, secret: Secret, place: Place, entropy: bytes) -> Envelope:
    """``secret``, to be opened in ``place`` alone. ``entropy``: 56 fresh random bytes that serve nothing else."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"sealing takes {ENTROPY_BYTES} random bytes")
    data_key, wrap_nonce, nonce = entropy[:KEY_BYTES], entropy[KEY_BYTES:-NONCE_BYTES], entropy[-NONCE_BYTES:]
    master = ring.current
    wrapped = master.wrap(data_key, wrap_nonce, _of_wrapping(master.id, place))
    # surrogatepass: whatever a text may hold comes back, and no exception carries the secret away.
    ciphertext = AESGCM(data_key).encrypt(nonce, secret.reveal().encode("utf-8", "surrogatepass"), _of_secret(place))
    return assembled(Parts(master.id, wrap_nonce, wrapped, nonce, ciphertext))


def unseal(ring: KeyRing, envelope: Envelope, place: Place) -> Secret:
    """The secret that was sealed for ``place``.

    Raises VaultLocked, in the same words whatever the reason: no such key in the ring, another place, damage.
    """
    secret = _unsealed(ring, envelope, place)
    if secret is None:
        raise VaultLocked(_about(envelope, place))
    return secret


def rewrap(ring: KeyRing, envelope: Envelope, place: Place, nonce: bytes) -> Envelope:
    """The same sealed secret with its data key wrapped by the current master key; ``envelope`` itself if it is so.

    ``nonce``: 12 fresh random bytes. The secret stays sealed meanwhile. Raises VaultLocked like :func:`unseal`.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"re-wrapping takes {NONCE_BYTES} random bytes")
    rewrapped = _rewrapped(ring, envelope, place, nonce)
    if rewrapped is None:
        raise VaultLocked(_about(envelope, place))
    return rewrapped


# These return None and do not raise: an exception carries the frames it came through, and theirs hold the data key.


def _unsealed(ring: KeyRing, envelope: Envelope, place: Place) -> Secret | None:
    if not (parts := parts_of(envelope)) or not (data_key := _data_key(ring, parts, place)):
        return None
    plain = decrypted(AESGCM(data_key), parts.ciphertext, parts.nonce, _of_secret(place))
    return None if plain is None else Secret(plain.decode("utf-8", "surrogatepass"))


def _rewrapped(ring: KeyRing, envelope: Envelope, place: Place, nonce: bytes) -> Envelope | None:
    if not (parts := parts_of(envelope)) or not (data_key := _data_key(ring, parts, place)):
        return None
    master = ring.current
    if parts.key_id == master.id:
        return envelope
    wrapped = master.wrap(data_key, nonce, _of_wrapping(master.id, place))
    return assembled(parts._replace(key_id=master.id, wrap_nonce=nonce, wrapped_key=wrapped))


def _data_key(ring: KeyRing, parts: Parts, place: Place) -> bytes | None:
    master = ring.find(parts.key_id)
    if master is None:
        return None
    return master.unwrap(parts.wrapped_key, parts.wrap_nonce, _of_wrapping(master.id, place))


def _of_wrapping(key_id: str, place: Place) -> bytes:
    return bytes([VERSION]) + b"wrap" + bytes.fromhex(key_id) + _spelled(place)


def _of_secret(place: Place) -> bytes:
    return bytes([VERSION]) + b"data" + _spelled(place)


def _spelled(place: Place) -> bytes:
    """Every text has its length in front: no two places are spelled alike."""
    texts = (place.organisation, place.workspace, place.kind, place.record)
    return b"".join((*map(_measured, texts), place.version.to_bytes(8, "big")))


def _measured(text: str | None) -> bytes:
    if text is None:
        return _NONE
    data = text.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(4, "big") + data


def _about(envelope: Envelope, place: Place) -> str:
    parts = parts_of(envelope)
    return f"{place}, sealed with master key {parts.key_id}" if parts else f"{place}, which is no envelope of ours"
