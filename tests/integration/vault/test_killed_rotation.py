"""A process that rotates the master key is killed for good, before each call by which it makes a write last."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.vault.kept import KeptDisk
from tests.unit.vault.house import Writer, contents, place_of, rotate, run, text_of

from emberway.accounts.data_folder import open_folder
from emberway.vault.proof import check

ROOT = Path(__file__).parents[3]
SECRETS = {place_of(number).record: text_of(number) for number in range(3)}
CALLS = 12
"""The key file, the proof, the secrets, the key file: each a draft made to last, a rename, and that made to last."""


def killed_rotation(folder: Path, call: int) -> int:
    command = [sys.executable, "-m", "tests.integration.vault.kept", str(folder), str(call)]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode


@pytest.mark.parametrize("call", range(1, CALLS + 2))
def test_a_killed_rotation_loses_no_secret_and_is_ended_by_starting_it_again(tmp_path: Path, call: int) -> None:
    folder = tmp_path / "data"
    with open_folder(folder) as opened:
        disk = KeptDisk(opened)
        writer = Writer(disk)
        for number in range(len(SECRETS)):
            writer.store(number)
        disk.save()
        old = disk.ring().current.id

    status = killed_rotation(folder, call)

    assert status == (-signal.SIGKILL if call <= CALLS else 0)
    with open_folder(folder) as opened:
        disk = KeptDisk(opened)
        check(disk.ring(), disk.proof)
        assert contents(disk, disk.ring()) == SECRETS
        run(rotate(disk))
        assert contents(disk, disk.ring()) == SECRETS
        assert disk.ring().older == ()
        assert old not in disk.wanted() | {*disk.ring().ids}
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
