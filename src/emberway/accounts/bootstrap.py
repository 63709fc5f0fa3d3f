"""Makes or finds the two keys without which nothing starts: the master key and the first admin key."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from emberway.accounts.data_folder import DataFolder, open_folder
from emberway.accounts.keys import ENTROPY_BYTES, KeyRecord, digest, fault_of, make_key, record_of
from emberway.secret import Secret

MASTER_KEY_FILE = "master.key"
API_KEY_FILE = "api-key.json"

_FORMAT = 1
_KEY_BYTES = 32


class KeyProblem(Exception):
    """A key is unusable or does not belong to the data folder; the message says what to do. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What the gateway needs to admit callers, and what the person who started it must be told."""

    pepper: bytes = field(repr=False)
    records: tuple[KeyRecord, ...]
    new_key: Secret | None = None
    """A key that was made just now and is known to nobody else."""
    new_master_key: Path | None = None
    """Where a master key was made just now."""


def in_memory(api_key: Secret | None, master_key: Secret | None, now: datetime) -> Keys:
    """The keys of a gateway that leaves nothing behind."""
    pepper = derive(_decoded(master_key) or os.urandom(_KEY_BYTES), b"api-key")
    chosen = _checked(api_key)
    key = chosen or make_key(os.urandom(ENTROPY_BYTES))
    return Keys(pepper, (record_of(pepper, key, _text(now)),), None if chosen else Secret(key))


def in_folder(path: Path, api_key: Secret | None, master_key: Secret | None, *, new_key: bool, now: datetime) -> Keys:
    """The keys of the gateway whose data is in ``path``; both are made where there are none.

    An ``api_key`` other than the stored one takes its place, and so does the one made for ``new_key``. KeyProblem and
    FolderProblem leave the folder as it was.
    """
    given, chosen = _decoded(master_key), _checked(api_key)
    with open_folder(path) as folder:
        held = _held(folder, given)
        master, stored = held.master or os.urandom(_KEY_BYTES), held.stored
        made = None
        if held.master is None:
            made = folder.path / MASTER_KEY_FILE
            folder.write(MASTER_KEY_FILE, base64.b64encode(master) + b"\n")

        pepper = derive(master, b"api-key")
        if stored is not None and not new_key and (chosen is None or _is(stored.record, pepper, chosen)):
            return Keys(pepper, (stored.record,), None, made)
        key = chosen or make_key(os.urandom(ENTROPY_BYTES))
        record = record_of(pepper, key, _text(now))
        folder.write(API_KEY_FILE, _encoded(derive(master, b"sentinel"), record))
        return Keys(pepper, (record,), None if chosen else Secret(key), made)


def examine(path: Path, api_key: Secret | None, master_key: Secret | None) -> str:
    """What a start would find, in words; changes nothing. KeyProblem or FolderProblem where it would stop."""
    given = _decoded(master_key)
    _checked(api_key)
    if not os.path.lexists(path):
        return f"{path} is made at the first start"
    with open_folder(path) as folder:
        stored = _held(folder, given).stored
    if stored is None:
        return f"{path} holds no API key yet: the first start makes one and shows it"
    return f"{path} holds an API key that ends in {stored.record.last4}, made {stored.record.created_at}"


def derive(master_key: bytes, purpose: bytes) -> bytes:
    """32 bytes for one purpose, from which neither the master key nor another purpose's bytes can be had.

    HKDF-SHA-256 (RFC 5869) without salt, one block long.
    """
    extracted = hmac.digest(bytes(32), master_key, "sha256")
    return hmac.digest(extracted, purpose + b"\x01", "sha256")


@dataclass(frozen=True, slots=True)
class _Stored:
    sentinel: bytes
    """Derived from the master key that the folder was set up with."""
    record: KeyRecord


@dataclass(frozen=True, slots=True)
class _Held:
    """What a folder holds, once it is clear that the two belong together."""

    master: bytes | None
    """``None`` only in a folder that was never set up."""
    stored: _Stored | None


def _held(folder: DataFolder, given: bytes | None) -> _Held:
    stored = _stored(folder)
    master = given or _kept_master_key(folder)
    if stored is not None and master is None:
        raise KeyProblem(
            f"{folder.path} was set up with a master key that is no longer there:"
            f" set EMBERWAY_MASTER_KEY to it, or put {MASTER_KEY_FILE} back."
        )
    if stored and master and not hmac.compare_digest(stored.sentinel, derive(master, b"sentinel")):
        raise KeyProblem(
            f"The master key is not the one that {folder.path} was set up with:"
            " set EMBERWAY_MASTER_KEY to that one, or choose another folder with --data-dir."
        )
    return _Held(master, stored)


def _is(record: KeyRecord, pepper: bytes, key: str) -> bool:
    return hmac.compare_digest(record.digest, digest(pepper, key))


def _decoded(master_key: Secret | None) -> bytes | None:
    return None if master_key is None else _master_key(master_key.reveal(), "EMBERWAY_MASTER_KEY")


def _kept_master_key(folder: DataFolder) -> bytes | None:
    content = folder.read(MASTER_KEY_FILE)
    if content is None:
        return None
    return _master_key(content.decode("ascii", "replace").strip(), str(folder.path / MASTER_KEY_FILE))


def _master_key(text: str, name: str) -> bytes:
    advice = f"{name} must be base64 of exactly {_KEY_BYTES} random bytes, as `openssl rand -base64 32` prints them; "
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise KeyProblem(advice + "this is not base64.") from None
    if len(key) != _KEY_BYTES:
        raise KeyProblem(advice + f"these are {len(key)} bytes.")
    if not any(key):
        raise KeyProblem(advice + "these are all zero.")
    return key


def _checked(api_key: Secret | None) -> str | None:
    if api_key is None:
        return None
    if fault := fault_of(api_key.reveal()):
        raise KeyProblem(f"EMBERWAY_API_KEY {fault}.")
    return api_key.reveal()


def _encoded(sentinel: bytes, record: KeyRecord) -> bytes:
    key = {
        "id": record.id,
        "digest": record.digest.hex(),
        "last4": record.last4,
        "created_at": record.created_at,
    }
    return json.dumps({"format": _FORMAT, "sentinel": sentinel.hex(), "key": key}, indent=2).encode() + b"\n"


def _stored(folder: DataFolder) -> _Stored | None:
    content = folder.read(API_KEY_FILE)
    if content is None:
        return None
    try:
        table: dict[str, Any] = json.loads(content)
        if table["format"] != _FORMAT:
            raise ValueError
        key = table["key"]
        record = KeyRecord(key["id"], bytes.fromhex(key["digest"]), key["last4"], key["created_at"])
        return _Stored(bytes.fromhex(table["sentinel"]), record)
    except (ValueError, KeyError, TypeError):
        raise KeyProblem(
            f"{folder.path / API_KEY_FILE} is damaged or of a later release: put it back from a backup,"
            " or remove it to have a new key made."
        ) from None


def _text(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
