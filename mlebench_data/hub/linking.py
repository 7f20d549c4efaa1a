"""A second tree of the same files: hard links where they are safe, copies elsewhere."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

FOLDER_MODE = 0o755
"""Permissions of the folders of a public tree, whatever the umask."""

_WORKERS = 2

NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""Errors after which a copy does instead: another file system, one without hard links, files of
another user, or a file that has as many links as the file system counts."""

_NO_CLONE = (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM)


@dataclass
class _Folder:
    """One folder, and the names of the files in it."""

    source: str
    target: str
    files: list[str] = field(default_factory=list)


def link_tree(source: Path, target: Path, *, link: bool = True, is_read_only: bool = False) -> None:
    """Make `target` a tree of the same files as `source`.

    A file that nobody may write is linked: it takes no space and no time. One with write permission
    is copied, or who writes into one tree would change the other.

    Parameters
    ----------
    source : pathlib.Path
        A tree of folders and regular files.
    target : pathlib.Path
        An empty folder.
    link : bool
        False copies all files.
    is_read_only : bool
        Whether it is known that nobody may write any of the files: that need not be looked up.

    Raises
    ------
    OSError
        If a file cannot be read or written.
    """
    folders: list[_Folder] = []
    _walk(str(source), str(target), folders)
    work = partial(_link_folder, is_read_only=is_read_only) if link else _copy_folder
    with ThreadPoolExecutor(_WORKERS) as pool:
        for _ in pool.map(work, folders):
            pass


def _walk(source: str, target: str, folders: list[_Folder]) -> None:
    """List all files, and make all folders."""
    here = _Folder(source, target)
    folders.append(here)
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner = f"{target}/{entry.name}"
                os.mkdir(inner)  # noqa: PTH102 - many, and already strings
                os.chmod(inner, FOLDER_MODE)  # noqa: PTH101
                _walk(f"{source}/{entry.name}", inner, folders)
            else:
                here.files.append(entry.name)


def _link_folder(folder: _Folder, *, is_read_only: bool) -> None:
    # Names are looked up from here, not from the root each time.
    source = os.open(folder.source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    target = os.open(folder.target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in folder.files:
            if not is_read_only and _mode(folder, name) & 0o222:
                _copy(folder, name)
                continue
            try:
                os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                _copy(folder, name)
    finally:
        os.close(source)
        os.close(target)


def _copy_folder(folder: _Folder) -> None:
    for name in folder.files:
        _copy(folder, name)


def _mode(folder: _Folder, name: str) -> int:
    return os.stat(f"{folder.source}/{name}", follow_symlinks=False).st_mode  # noqa: PTH116


def _copy(folder: _Folder, name: str) -> None:
    copy_file(f"{folder.source}/{name}", f"{folder.target}/{name}", _mode(folder, name))


def link_or_copy(source: str, target: str) -> None:
    """Make one file appear a second time: a hard link, or a copy where links do not go.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it cannot be read or written.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        status = os.stat(source, follow_symlinks=False)  # noqa: PTH116
        copy_file(source, target, status.st_mode, times=(status.st_atime_ns, status.st_mtime_ns))


def copy_file(source: str, target: str, mode: int, *, times: tuple[int, int] | None = None) -> None:
    """Copy one file; file systems that can share its blocks do.

    Parameters
    ----------
    source, target : str
        Paths; there must be no file at `target`.
    mode : int
        Permissions of the copy.
    times : tuple of int, optional
        Its access and modification time in ns.
    """
    with open(source, "rb", buffering=0) as reader:  # noqa: PTH123
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as writer:
            try:
                while os.copy_file_range(reader.fileno(), writer.fileno(), 1 << 30):
                    pass
            except OSError as error:
                if error.errno not in _NO_CLONE:
                    raise
                shutil.copyfileobj(reader, writer, 1 << 20)
            os.fchmod(descriptor, stat.S_IMODE(mode))
            if times is not None:
                os.utime(descriptor, ns=times)
