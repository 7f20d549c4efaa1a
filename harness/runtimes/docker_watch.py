"""What is watched of a running container: its end and its use of resources."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_SAMPLE_SECONDS = 1.0
#: Reaching the limit of processes this long before the end still counts as its cause.
_RECENT_SECONDS = 10.0


class EngineWait:
    """Waits for a container's end in a thread.

    Parameters
    ----------
    container : docker.models.containers.Container
        A container that was started.
    """

    def __init__(self, container: Container) -> None:
        #: Set when the container has ended or the engine was lost.
        self.done = threading.Event()
        #: Why the end is not known, if it is not.
        self.error: Exception | None = None
        self._container = container
        threading.Thread(target=self._wait, name="mlebench-wait", daemon=True).start()

    def _wait(self) -> None:
        try:
            # Without a time limit of its own: the watch over the deadline is elsewhere.
            self._container.client.api.wait(self._container.id, timeout=None)
        except Exception as error:  # told by the thread that waits for `done`
            import docker.errors

            # Gone already: the look at its final state says so more clearly.
            if not isinstance(error, docker.errors.NotFound):
                self.error = error
        finally:
            self.done.set()


class UsageSampler:
    """Looks at a container's use of memory and processes now and then, in a thread.

    Parameters
    ----------
    client : docker.DockerClient
        Connection to the engine.
    container : docker.models.containers.Container
        A container that was started.
    processes : int, optional
        The limit of processes, for engines that do not tell it.
    """

    def __init__(
        self, client: DockerClient, container: Container, processes: int | None = None
    ) -> None:
        self._processes = processes
        #: Largest number of processes and threads seen; None before the first look.
        self.peak_processes: int | None = None
        #: Largest use of memory seen, in bytes, including cached files.
        self.peak_memory_bytes: int | None = None
        self._limit_seen: float | None = None
        self._client = client
        self._id = container.id
        self._stopped = threading.Event()
        self._ended: float | None = None
        self._thread = threading.Thread(target=self._sample, name="mlebench-usage", daemon=True)
        self._thread.start()

    @property
    def at_process_limit(self) -> bool:
        """Whether the limit of processes was reached shortly before the end."""
        end = self._ended if self._ended is not None else time.monotonic()
        return self._limit_seen is not None and end - self._limit_seen <= _RECENT_SECONDS

    def stop(self) -> None:
        """Look no more."""
        self._ended = time.monotonic()
        self._stopped.set()
        # So that the connection is not closed under a look that goes on.
        self._thread.join(_SAMPLE_SECONDS)

    def _sample(self) -> None:
        import docker.errors
        import requests.exceptions

        while not self._stopped.wait(_SAMPLE_SECONDS):
            try:
                stats = self._client.api.stats(self._id, stream=False, one_shot=True)
            except (docker.errors.DockerException, requests.exceptions.RequestException):
                # These figures are an extra. What ails the engine shows where the end is awaited.
                continue
            self._take(stats)

    def _take(self, stats: dict[str, Any]) -> None:
        processes = stats.get("pids_stats", {})
        current = processes.get("current")
        if current is not None:
            self.peak_processes = max(self.peak_processes or 0, current)
            limit = processes.get("limit") or self._processes
            if limit and current >= limit:
                self._limit_seen = time.monotonic()
        memory = stats.get("memory_stats", {})
        # The older kernels' groups keep the highest use themselves.
        used = memory.get("max_usage", memory.get("usage"))
        if used is not None:
            self.peak_memory_bytes = max(self.peak_memory_bytes or 0, used)
