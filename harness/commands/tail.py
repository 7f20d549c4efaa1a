"""Show the output of agents, as they write it or as they left it.

Each line has the attempt in front where several are followed. What would steer a terminal is left
out of the lines; of one that is rewritten, as by a progress bar, the newest text is shown.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import UnknownNameError, suggest
from mlebench_data.harness.commands.arguments import natural

if TYPE_CHECKING:
    from typing import BinaryIO

_PAUSE_SECONDS = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench tail`."""
    parser.add_argument("folder", type=Path, metavar="RUN_DIR", help="folder of a run")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="ATTEMPT",
        help="COMPETITION, or COMPETITION/AGENT-seedN; all that run by default",
    )
    parser.add_argument("-n", "--lines", type=natural, default=10, metavar="N", help="default 10")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until they have ended")
    parser.add_argument("--json", action="store_true", help="one JSON object for each line")


class _Log:
    """One agent's log, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: BinaryIO | None = None
        self._rest = b""

    def new_lines(self) -> Iterator[str]:
        """Return the lines that were added since the last call."""
        if self._stream is None:
            try:
                self._stream = self._path.open("rb")
            except OSError:
                return
        *lines, self._rest = (self._rest + self._stream.read()).split(b"\n")
        # A progress bar rewrites its line by returning to its begin, and may do so for hours.
        written = self._rest.rfind(b"\r", 0, max(len(self._rest) - 1, 0))
        if written >= 0:
            lines.append(self._rest[:written])
            self._rest = self._rest[written + 1 :]
        for line in lines:
            yield _as_shown(line)

    def last_line(self) -> Iterator[str]:
        """Return a line that does not end."""
        if self._rest:
            yield _as_shown(self._rest)
            self._rest = b""


def _as_shown(line: bytes) -> str:
    """Return what of a line that was rewritten stands there in the end."""
    parts = [part for part in line.split(b"\r") if part.strip()]
    return (parts[-1] if parts else b"").decode("utf-8", errors="replace")


def run(arguments: argparse.Namespace) -> int:
    """Print lines until there are no more."""
    from mlebench_data.harness.attempt import LOG_NAME
    from mlebench_data.harness.following import follow

    attempts, _ = follow(arguments.folder, with_log=False)
    chosen = _choose([item.label for item in attempts], arguments.names)
    if not arguments.names:
        running = {item.label for item in attempts if item.state in ("running", "scoring")}
        chosen = [label for label in chosen if label in running] or chosen
    logs = {label: _Log(arguments.folder / label / LOG_NAME) for label in chosen}
    for label, log in logs.items():
        lines = [*log.new_lines(), *(() if arguments.follow else log.last_line())]
        for line in lines[len(lines) - min(arguments.lines, len(lines)) :]:
            _print(label, line, len(logs) > 1, as_json=arguments.json)
    while arguments.follow:
        states, is_alive = follow(arguments.folder, with_log=False)
        for label, log in logs.items():
            for line in log.new_lines():
                _print(label, line, len(logs) > 1, as_json=arguments.json)
        if not is_alive or all(item.state == "done" for item in states if item.label in logs):
            break
        time.sleep(_PAUSE_SECONDS)
    for label, log in logs.items():
        for line in [*log.new_lines(), *log.last_line()]:
            _print(label, line, len(logs) > 1, as_json=arguments.json)
    return 0


def _choose(labels: list[str], names: list[str]) -> list[str]:
    """Return the attempts that names stand for.

    Raises
    ------
    UnknownNameError
        If one stands for none.
    """
    if not names:
        return labels
    found = []
    for name in names:
        plain = name.rstrip("/")
        matching = [item for item in labels if item == plain or item.startswith(f"{plain}/")]
        if not matching:
            raise UnknownNameError(f"The run has no attempt '{name}'. {suggest(name, labels)}")
        found += matching
    return list(dict.fromkeys(found))


def _print(label: str, line: str, prefix: bool, *, as_json: bool) -> None:
    from mlebench_data.harness.following import harmless

    if as_json:
        print(json.dumps({"attempt": label, "line": line}))
    else:
        print(f"{label}  {harmless(line)}" if prefix else harmless(line))
    sys.stdout.flush()
