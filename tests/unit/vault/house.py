"""A vault whose processes can die between any two writes: the key file, the proof and the secrets."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, assert_never

from tests.unit.vault.parts import drawer

from emberway.secret import Secret
from emberway.vault.cipher import ENTROPY_BYTES, Place, seal, unseal
from emberway.vault.envelope import Envelope, key_id_of
from emberway.vault.key_file import begin_rotation, end_rotation, kept_ring, make_ring
from emberway.vault.keyring import KeyRing
from emberway.vault.proof import may_seal, proof
from emberway.vault.rotation import (
    Command,
    ReadProof,
    ReadSecrets,
    ReplaceProof,
    ReplaceSecrets,
    Rotated,
    Sealed,
    rotation,
)


class Disk:
    """Outlives every process. A write is whole or has not happened, like those of the data folder and the database."""

    path = Path("/data")

    def __init__(self) -> None:
        self.draw = drawer()
        self.files: dict[str, bytes] = {}
        self.secrets: dict[Place, Envelope] = {}
        self.proof = proof(make_ring(self, self.draw), self.draw(ENTROPY_BYTES))

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, content: bytes) -> None:
        self.files[name] = content

    def ring(self) -> KeyRing:
        """What the key file holds now."""
        found = kept_ring(self)
        assert found is not None
        return found

    def wanted(self) -> set[str]:
        return {key_id_of(envelope) or "none" for envelope in (self.proof, *self.secrets.values())}

    def carry_out(self, command: Command) -> Any:
        """The part of the database, in one transaction."""
        match command:
            case ReadProof():
                return self.proof
            case ReplaceProof(old, new):
                self.proof = new if self.proof == old else self.proof
                return None
            case ReadSecrets(other_than, after, limit):
                following = [
                    Sealed(place, self.secrets[place])
                    for place in sorted(self.secrets, key=str)
                    if key_id_of(self.secrets[place]) != other_than and (after is None or str(place) > str(after.place))
                ]
                return following[: min(limit, 3)]
            case ReplaceSecrets(replacements):
                still = [(each, new) for each, new in replacements if self.secrets.get(each.place) == each.envelope]
                self.secrets |= {each.place: new for each, new in still}
                return len(still)
            case _:
                assert_never(command)


def place_of(number: int) -> Place:
    return Place("org_1", f"ws_{number % 3}", "virtual_key.key", f"vk_{number:03}", 1)


def text_of(number: int) -> str:
    return f"fw_secret-number-{number}"


class Writer:
    """A gateway that holds a ring in memory, and stores secrets as ``proof.may_seal`` says."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._ring = disk.ring()

    def store(self, number: int) -> None:
        if not may_seal(self._ring, self._disk.proof):
            self._ring = self._disk.ring()
        if may_seal(self._ring, self._disk.proof):
            place, entropy = place_of(number), self._disk.draw(ENTROPY_BYTES)
            self._disk.secrets[place] = seal(self._ring, Secret(text_of(number)), place, entropy)


Process = Generator[None, None, Rotated]
"""Stops where it may be killed (by being closed), or another one come in between."""


def rotate(disk: Disk) -> Process:
    """What ``emberway vault rotate`` does."""
    yield
    ring = begin_rotation(disk, disk.draw)
    yield
    result = yield from finish(disk, ring)
    end_rotation(disk, disk.wanted)
    yield
    return result


def finish(disk: Disk, ring: KeyRing) -> Process:
    """The part of a rotation between the two changes of the key file."""
    flow, answer = rotation(ring, disk.draw), None
    while True:
        try:
            command = flow.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        yield
        answer = disk.carry_out(command)
        yield


def run(process: Process) -> Rotated:
    """To its end."""
    while True:
        try:
            next(process)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def contents(disk: Disk, ring: KeyRing) -> dict[str, str]:
    """Every secret, opened."""
    return {place.record: unseal(ring, envelope, place).reveal() for place, envelope in disk.secrets.items()}
