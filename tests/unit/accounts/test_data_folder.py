from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emberway.accounts.data_folder import FolderProblem, open_folder


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("any_umask")
def test_the_folder_and_its_files_are_for_this_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    with open_folder(tmp_path / "data") as folder:
        folder.write("a", b"1")

    assert mode_of(tmp_path / "data") == 0o700
    assert mode_of(tmp_path / "data/a") == 0o600


def test_a_file_is_replaced_as_a_whole_and_leaves_no_draft(tmp_path: Path) -> None:
    with open_folder(tmp_path / "data") as folder:
        folder.write("a", b"a long first content")
        folder.write("a", b"short")

        assert folder.read("a") == b"short"
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["a"]


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    with open_folder(tmp_path / "data") as folder:
        assert folder.read("a") is None


def test_a_folder_open_to_others_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)

    with pytest.raises(FolderProblem, match=f"run `chmod 700 {tmp_path}/data`"), open_folder(tmp_path / "data"):
        pass


def test_a_file_open_to_others_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    with open_folder(tmp_path / "data") as folder:
        folder.write("a", b"1")
        (tmp_path / "data/a").chmod(0o640)

        with pytest.raises(FolderProblem, match=f"run `chmod 600 {tmp_path}/data/a`"):
            folder.read("a")


def test_a_symbolic_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "data").symlink_to(tmp_path / "real")

    with pytest.raises(FolderProblem, match="symbolic link"), open_folder(tmp_path / "data"):
        pass


def test_a_symbolic_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"somebody's")
    with open_folder(tmp_path / "data") as folder:
        (tmp_path / "data/a").symlink_to(tmp_path / "secret")

        with pytest.raises(FolderProblem, match="symbolic link"):
            folder.read("a")
        folder.write("a", b"ours")

    assert (tmp_path / "secret").read_bytes() == b"somebody's"
    assert not (tmp_path / "data/a").is_symlink()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_folder_or_a_pipe_in_place_of_a_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    with open_folder(tmp_path / "data") as folder:
        make(tmp_path / "data/a")

        with pytest.raises(FolderProblem, match="is not a file"):
            folder.read("a")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")

    with pytest.raises(FolderProblem, match="cannot be used"), open_folder(tmp_path / "data"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    os.chown(tmp_path / "data", 12345, -1)

    with pytest.raises(FolderProblem, match="belongs to another user"), open_folder(tmp_path / "data"):
        pass
