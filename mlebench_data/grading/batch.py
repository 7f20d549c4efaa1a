"""Grading of many submissions, listed in a file of JSON lines, one or several at a time."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mlebench_data.errors import MlebenchError, suggest
from mlebench_data.grading.grade import grade
from mlebench_data.grading.report import GradeReport

REQUIRED = ("competition_id", "submission_path")
OPTIONAL = ("answers", "version")

AnswersOf = Callable[[str, str | None], bytes]
"""Returns the content of an answers file, by competition and data version."""

logger = logging.getLogger(__name__)


class BatchFileError(MlebenchError):
    """The list of submissions cannot be read, or a line of it is wrong."""


@dataclass(frozen=True)
class Job:
    """One line of a batch: a submission to grade.

    Attributes
    ----------
    line : int
        Number of the line, from 1.
    competition_id, submission_path : str
        What to grade.
    answers : str or None
        The answers file, if it does not lie in the data folder.
    version : str or None
        Data version; None for the batch's default.
    """

    line: int
    competition_id: str
    submission_path: str
    answers: str | None = None
    version: str | None = None


def parse_job(line: int, text: bytes) -> Job:
    """Read one line of a batch.

    Parameters
    ----------
    line : int
        Its number, from 1.
    text : bytes
        A JSON object in UTF-8 with the keys `competition_id` and `submission_path`, and optionally
        `answers` and `version`, all strings. Keys that are null count as left out.

    Raises
    ------
    BatchFileError
        Naming the line and what is wrong with it.
    """
    where = f"line {line}"
    try:
        content = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BatchFileError(f"{where}: not UTF-8: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BatchFileError(f"{where}: not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise BatchFileError(f"{where}: must be a JSON object, not {type(content).__name__}")
    for key in content:
        if key not in (*REQUIRED, *OPTIONAL):
            hint = suggest(key, [*REQUIRED, *OPTIONAL])
            raise BatchFileError(f"{where}: unknown key '{key}'. {hint}")
    values = {key: value for key, value in content.items() if value is not None}
    for key in REQUIRED:
        if not values.get(key):
            raise BatchFileError(f"{where}: '{key}' is missing")
    for key, value in values.items():
        if not isinstance(value, str) or "\0" in value:
            raise BatchFileError(f"{where}: '{key}' must be a string, found {value!r}")
    return Job(line, **values)


def failure(line: int, reason: str, job: Job | None = None) -> dict[str, Any]:
    """Return a result with the keys of a report, for what could not be graded."""
    empty = {item.name: False if item.type == "bool" else None for item in fields(GradeReport)}
    known = {}
    if job is not None:
        known = {
            "competition_id": job.competition_id,
            "submission_path": job.submission_path,
            "version": job.version,
        }
    return {"line": line, **empty, **known, "status": "error", "reason": reason}


def grade_job(
    job: Job, data_dir: Path | None, version: str | None, answers: AnswersOf | None = None
) -> dict[str, Any]:
    """Grade one submission; whatever goes wrong becomes a result of status `error`."""
    wanted = job.version or version
    try:
        given: str | bytes | None = job.answers
        if given is None and answers is not None:
            given = answers(job.competition_id, wanted)
        report = grade(
            job.competition_id,
            job.submission_path,
            answers=given,
            data_dir=data_dir,
            version=wanted,
        )
    except MlebenchError as error:
        return failure(job.line, f"line {job.line}: {error}", job)
    except Exception as error:
        # One submission must not end a batch of others.
        logger.exception("Line %d could not be graded", job.line)
        return failure(job.line, f"line {job.line}: {type(error).__name__}: {error}", job)
    return {"line": job.line, **report.to_dict()}


def grade_batch(
    path: Path,
    *,
    data_dir: Path | None = None,
    version: str | None = None,
    jobs: int = 1,
    answers: AnswersOf | None = None,
) -> Iterator[dict[str, Any]]:
    """Grade the submissions that a file lists.

    Parameters
    ----------
    path : pathlib.Path
        One JSON object a line, see `parse_job`; empty lines are skipped. Paths in it are relative
        to the current folder.
    data_dir : pathlib.Path, optional
        Data folder with the answers of all whose line names none.
    version : str, optional
        Data version of all whose line names none; the oldest by default.
    jobs : int
        Number of processes; 1 grades in this one.
    answers : callable, optional
        Returns the answers file of a competition and data version, for all whose line names none,
        instead of the data folder. With several processes, it is sent to them.

    Yields
    ------
    dict
        For each line, as soon as it is done, the fields of a `GradeReport` and `line`, the number
        of the line. Where a line is wrong, answers are missing or we are at fault, `status` is
        `error` and `reason` says why.

    Raises
    ------
    BatchFileError
        If the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BatchFileError(f"{path} cannot be read: {error.strerror}.") from error
    todo = []
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            todo.append(parse_job(number, text))
        except BatchFileError as error:
            yield failure(number, str(error))
    if jobs == 1:
        yield from (grade_job(job, data_dir, version, answers) for job in todo)
        return
    interrupted = []
    for job, result in _in_processes(todo, jobs, data_dir, version, answers):
        if result is None:
            interrupted.append(job)
        else:
            yield result
    # A process that dies takes the pool with it, and nobody knows which submission killed it: those
    # left over are graded one by one, each in a process of its own.
    for suspect in interrupted:
        for job, result in _in_processes([suspect], 1, data_dir, version, answers):
            reason = f"line {job.line}: the process that graded it died; is the memory too small?"
            yield failure(job.line, reason, job) if result is None else result


def _in_processes(
    todo: list[Job],
    processes: int,
    data_dir: Path | None,
    version: str | None,
    answers: AnswersOf | None,
) -> Iterator[tuple[Job, dict[str, Any] | None]]:
    """Yield jobs with their results as they finish; None for those that a dead process left."""
    # Spawned processes inherit no threads or locks; forked ones may hang on them.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = {}
        try:
            for place, job in enumerate(todo):
                try:
                    futures[pool.submit(grade_job, job, data_dir, version, answers)] = job
                except BrokenProcessPool:
                    # A process may die before all is handed over.
                    yield from ((left, None) for left in todo[place:])
                    break
            for future in as_completed(futures):
                try:
                    yield futures[future], future.result()
                except BrokenProcessPool:
                    yield futures[future], None
        finally:
            # After Ctrl-C, what has not begun never does.
            pool.shutdown(cancel_futures=True)
