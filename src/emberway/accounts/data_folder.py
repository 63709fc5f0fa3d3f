"""The folder where keys and data live, opened so that no other user can read it or lead us elsewhere."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MOST_BYTES = 1 << 20
"""Far more than any file here has; a device or a mistake must not fill the memory."""


class FolderProblem(Exception):
    """The data folder cannot be used; the message says what to do about it."""


class DataFolder:
    """Small files in one folder, read and replaced as a whole. Symbolic links are never followed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def read(self, name: str) -> bytes | None:
        """The file's content, ``None`` if there is none; FolderProblem if others could have read or written it."""
        # O_NONBLOCK: opening a pipe would wait for its other end.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FolderProblem(f"{self.path / name} cannot be read: {_reason(error)}.") from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise FolderProblem(f"{self.path / name} is not a file.")
            _refuse_if_shared(self.path / name, status, "600")
            return os.read(descriptor, _MOST_BYTES)
        finally:
            os.close(descriptor)

    def write(self, name: str, content: bytes) -> None:
        """Put ``content`` in the place of the file, mode 0600: a crash leaves the old or the new one, whole."""
        draft = f".{name}.{secrets.token_hex(4)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(draft, flags, 0o600, dir_fd=self._descriptor), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.rename(draft, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            os.fsync(self._descriptor)
        except OSError as error:
            raise FolderProblem(f"{self.path / name} cannot be written: {_reason(error)}.") from None


@contextmanager
def open_folder(path: Path) -> Iterator[DataFolder]:
    """The folder at ``path``, made with mode 0700 where there is none, locked against another start meanwhile."""
    path = path.absolute()
    descriptor = _descriptor_of(path)
    try:
        _refuse_if_shared(path, os.fstat(descriptor), "700")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield DataFolder(path, descriptor)
    finally:
        os.close(descriptor)


def _descriptor_of(path: Path) -> int:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise FolderProblem(f"The data folder {path} cannot be used: {_reason(error)}.") from None


def _refuse_if_shared(path: Path, status: os.stat_result, mode: str) -> None:
    if status.st_uid != os.geteuid():
        raise FolderProblem(f"{path} belongs to another user (id {status.st_uid}): use a folder of your own.")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise FolderProblem(f"Other users of this machine can get at {path}: run `chmod {mode} {path}`.")


def _reason(error: OSError) -> str:
    # With O_NOFOLLOW a symbolic link is ELOOP, with O_DIRECTORY ENOTDIR: neither says so.
    if error.errno in {errno.ELOOP, errno.ENOTDIR}:
        return "it is, or lies in, a symbolic link or a file"
    return error.strerror or str(error)
