"""Classical machine learning for whatever competition lies in the data folder."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from pathlib import Path

from clock import Clock
from contract import Contract, ContractError, read_contract, usable_processors
from discover import DataFolder, find_sample_submission
from journal import Journal
from storage import write_bytes


def library_settings(processors: int) -> dict[str, str]:
    """Return environment variables that the numerical libraries read when they are imported.

    Trees may use all processors. Linear algebra gets one thread, and threads wait without
    spinning: on a busy machine, two spinning threads made a logistic regression on a small matrix
    ten times slower than one.
    """
    return {
        "OMP_NUM_THREADS": str(processors),
        "OMP_WAIT_POLICY": "PASSIVE",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def copy_own_code(contract: Contract) -> None:
    """Put the solution's code where the harness collects it."""
    for file in sorted(Path(__file__).parent.iterdir()):
        if file.suffix in (".py", ".yaml"):
            shutil.copyfile(file, contract.code / file.name)


def run(contract: Contract, clock: Clock, journal: Journal) -> int:
    """Submit the sample first, then something better; return the exit status."""
    journal.say(f"competition {contract.competition or '(unnamed)'}, {contract.seconds:g} s, "
                f"seed {contract.seed}")  # fmt: skip
    folder = DataFolder(contract.data)
    for problem in folder.problems:
        journal.warn(problem)
    journal.note(
        files=len(folder.files),
        first_files=[file.name for file in folder.files[:30]],
        outcome="nothing submitted",
    )
    sample = find_sample_submission(folder.files)
    if sample is None:
        journal.say(f"FAILED: no sample submission among {len(folder.files)} files in "
                    f"{contract.data}; nothing was submitted")  # fmt: skip
        return 1
    write_bytes(folder.read(sample), contract.submission_file)
    journal.note(outcome="sample submission kept")
    journal.say(f"safety net: {sample.name} is submitted as it is")
    # Only now, as these imports take seconds and may fail where a package is missing.
    from roles import CannotImproveError
    from solve import solve

    try:
        solve(contract, folder, sample, clock, journal, usable_processors())
    except CannotImproveError as reason:
        journal.note(reason=str(reason))
    outcome = journal.facts["outcome"]
    if outcome == "improved":
        journal.say(f"IMPROVED: {contract.submission_file} holds predictions")
    elif outcome == "constant predictions":
        journal.say("CONSTANT: every row got the same answer, as nothing told the rows apart")
    else:
        journal.say(f"KEPT the sample submission knowingly: {journal.facts.get('reason')}")
    return 0


def main() -> int:
    """Run under the harness's contract; return the exit status."""
    try:
        contract = read_contract(os.environ)
    except ContractError as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    for variable, value in library_settings(usable_processors()).items():
        os.environ.setdefault(variable, value)
    clock = Clock(contract.seconds)
    journal = Journal(contract.logs / "baseline.json")

    def time_is_over() -> None:
        journal.warn("the time is over: a fit was still running")
        outcome = journal.facts.get("outcome")
        journal.note(stopped_by="time limit")
        journal.save()
        journal.say(f"STOPPED with this outcome: {outcome}")
        # Ends all threads at once; the submission file is always complete.
        os._exit(1 if outcome == "nothing submitted" else 0)

    watchdog = clock.start_watchdog(time_is_over)
    try:
        copy_own_code(contract)
        status = run(contract, clock, journal)
    except Exception:
        trace = traceback.format_exc()
        outcome = journal.facts.get("outcome", "nothing submitted")
        journal.note(error=trace)
        journal.say(f"ERROR, with this outcome: {outcome}\n{trace}")
        status = 0 if outcome == "improved" else 1
    watchdog.cancel()
    journal.save()
    return status


if __name__ == "__main__":
    sys.exit(main())
