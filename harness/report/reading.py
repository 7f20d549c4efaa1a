"""What run folders hold: records, what was asked for, and what cannot be read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlebench_data.errors import DataNotFoundError, IntegrityError, MlebenchError
from mlebench_data.harness.report.attempts import Attempt, count
from mlebench_data.harness.result import FILE_NAME, AttemptResult, record_paths
from mlebench_data.harness.run_folder import FILE_NAME as RUN_FILE_NAME
from mlebench_data.harness.state import FILE_NAME as STATE_FILE_NAME

Key = tuple[str, str, int]
"""Competition, agent and seed."""

_LABEL = re.compile(r"([^/]+)/(.+)-seed(\d{1,9})")


@dataclass(frozen=True)
class Runs:
    """What one or several run folders hold.

    Attributes
    ----------
    names : tuple of str
        The folders.
    attempts : tuple of Attempt
        All that have a record, sorted by competition, agent and seed.
    asked : frozenset of Key
        All that were asked for, those with a record included.
    problems : tuple of str
        Records that cannot be read.
    """

    names: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    asked: frozenset[Key]
    problems: tuple[str, ...]


def read_runs(folders: Sequence[Path]) -> Runs:
    """Read run folders and merge them.

    Raises
    ------
    DataNotFoundError
        If there are no readable records in one of them.
    MlebenchError
        If they hold different records of one attempt, or of one competition with different data or
        metric: these cannot be compared.
    """
    runs = [_read_run(folder) for folder in folders]
    found: dict[Key, Attempt] = {}
    for run in runs:
        for attempt in run.attempts:
            other = found.setdefault(attempt.key, attempt)
            if other.record != attempt.record:
                competition, agent, seed = attempt.key
                raise MlebenchError(
                    f"{other.folder} and {attempt.folder} hold different attempts of {competition} "
                    f"by {agent} with seed {seed}. Report these runs apart, or give one of the "
                    "agents another name or other seeds."
                )
    attempts = tuple(found[key] for key in sorted(found))
    _refuse_different_data(attempts)
    return Runs(
        tuple(name for run in runs for name in run.names),
        attempts,
        frozenset().union(*(run.asked for run in runs)),
        tuple(dict.fromkeys(problem for run in runs for problem in run.problems)),
    )


def _read_run(folder: Path) -> Runs:
    # Only the name: a report travels, and where the folder happened to lie says nothing.
    name = folder.resolve().name
    attempts = []
    asked: set[Key] = set()
    problems = []
    for path in record_paths(folder):
        label = path.parent.relative_to(folder).as_posix()
        try:
            result = AttemptResult.read(path.parent)
            if result is not None:
                attempts.append(count(result, f"{name}/{label}"))
        except (IntegrityError, OSError, RecursionError) as error:
            problems.append(str(error))
            asked |= _keys([label])
    if not attempts:
        raise DataNotFoundError(
            f"There are no results in {folder}: no */*/{FILE_NAME}"
            + (f" that can be read. {' '.join(problems)}" if problems else ".")
        )
    asked |= {attempt.key for attempt in attempts}
    asked |= _keys(
        [
            path.parent.relative_to(folder).as_posix()
            for path in folder.glob(f"*/*/{STATE_FILE_NAME}")
        ]
    )
    try:
        asked |= _keys(json.loads((folder / RUN_FILE_NAME).read_text("utf-8"))["attempts"])
    except FileNotFoundError:
        pass  # older runs, and records that were brought here, have none
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        problems.append(
            f"{folder / RUN_FILE_NAME} does not say what was asked for ({error!r}): attempts "
            "without any trace are not known to be missing."
        )
    return Runs((name,), tuple(attempts), frozenset(asked), tuple(problems))


def _keys(labels: Sequence[str]) -> set[Key]:
    matches = [_LABEL.fullmatch(label) for label in labels]
    return {(match[1], match[2], int(match[3])) for match in matches if match}


def _refuse_different_data(attempts: Sequence[Attempt]) -> None:
    """Refuse records of one competition that do not belong to the same data and metric."""
    first: dict[tuple[str, str], tuple[str, Attempt]] = {}
    for attempt in attempts:
        record = attempt.record
        for kind, digest in (
            ("data version", record.version),
            ("data (data_manifest_sha256)", record.data_manifest_sha256),
            ("code of the metric (metric_sha256)", record.metric_sha256),
        ):
            if digest is None:
                continue
            known, other = first.setdefault((record.competition_id, kind), (digest, attempt))
            if known != digest:
                raise MlebenchError(
                    f"{other.folder} and {attempt.folder} cannot be compared: they differ in the "
                    f"{kind}, {known[:12]} and {digest[:12]}. `mlebench score RUN_DIR` scores the "
                    "submissions of a run again with the data and metric of here; or report these "
                    "runs apart."
                )
