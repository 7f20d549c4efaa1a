"""How many attempts a machine carries at a time, and which GPUs each of them gets."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.runtimes.sandbox import Gpu, Limits


def places(
    limits: Limits, *, cpus: int, memory_bytes: int, gpus: int, gpus_per_run: int, runs_per_gpu: int
) -> int:
    """Return how many attempts fit on a machine at a time.

    Parameters
    ----------
    limits : Limits
        What each attempt may use; what they leave open does not count.
    cpus, memory_bytes, gpus : int
        What the machine has.
    gpus_per_run : int
        GPUs of each attempt.
    runs_per_gpu : int
        Attempts that share a GPU.

    Returns
    -------
    int
        At least 1: an attempt that alone is too large for the machine still runs, alone, except
        for GPUs.

    Raises
    ------
    MlebenchError
        If there are not enough GPUs for a single attempt.
    """
    found = [1_000_000]
    if limits.cpus is not None:
        found.append(int(cpus / limits.cpus + 1e-9))
    if limits.memory_bytes is not None:
        found.append(memory_bytes // limits.memory_bytes)
    if gpus_per_run:
        if gpus < gpus_per_run:
            raise MlebenchError(
                f"Each attempt is to have {gpus_per_run} GPU{'s' * (gpus_per_run > 1)}, and this "
                f"machine has {gpus or 'none'}. `mlebench doctor` tells what was looked for; "
                "--gpus-per-run 0 runs without."
            )
        found.append(gpus // gpus_per_run * runs_per_gpu)
    return max(min(found), 1)


class GpuPool:
    """Hands GPUs out, each to as many attempts as may share it, also between processes.

    A GPU is taken by a locked file that the system frees when the process ends, however it ends.

    Parameters
    ----------
    gpus : sequence of Gpu
        What the machine has.
    runs_per_gpu : int
        Attempts that share a GPU.
    folder : pathlib.Path, optional
        Where the locked files lie; in the system's folder of temporary files by default.
    """

    def __init__(
        self, gpus: Sequence[Gpu], runs_per_gpu: int = 1, folder: Path | None = None
    ) -> None:
        self.gpus = tuple(gpus)
        self._share = runs_per_gpu
        self._folder = folder or Path(tempfile.gettempdir())
        self._condition = threading.Condition()
        self._held: dict[str, list[int]] = {gpu.uuid: [] for gpu in gpus}

    @contextmanager
    def take(
        self, count: int, cancelled: threading.Event, wanted: Collection[str] = ()
    ) -> Iterator[tuple[Gpu, ...]]:
        """Hold GPUs for the length of a block; waits until there are enough.

        Parameters
        ----------
        count : int
            How many.
        cancelled : threading.Event
            Once set, nothing more is waited for and no GPU is given.
        wanted : collection of str
            Identifiers of the GPUs that an adopted sandbox has already.
        """
        if count == 0:
            yield ()
            return
        taken = self._take(count, cancelled, set(wanted))
        try:
            yield tuple(gpu for gpu, _ in taken)
        finally:
            self._give_back(taken)

    def _take(
        self, count: int, cancelled: threading.Event, wanted: set[str]
    ) -> list[tuple[Gpu, int]]:
        with self._condition:
            while True:
                taken: list[tuple[Gpu, int]] = []
                # The least used first, so that sharing begins only when all are in use.
                order = sorted(
                    self.gpus,
                    key=lambda gpu: (gpu.uuid not in wanted, len(self._held[gpu.uuid]), gpu.index),
                )
                for gpu in order:
                    if len(taken) == count:
                        break
                    handle = self._lock(gpu)
                    if handle is not None:
                        taken.append((gpu, handle))
                if len(taken) == count:
                    for gpu, handle in taken:
                        self._held[gpu.uuid].append(handle)
                    return taken
                for _, handle in taken:
                    os.close(handle)
                if cancelled.is_set():
                    return []
                # Another process tells nobody when it gives one back.
                self._condition.wait(0.5)

    def _lock(self, gpu: Gpu) -> int | None:
        """Lock one of the places of a GPU; return the open file, or None if all are taken."""
        for place in range(self._share):
            path = self._folder / f"mlebench-gpu-{gpu.uuid.replace('/', '-')}-{place}.lock"
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
            except OSError as error:
                raise MlebenchError(
                    f"The lock of GPU {gpu.index}, {path}, cannot be opened: "
                    f"{error.strerror}. Remove it if it belongs to nobody."
                ) from error
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                continue
            return handle
        return None

    def _give_back(self, taken: list[tuple[Gpu, int]]) -> None:
        with self._condition:
            for gpu, handle in taken:
                self._held[gpu.uuid].remove(handle)
                os.close(handle)
            self._condition.notify_all()
