"""The text that tells an agent its task and the rules."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from mlebench_data.catalogue import Competition
from mlebench_data.harness.runtimes.sandbox import Limits, Network

_NETWORKS = {
    "none": "there is none",
    "llm": "none but the language models that the environment names",
    "full": "available",
}

_CHECK = """\
  - To check the format of a submission, as often as you like: /home/validate_submission.sh FILE,
    or POST the file to http://localhost:5000/validate (VALIDATE_SUBMISSION and VALIDATE_URL hold
    both, and count if they differ). The check knows the format and the row ids, not the answers.
"""


def instructions(
    competition: Competition,
    version: str,
    *,
    limits: Limits,
    network: Network,
    gpus: int = 0,
    warn_before: Sequence[float] = (),
    validator: bool = False,
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
    network : {"none", "llm", "full"}
        What is reached.
    gpus : int
        Number of GPUs.
    warn_before : sequence of float
        Seconds before the end at which the remaining time is told.
    validator : bool
        Whether the format of a submission can be checked.
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
    if gpus:
        allowed.append(f"{gpus} GPU{'s' if gpus > 1 else ''}")
    announced = "The remaining time is not announced."
    if warn_before:
        moments = ", ".join(f"{seconds:.0f}" for seconds in sorted(warn_before, reverse=True))
        announced = f"At {moments} seconds before the end, time_left.txt in LOGS_DIR says so."
    limited = _wrap(
        f"Limits: {'; '.join(allowed)}. {announced} TIME_LIMIT_SECS holds the whole time, and it "
        "runs from your start. When it is up you are sent SIGTERM and, after "
        f"{limits.grace_seconds:.0f} seconds, SIGKILL.",
        first="  - ",
        others="    ",
    )
    check = _CHECK if validator else ""
    task = _wrap(
        "The task, its files, the metric and the format of the submission are explained in "
        f"description.md. A submission has the columns {columns}{shown}."
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
  - The competition's files cannot be written, and nor can copies of them that keep their mode
    (cp, shutil.copy): make such a copy writable (chmod u+w) before you write it again.
{check}{limited}
  - Network: {_NETWORKS[network]}.
"""


def _wrap(text: str, first: str = "", others: str = "") -> str:
    return textwrap.fill(
        text,
        width=95,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
