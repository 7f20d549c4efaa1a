"""The output of a container that another harness had begun to keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlebench_data.harness.runtimes.log_file import CappedLog
from mlebench_data.harness.runtimes.masking import MaskedStream

if TYPE_CHECKING:
    from docker.models.containers import Container

_COMPARED_BYTES = 4096


class RestOfOutput:
    """What a container printed after the point up to which a log holds it, and prints from now on.

    The engine keeps the last output of a container only (`docker_container` says how much). Where
    it still has all, the log goes on without a gap; else a note says that something is missing.

    Parameters
    ----------
    container : docker.models.containers.Container
        The container.
    secrets : tuple of str
        What was blotted out of the log, and must be of what the engine holds before it can be
        compared with it.
    log : CappedLog
        The log.
    """

    def __init__(self, container: Container, secrets: tuple[str, ...], log: CappedLog) -> None:
        output = container.logs(stdout=True, stderr=True, stream=True, follow=True)
        self._stream = MaskedStream(output, secrets)
        self._head = log.head(_COMPARED_BYTES)
        self._skip = log.received

    def __iter__(self) -> Iterator[bytes]:
        first = b""
        chunks = iter(self._stream)
        for chunk in chunks:
            first += chunk
            if len(first) >= len(self._head):
                break
        if first.startswith(self._head):
            skip = self._skip
        else:
            skip = 0
            yield b"\n[mlebench: the harness was away; some output is missing or stands twice]\n"
        if first[skip:]:
            yield first[skip:]
        skip = max(skip - len(first), 0)
        for chunk in chunks:
            if chunk[skip:]:
                yield chunk[skip:]
            skip = max(skip - len(chunk), 0)

    def close(self) -> None:
        """End the stream."""
        self._stream.close()
