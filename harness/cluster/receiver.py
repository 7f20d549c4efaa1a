"""What nodes send, put into the attempt's folder on the driver's side."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from mlebench_data.errors import IntegrityError
from mlebench_data.harness.attempt import LOG_NAME
from mlebench_data.harness.cluster.archive import unpack, write_all
from mlebench_data.harness.cluster.messages import FilePiece, LogPiece
from mlebench_data.harness.cluster.mirror import SUBMISSION
from mlebench_data.harness.collect import MAX_BYTES
from mlebench_data.harness.executor import SNAPSHOTS
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.result import FILE_NAME as RESULT_NAME
from mlebench_data.harness.runtimes.base import Cancelled
from mlebench_data.harness.runtimes.snapshots import seconds_of
from mlebench_data.harness.state import FILE_NAME as STATE_NAME
from mlebench_data.harness.state import patiently

#: Made by the driver alone: no node may send them.
RESERVED = (STATE_NAME, RESULT_NAME, "earlier", "instructions.txt")
_ARRIVING = ".arriving"
_PARTIAL = ".arriving-file"
LEFT_OUT = "left-on-node.txt"

logger = logging.getLogger(__name__)


class Receiver:
    """Writes what arrives of one attempt; waits where the disk is full.

    Parameters
    ----------
    folder : pathlib.Path
        The attempt's folder.
    cancelled : Cancelled
        Once set, nothing is waited for.
    """

    def __init__(self, folder: Path, cancelled: Cancelled) -> None:
        self._folder = folder
        self._cancelled = cancelled
        for name in (_ARRIVING, _PARTIAL):
            remove_tree(folder / name)

    def _write(self, do: Callable[[], Any]) -> None:
        patiently(lambda: cast(None, do()), self._cancelled, self._tell)

    def _tell(self, text: str) -> None:
        logger.warning("%s: %s", self._folder, text)

    def log(self, piece: LogPiece) -> None:
        """Add to the log."""
        self._put(self._folder / LOG_NAME, piece.offset, piece.data)

    def file(self, piece: FilePiece) -> None:
        """Take part of a file; the file appears as a whole with its last part.

        Raises
        ------
        IntegrityError
            If it is none of the files that are sent.
        """
        top, _, name = piece.path.partition("/")
        is_snapshot = top == SNAPSHOTS and seconds_of(name) is not None
        if not (is_snapshot or piece.path in (SUBMISSION, "usage.json")):
            raise IntegrityError(f"A node sent {piece.path!r}, which is none of its files.")
        if piece.offset + len(piece.data) > MAX_BYTES:
            raise IntegrityError(f"A node sent more than {MAX_BYTES:,} bytes as {piece.path!r}.")
        partial = self._folder / _PARTIAL
        self._put(partial, piece.offset, piece.data)
        if piece.last:
            target = self._folder / piece.path
            self._write(lambda: target.parent.mkdir(exist_ok=True))
            self._write(lambda: partial.replace(target))

    def _put(self, path: Path, offset: int, data: bytes) -> None:
        handle = -1

        def begin() -> None:
            nonlocal handle
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(path, flags, 0o644)

        self._write(begin)
        try:
            os.ftruncate(handle, offset)
            os.lseek(handle, offset, os.SEEK_SET)
            write_all(handle, data, self._write)
        finally:
            os.close(handle)

    def everything(self, chunks: Iterable[bytes]) -> None:
        """Replace what was sent meanwhile by everything that the attempt left.

        Parameters
        ----------
        chunks : iterable of bytes
            The archive.

        Raises
        ------
        IntegrityError
            If the archive is damaged or holds what must not be there.
        """
        arriving = self._folder / _ARRIVING
        try:
            unpack(
                chunks,
                arriving,
                reserved=RESERVED,
                cancelled=self._cancelled,
                tell=self._tell,
            )
            for path in sorted(arriving.iterdir()):
                target = self._folder / path.name
                remove_tree(target)
                path.rename(target)
        finally:
            remove_tree(arriving)

    def left_out(self, lines: Iterable[str]) -> None:
        """Keep a list of what stayed on the node, and is lost."""
        text = "".join(f"{line}\n" for line in lines)
        if text:
            path = self._folder / LEFT_OUT
            # Names are an agent's: whatever they are, they can be written.
            content = text.encode("utf-8", errors="backslashreplace")
            self._write(lambda: path.write_bytes(content))
