"""The folder of a run: held by one harness at a time, with a record of what was asked."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.agent import Agent
from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.provenance import provenance
from mlebench_data.harness.state import write_at_once

FILE_NAME = "run.json"
LOCK_NAME = ".lock"
FORMAT = 1


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run folder, so that no second harness works in it; it is made where there is none.

    The system frees it when this process ends, however it ends.

    Raises
    ------
    MlebenchError
        If another process holds it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise MlebenchError(
            f"--out: {folder} cannot be made or written: {error.strerror}."
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip()
            raise MlebenchError(
                f"Another harness works in {folder} ({holder or 'unknown process'}). "
                f"`mlebench status {folder}` shows how far it is; name another folder with --out "
                "for a run of its own."
            ) from error
        except OSError as error:
            raise MlebenchError(
                f"{folder} lies on a file system without locks ({error.strerror}). Name a folder "
                "on another one with --out."
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {os.uname().nodename}\n".encode(), 0)
        yield
    finally:
        if [path.name for path in folder.iterdir()] == [LOCK_NAME]:
            # Nothing was begun, so nothing is left.
            (folder / LOCK_NAME).unlink()
            folder.rmdir()
        os.close(handle)


def is_held(folder: Path) -> bool:
    """Tell whether a harness works in a run folder now, on any machine that shares its locks."""
    try:
        handle = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def write_run_record(
    folder: Path,
    *,
    arguments: Sequence[str],
    agents: Sequence[Agent],
    settings: Settings,
    attempts: Sequence[str],
    executor: Mapping[str, Any],
) -> None:
    """Write `run.json`: what was asked, and what serves it. Every start of the command adds one.

    Parameters
    ----------
    folder : pathlib.Path
        The run folder.
    arguments : sequence of str
        The command line.
    agents : sequence of Agent
        The agents as resolved.
    settings : Settings
        Limits and so on.
    attempts : sequence of str
        Labels of all attempts.
    executor : mapping
        Its description.
    """
    path = folder / FILE_NAME
    starts: list[Any] = []
    try:
        starts = json.loads(path.read_text(encoding="utf-8"))["starts"]
    except (OSError, ValueError, KeyError, TypeError):
        starts = []
    starts.append(
        {
            "time": datetime.now(UTC).isoformat(),
            "arguments": list(arguments),
            "provenance": provenance(),
            "executor": dict(executor),
        }
    )
    record = {
        "format": FORMAT,
        "agents": [agent.record() for agent in agents],
        "settings": dataclasses.asdict(settings),
        "attempts": list(attempts),
        "starts": starts,
    }
    write_at_once(path, json.dumps(record, indent=1) + "\n")
