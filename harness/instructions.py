"""The text that tells an agent its task and the rules."""

from __future__ import annotations

import textwrap

from mlebench_data.catalogue import Competition
from mlebench_data.harness.runtimes.base import Limits, Network


def instructions(
    competition: Competition, version: str, *, limits: Limits, network: Network
) -> str:
    """Return the instructions for one attempt.

    Parameters
    ----------
    competition : Competition
        The competition.
    version : str
        Its data version.
    limits : Limits
        What the sandbox may use.
    network : {"none", "full"}
        Whether there is a network.
    """
    block = competition.version(version)
    # The published benchmark keeps some samples among the private files; a copy lies in an archive.
    sample = block.sample_submission
    shown = f"; {sample.removeprefix('public/')} shows the format" if "public/" in sample else ""
    columns = ", ".join([block.submission.id, *block.submission.column_names()][:12])
    if len(block.submission.column_names()) > 11:
        columns += ", ..."
    allowed = [f"wall-clock time {limits.time_seconds:.0f} seconds"]
    if limits.cpus is not None:
        allowed.append(f"{limits.cpus:g} CPUs")
    if limits.memory_bytes is not None:
        allowed.append(f"{limits.memory_bytes / 1e9:.1f} GB of memory")
    if limits.processes is not None:
        allowed.append(f"{limits.processes} processes")
    task = textwrap.fill(
        "The task, its files, the metric and the format of the submission are explained in "
        f"description.md. A submission has the columns {columns}{shown}.",
        width=95,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"""\
You are to solve a machine-learning competition: {competition.facts.name}
({competition.id}).

Places (each also in the environment variable named beside it, which counts if they differ):
  /home/data          DATA_DIR        the competition's files, read only; begin with description.md
  /home/submission    SUBMISSION_DIR  write your predictions to submission.csv in here
  /home/code          CODE_DIR        leave the code that made the submission here
  /home/logs          LOGS_DIR        leave what else should be kept here
  /home/agent         AGENT_DIR       your own files, read only

{task}

Rules:
  - Predictions must come from a model or program that you made from the given data, not from
    looking up the answers and not written by hand.
  - You may replace submission.csv as often as you like. What lies there when your time is up
    counts, so write a first one early.
  - Limits: {"; ".join(allowed)}. The remaining time is not announced: TIME_LIMIT_SECS holds the
    whole of it, and it runs from your start. When it is up you are sent SIGTERM and, after
    {limits.grace_seconds:.0f} seconds, SIGKILL.
  - Network: {"there is none" if network == "none" else "available"}.
"""
