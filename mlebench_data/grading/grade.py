"""Grading of one submission: read, check, align, score, compare with humans."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlebench_data.catalogue import Competition, load_competition
from mlebench_data.catalogue.schema import ScoredRows, Version
from mlebench_data.errors import DataNotFoundError
from mlebench_data.grading.alignment import align, partners
from mlebench_data.grading.answers import read_answers, read_table
from mlebench_data.grading.columns import InvalidSubmissionError, typed_column
from mlebench_data.grading.leaderboard import standing
from mlebench_data.grading.report import GradeReport, Status, ValidationReport
from mlebench_data.grading.submission import (
    MissingSubmissionError,
    check_columns,
    predictions,
    read_submission,
)
from mlebench_data.metrics.registry import load_function
from mlebench_data.prepare.layout import default_data_dir, version_folder
from mlebench_data.prepare.manifest import hash_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

# The published benchmark rounds scores to this many decimals before it compares them.
SCORE_DECIMALS = 5

logger = logging.getLogger(__name__)


def _competition(competition: str | Competition) -> Competition:
    return load_competition(competition) if isinstance(competition, str) else competition


def _load_submission(submission: Path | str | pd.DataFrame, version: Version) -> pd.DataFrame:
    schema = version.submission
    if isinstance(submission, (str, Path)):
        table = read_submission(Path(submission), schema)
    else:
        # Rows go by their place; whatever labels they have in memory mean nothing here.
        table = submission.reset_index(drop=True)
    return table.rename(columns=schema.other_names) if schema.other_names else table


def _references(answers: pd.DataFrame, version: Version) -> npt.NDArray[Any]:
    """Return the true values, typed like the predictions."""
    import numpy as np

    scored = version.submission.scored_columns()
    names = version.metric.references or [name for name, _ in scored]
    if len(names) < len(scored):
        # Some columns have no counterpart in the answers: the others are known by their names.
        scored = [(name, group) for name, group in scored if name in names]
    try:
        columns = [
            typed_column(answers[name], group)
            for name, (_, group) in zip(names, scored, strict=True)
        ]
    except InvalidSubmissionError as error:
        # The checks are those of submissions, but nobody who submits is to blame for this.
        raise ValueError(f"the answers break the rules for submissions: {error}") from error
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _check_kinds(submission: pd.DataFrame, references: npt.NDArray[Any], version: Version) -> None:
    """Refuse text for numbers where both sides hold two labels at most.

    The published benchmark lets a column of text be wrong altogether. With so few labels, though,
    scikit-learn takes the classes for those of a binary problem, which must be of one kind.
    """
    import numpy as np
    from pandas.api.types import is_numeric_dtype

    for name, group in version.submission.scored_columns():
        if group.text_column != "wrong" or is_numeric_dtype(submission[name].dtype):
            continue
        if submission[name].nunique() <= 2 and len(np.unique(references)) <= 2:
            raise InvalidSubmissionError(
                f"column `{name}`: holds text, must hold whole numbers (text counts as wrong only "
                "where there are more than two labels)"
            )


def _is_scored(answers: pd.DataFrame, rule: ScoredRows) -> npt.NDArray[np.bool_]:
    """Tell which rows of the answers count."""
    column = answers[rule.column]
    fits = column == rule.equals if rule.at_least is None else column >= rule.at_least
    return fits.to_numpy(dtype=bool)


def score(submission: pd.DataFrame, answers: pd.DataFrame, version: Version) -> float:
    """Return the full-precision score of a submission.

    Parameters
    ----------
    submission, answers : pandas.DataFrame
        The two tables as read.
    version : Version
        The data version, which says how rows and columns meet.

    Raises
    ------
    InvalidSubmissionError
        If the submission is at fault. Any other exception is a fault of ours.
    """
    import numpy as np

    schema = version.submission
    check_columns(submission, schema)
    metric = version.metric
    rule = metric.scored_rows
    counts = None if rule is None else _is_scored(answers, rule)
    submitted_rows, answer_rows = align(submission, answers, schema, scored=counts)
    looked_at = None
    if rule is not None and counts is not None:
        if rule.chosen_by == "own_id":
            chosen = counts[partners(submission, answers, schema)][submitted_rows]
            if chosen.sum() != counts.sum():
                raise InvalidSubmissionError(
                    f"{int(chosen.sum()):,} rows have the id of a row that counts, but "
                    f"{int(counts.sum()):,} rows do: some ids of `{schema.id}` are there more than "
                    "once, and others are missing"
                )
        else:
            chosen = counts[submitted_rows if rule.chosen_by == "position" else answer_rows]
        submitted_rows, answer_rows = submitted_rows[chosen], answer_rows[counts[answer_rows]]
        if rule.unscored_cells == "ignore":
            looked_at = np.zeros(len(submission), dtype=bool)
            looked_at[submitted_rows] = True
    # Checked in the order of the file, so that the rows in messages are those of the file.
    values = predictions(submission, schema, looked_at=looked_at)
    predicted = values[submitted_rows]
    references = _references(answers, version)
    _check_kinds(submission, references, version)
    function: Callable[..., float] = load_function(metric.name)
    inputs = {
        name: answers[column].to_numpy()[answer_rows] for name, column in metric.inputs.items()
    }
    if metric.file_order is not None:
        inputs[metric.file_order] = submitted_rows
    if schema.ids_as is not None:
        ids = submission[schema.id].astype("object").to_numpy()
        inputs[schema.ids_as] = ids[submitted_rows]
    try:
        return function(
            references=references[answer_rows],
            predictions=predicted,
            **inputs,
            **metric.parameters,
        )
    except ValueError as error:
        # Metrics say which argument is at fault; each carries its own copy of the error class.
        if getattr(error, "argument", None) not in ("predictions", schema.ids_as or "predictions"):
            raise
        reason = str(error)
        row = getattr(error, "row", None)
        if row is not None:
            # The metric counts from 0 in the order of the pairs; people count from 1 in the file.
            reason = reason.replace(f"row {row}", f"row {submitted_rows[row] + 1}", 1)
        raise InvalidSubmissionError(reason) from error


def _flag(score: float) -> str | None:
    """Explain a score that is none, which some published rules let count as valid."""
    if math.isnan(score):
        return "the score is not a number; by the rules of this data version the submission counts"
    if math.isinf(score):
        return "the score is infinite; by the rules of this data version the submission counts"
    return None


def find_answers(competition: Competition, version: str, data_dir: Path | None) -> Path:
    """Return the answers file in a data folder.

    Raises
    ------
    DataNotFoundError
        If the version is not prepared there.
    """
    folder = version_folder(data_dir or default_data_dir(), competition.id, version)
    path = folder / competition.version(version).answers
    if not path.is_file():
        raise DataNotFoundError(
            f"There are no answers at {path}. Prepare them with "
            f"`mlebench prepare {competition.id}`, or name them (--answers FILE)."
        )
    return path


def grade(
    competition: str | Competition,
    submission: Path | str | pd.DataFrame,
    *,
    answers: Path | str | bytes | pd.DataFrame | None = None,
    data_dir: Path | str | None = None,
    version: str | None = None,
    memory_errors: Literal["report", "raise"] = "report",
) -> GradeReport:
    """Grade a submission.

    Parameters
    ----------
    competition : str or Competition
        The competition or its id.
    submission : path or pandas.DataFrame
        A CSV file, or the table itself.
    answers : path, bytes or pandas.DataFrame, optional
        The answers: file, its content, or table. By default those prepared in `data_dir`.
    data_dir : path, optional
        Data folder.
    version : str, optional
        Data version, the oldest by default.
    memory_errors : {"report", "raise"}
        Whether a want of memory is reported as a fault of ours, or raised, for who knows better.

    Returns
    -------
    GradeReport
        Its status tells a submission at fault (`invalid`) from a fault of ours (`error`).

    Raises
    ------
    UnknownNameError
        If there is no such competition or version.
    DataNotFoundError
        If there are no answers.
    MemoryError
        If memory runs out and that is to be raised.
    """
    import pandas as pd

    competition = _competition(competition)
    version = version or competition.versions[0]
    block = competition.version(version)
    if answers is None:
        answers = find_answers(competition, version, None if data_dir is None else Path(data_dir))
    elif isinstance(answers, (str, Path)):
        answers = Path(answers)
        if not answers.is_file():
            raise DataNotFoundError(f"There is no answers file {answers}.")

    status: Status
    raw_score: float | None = None
    try:
        if not isinstance(answers, pd.DataFrame):
            answers = read_answers(competition, version, answers)
        raw_score = score(_load_submission(submission, block), answers, block)
        status, reason = "valid", _flag(raw_score)
    except MissingSubmissionError as error:
        status, reason = "missing", str(error)
    except InvalidSubmissionError as error:
        status, reason = "invalid", str(error)
    except Exception as error:
        if isinstance(error, MemoryError) and memory_errors == "raise":
            raise
        # A fault of ours must not look like one of the submission, nor end a batch of others.
        logger.exception("Grading of %s failed", competition.id)
        status, reason = "error", f"{type(error).__name__}: {error}"

    path = Path(submission) if isinstance(submission, (str, Path)) else None
    return report_of(
        competition,
        version,
        status,
        reason,
        raw_score=raw_score,
        path=path,
        sha256=hash_file(path)[0] if path is not None and path.is_file() else None,
    )


def report_of(
    competition: Competition,
    version: str,
    status: Status,
    reason: str | None,
    *,
    raw_score: float | None = None,
    path: Path | None = None,
    sha256: str | None = None,
) -> GradeReport:
    """Make the report of a verdict.

    Parameters
    ----------
    competition : Competition
        The competition.
    version : str
        Data version.
    status, reason, raw_score
        The verdict, as in `GradeReport`.
    path : pathlib.Path, optional
        The submission.
    sha256 : str, optional
        Its digest.
    """
    block = competition.version(version)
    rounded = None if raw_score is None else round(raw_score, SCORE_DECIMALS)
    return GradeReport(
        competition_id=competition.id,
        version=version,
        submission_path=None if path is None else str(path),
        submission_sha256=sha256,
        status=status,
        reason=reason,
        score=rounded,
        raw_score=raw_score,
        metric=block.metric.name,
        is_lower_better=not block.metric.higher_is_better,
        **standing(competition, rounded, higher_is_better=block.metric.higher_is_better).__dict__,
    )


def validate(
    competition: str | Competition,
    submission: Path | str | pd.DataFrame,
    *,
    data_dir: Path | None = None,
    sample_submission: Path | None = None,
    version: str | None = None,
) -> ValidationReport:
    """Check a submission against the public schema; no answers are read.

    Parameters
    ----------
    competition : str or Competition
        The competition or its id.
    submission : path or pandas.DataFrame
        A CSV file, or the table itself.
    data_dir : pathlib.Path, optional
        Data folder. Where the version is prepared there, row ids are compared with those of its
        public sample submission.
    sample_submission : pathlib.Path, optional
        The sample submission, if it lies elsewhere.
    version : str, optional
        Data version, the oldest by default.

    Returns
    -------
    ValidationReport
        Whether the format is right, and if not, why.
    """
    competition = _competition(competition)
    version = version or competition.versions[0]
    block = competition.version(version)
    schema = block.submission
    sample = sample_submission or (
        version_folder(data_dir or default_data_dir(), competition.id, version)
        / block.sample_submission
    )
    if sample_submission is not None and not sample.is_file():
        raise DataNotFoundError(f"There is no sample submission {sample}.")
    ids_checked = sample.is_file() and schema.sample_rows == "scored"
    status: Status = "valid"
    reason = None
    try:
        table = _load_submission(submission, block)
        check_columns(table, schema)
        if ids_checked:
            align(table, read_table(sample, schema), schema)
        rule = block.metric.scored_rows
        if rule is None or rule.unscored_cells == "check":
            # Without the answers nobody knows which rows count.
            predictions(table, schema)
    except MissingSubmissionError as error:
        status, reason = "missing", str(error)
    except InvalidSubmissionError as error:
        status, reason = "invalid", str(error)
    return ValidationReport(competition.id, version, status, reason, ids_checked)
