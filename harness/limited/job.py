"""One job: how it is handed to the process that does it, and what that process does."""

from __future__ import annotations

import errno
import json
import logging
import os
import pickle
import socket
import struct
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench_data.harness.limited.limits import ProcessLimits
from mlebench_data.harness.limited.tasks import TASKS, Task

_LENGTHS = struct.Struct("!QQ")
#: What is told of what was logged, in characters.
_LONGEST_LOG = 20_000


@dataclass(frozen=True)
class Job:
    """What a process is to do.

    Attributes
    ----------
    task : Task
        What.
    limits : ProcessLimits
        What it may use.
    folder : pathlib.Path
        Where it works; relative paths begin there.
    """

    task: Task
    limits: ProcessLimits
    folder: Path


def send_job(connection: socket.socket, job: Job, content: bytes) -> None:
    """Hand over a job, with what is secret about it: on no disk, in no argument and no variable.

    Parameters
    ----------
    connection : socket.socket
        Leads to the process.
    job : Job
        The job.
    content : bytes
        What the task needs besides, such as answers.
    """
    head = pickle.dumps(job)
    connection.sendall(_LENGTHS.pack(len(head), len(content)) + head)
    connection.sendall(content)


def do_job(connection: socket.socket) -> None:
    """Read a job, do it within its limits, and answer in JSON.

    The answer has one of the keys `result`, `out_of_memory` and `fault`, a traceback; and `log`,
    what was logged meanwhile: pairs of level and text.
    """
    with connection.makefile("rb") as stream:
        head_length, length = _LENGTHS.unpack(stream.read(_LENGTHS.size))
        job: Job = pickle.loads(stream.read(head_length))
        content: bytes = stream.read(length)
    if len(content) != length:
        raise ConnectionError("whoever gave the job is gone")
    log = _Log()
    logging.getLogger().addHandler(log)
    os.chdir(job.folder)
    job.limits.apply()
    answer: dict[str, Any]
    try:
        answer = {"result": TASKS[job.task.name](job.task, content)}
    except Exception as error:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            answer = {"out_of_memory": True}
        else:
            answer = {"fault": traceback.format_exc()[-_LONGEST_LOG:]}
    connection.sendall(json.dumps({**answer, "log": log.lines}).encode())


class _Log(logging.Handler):
    """Keeps what is logged, for the log of whoever gave the job."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[tuple[int, str]] = []
        self._left = _LONGEST_LOG

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, unless there are too many."""
        text = self.format(record)[-self._left :] if self._left else ""
        if text:
            self.lines.append((record.levelno, text))
            self._left -= len(text)
