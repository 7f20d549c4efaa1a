"""Opening of files that an agent made, which need not be what their names promise."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from mlebench_data.errors import MlebenchError


class UntrustedFileError(MlebenchError):
    """A file that an agent left is not a plain file."""


def open_untrusted(path: Path) -> BinaryIO:
    """Open a file in a folder that an agent could write, if it is a plain file.

    In its sandbox an agent may leave a symbolic link in place of its submission. For the harness
    that link leads to a file of the host, such as the answers, which a scorer that follows it
    would take for the submission. A pipe in its place would make the reader wait for ever.

    Parameters
    ----------
    path : pathlib.Path
        A file directly in a folder that the harness made. Folders that the agent made must not
        be part of the path, as they may be links as well.

    Returns
    -------
    binary file
        The open file; the caller closes it.

    Raises
    ------
    UntrustedFileError
        If it is a link, a pipe, a socket, a device, a folder, or shared with another name.
    FileNotFoundError
        If there is nothing of this name.
    """
    # What is there is looked at before and after opening: opening can have effects of its own
    # (devices), and what lies there may change in between while an agent runs.
    _require_plain(path, path.lstat())
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UntrustedFileError(f"{path} cannot be opened as a plain file: {error}.") from error
    file = os.fdopen(descriptor, "rb")
    try:
        _require_plain(path, os.fstat(descriptor))
    except UntrustedFileError:
        file.close()
        raise
    return file


def _require_plain(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UntrustedFileError(
            f"{path} is not a plain file (mode {stat.filemode(status.st_mode)}). A submission "
            "must be a file, not a link to one."
        )
    if status.st_nlink != 1:
        raise UntrustedFileError(
            f"{path} has {status.st_nlink} names (hard links). A submission must have one only."
        )
