from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.vault.parts import carried, written

from emberway.accounts.data_folder import DataFolder, FolderProblem, open_folder
from emberway.vault.key_file import FILE_NAME, begin_rotation, end_rotation, kept_ring, make_ring
from emberway.vault.master_key import MasterKeyProblem


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    with open_folder(tmp_path / "data") as opened:
        yield opened


def content(folder: DataFolder) -> str:
    return (folder.path / FILE_NAME).read_text()


def test_the_file_holds_one_key_in_base64_for_this_user_alone(folder: DataFolder) -> None:
    made = make_ring(folder, os.urandom)

    assert content(folder) == made.current.text().reveal() + "\n"
    assert stat.S_IMODE((folder.path / FILE_NAME).stat().st_mode) == 0o600
    kept = kept_ring(folder)
    assert kept is not None
    assert kept.ids == made.ids


def test_there_may_be_no_file(folder: DataFolder) -> None:
    assert kept_ring(folder) is None


def test_a_file_that_an_earlier_release_wrote_is_a_ring_of_one_key(folder: DataFolder) -> None:
    folder.write("master.key", written(1).encode() + b"\n")

    kept = kept_ring(folder)
    assert kept is not None
    assert [key.text().reveal() for key in kept.keys] == [written(1)]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_can_read_or_write_is_refused(folder: DataFolder, mode: int) -> None:
    make_ring(folder, os.urandom)
    (folder.path / FILE_NAME).chmod(mode)

    with pytest.raises(FolderProblem, match=r"run `chmod 600 .*master\.key`"):
        kept_ring(folder)


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", b"hush-hush-hush\n"])
def test_a_damaged_file_is_named_and_neither_shown_nor_replaced(folder: DataFolder, damage: bytes) -> None:
    folder.write(FILE_NAME, damage)

    for use in (kept_ring, lambda damaged: begin_rotation(damaged, os.urandom)):
        with pytest.raises(MasterKeyProblem, match=r"data/master\.key must be base64 of exactly 32") as raised:
            use(folder)
        assert "hush" not in str(raised.value)
    assert (folder.path / FILE_NAME).read_bytes() == damage


def test_a_rotation_begins_with_a_new_first_line_and_begins_once(folder: DataFolder) -> None:
    old = make_ring(folder, os.urandom)

    begun = begin_rotation(folder, os.urandom)
    again = begin_rotation(folder, os.urandom)

    assert begun.older[0].id == old.current.id
    assert begun.current.id != old.current.id
    assert again.ids == begun.ids
    assert content(folder).splitlines() == [key.text().reveal() for key in begun.keys]


def test_a_rotation_ends_with_the_new_line_alone_once_nothing_wants_the_old_one(folder: DataFolder) -> None:
    make_ring(folder, os.urandom)
    begun = begin_rotation(folder, os.urandom)

    assert end_rotation(folder, lambda: begun.ids).ids == begun.ids
    assert end_rotation(folder, lambda: {begun.current.id}).ids == (begun.current.id,)
    assert content(folder) == begun.current.text().reveal() + "\n"


def test_a_rotation_that_is_over_is_not_ended_twice(folder: DataFolder) -> None:
    make_ring(folder, os.urandom)
    before = (folder.path / FILE_NAME).stat()

    end_rotation(folder, lambda: ())

    assert (folder.path / FILE_NAME).stat() == before


def test_a_slow_rotation_does_not_drop_the_key_of_a_later_one(folder: DataFolder) -> None:
    make_ring(folder, os.urandom)
    slow = begin_rotation(folder, os.urandom)
    end_rotation(folder, lambda: {slow.current.id})
    later = begin_rotation(folder, os.urandom)

    end_rotation(folder, lambda: {slow.current.id, later.current.id})

    kept = kept_ring(folder)
    assert kept is not None
    assert kept.ids == later.ids


def test_a_key_that_is_kept_elsewhere_is_not_rotated_here(folder: DataFolder) -> None:
    with pytest.raises(MasterKeyProblem, match=r"holds no master\.key"):
        begin_rotation(folder, os.urandom)

    assert [*folder.path.iterdir()] == []


class Full:
    """A folder on a disk without room."""

    path = Path("/data")

    def read(self, name: str) -> bytes:
        return written(1).encode()

    def write(self, name: str, content: bytes) -> None:
        raise FolderProblem(f"{name} cannot be written: No space left on device.")


def test_a_rotation_that_cannot_be_written_down_carries_no_key_in_its_error() -> None:
    with pytest.raises(FolderProblem) as raised:
        begin_rotation(Full(), os.urandom)

    assert written(1)[:12] not in "\n".join(carried(raised.value))
