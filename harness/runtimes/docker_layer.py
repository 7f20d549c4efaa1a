"""What a container has written outside of the folders that the harness gave it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.harness.runtimes.docker_engine import engine_errors

if TYPE_CHECKING:
    from docker import DockerClient

#: Open files without a name that are memory, not disk.
_IN_MEMORY = ("/memfd:", "/dev/", "/SYSV")


class OwnLayer:
    """Measures a container's own layer, and the files that it has removed but still holds open.

    The engine finds the first; its drivers cannot all limit it. The second take up the disk until
    they are closed, and are in no folder: they are found where the engine runs on this machine,
    under this account or with this one being root.

    Parameters
    ----------
    client : docker.DockerClient
        Connection to the engine.
    container_id : str
        The container.
    has_quota : bool
        Whether the engine limits the layer itself, so that it need not be measured.
    """

    def __init__(self, client: DockerClient, container_id: str, *, has_quota: bool) -> None:
        self._client = client
        self._id = container_id
        self._has_quota = has_quota
        self._first: int | None = None

    def __call__(self) -> int:
        """Return the bytes."""
        layer = 0 if self._has_quota else self._layer_bytes()
        return layer + nameless_bytes(self._processes())

    def _layer_bytes(self) -> int:
        with engine_errors(f"measure container {self._id}"):
            found = self._client.api.containers(all=True, size=True, filters={"id": self._id})
        return sum(entry.get("SizeRw") or 0 for entry in found)

    def _processes(self) -> list[int]:
        """Return the container's processes as this machine knows them; none if it is another."""
        import psutil

        if self._first is None:
            with engine_errors(f"look up container {self._id}"):
                self._first = int(self._client.api.inspect_container(self._id)["State"]["Pid"])
        if not self._is_of_this_container(self._first):
            return []
        try:
            # All of them descend from the first, to which orphans come.
            others = psutil.Process(self._first).children(recursive=True)
        except psutil.Error:
            return []  # it has ended
        return [self._first, *(process.pid for process in others)]

    def _is_of_this_container(self, pid: int) -> bool:
        try:
            groups = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return self._id in groups


def nameless_bytes(processes: Iterable[int]) -> int:
    """Return the bytes of files on disk that processes hold open and that have no name any more.

    Parameters
    ----------
    processes : iterable of int
        Processes of this machine. Nothing is found of those that have ended or that may not be
        looked at.
    """
    sizes = {}
    for pid in processes:
        folder = Path(f"/proc/{pid}/fd")
        try:
            names = os.listdir(folder)  # noqa: PTH208 - names are all that is wanted
        except OSError:
            continue
        for name in names:
            try:
                status = (folder / name).stat()
                if not stat.S_ISREG(status.st_mode) or status.st_nlink > 0:
                    continue
                if str((folder / name).readlink()).startswith(_IN_MEMORY):
                    continue
            except OSError:
                continue  # closed since
            sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(sizes.values())
