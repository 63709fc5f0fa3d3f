"""A vault in a real data folder, and a process that rotates its key and is killed on the way.

Run as ``python -m tests.integration.vault.kept FOLDER N``: SIGKILL comes before call number N of those that make a
write last, fsync and rename.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import astuple
from itertools import count
from pathlib import Path
from typing import Any

from tests.unit.vault.house import Disk, rotate, run

from emberway.accounts.data_folder import DataFolder, open_folder
from emberway.vault.cipher import ENTROPY_BYTES, Place
from emberway.vault.envelope import Envelope
from emberway.vault.key_file import make_ring
from emberway.vault.proof import proof
from emberway.vault.rotation import Command, ReplaceProof, ReplaceSecrets

RECORDS = "vault.json"


class KeptDisk(Disk):
    """In the place of the database a file: replaced as a whole, as a transaction would."""

    def __init__(self, folder: DataFolder) -> None:
        self.path, self.draw, self._folder = folder.path, os.urandom, folder
        content = folder.read(RECORDS)
        if content is None:
            self.secrets, self.proof = {}, proof(make_ring(self, self.draw), self.draw(ENTROPY_BYTES))
            self.save()
            return
        held = json.loads(content)
        self.proof = Envelope(bytes.fromhex(held["proof"]))
        self.secrets = {Place(*place): Envelope(bytes.fromhex(envelope)) for place, envelope in held["secrets"]}

    def read(self, name: str) -> bytes | None:
        return self._folder.read(name)

    def write(self, name: str, content: bytes) -> None:
        self._folder.write(name, content)

    def save(self) -> None:
        secrets = [(astuple(place), envelope.hex()) for place, envelope in self.secrets.items()]
        self._folder.write(RECORDS, json.dumps({"proof": self.proof.hex(), "secrets": secrets}).encode())

    def carry_out(self, command: Command) -> Any:
        answer = super().carry_out(command)
        if isinstance(command, ReplaceProof | ReplaceSecrets):
            self.save()
        return answer


def die_before(call: int) -> None:
    """Have this process killed before that call of fsync or rename, counted from 1."""
    calls = count(1)

    def counted(function: Any) -> Any:
        def counting(*arguments: Any, **named: Any) -> Any:
            if next(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return counting

    os.fsync, os.rename = counted(os.fsync), counted(os.rename)


def main(folder: str, call: str) -> None:
    with open_folder(Path(folder)) as opened:
        disk = KeptDisk(opened)
        die_before(int(call))
        run(rotate(disk))


if __name__ == "__main__":
    main(*sys.argv[1:])
