"""Decide which table is for training and which for testing, and line the test rows up."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from discover import DataFile, DataFolder
from journal import Journal
from tables import UnreadableTableError, as_text, peek, read_table


class CannotImproveError(Exception):
    """Nothing better than the sample submission can be made, for a reason that is known."""


@dataclass
class Roles:
    """The tables of a competition.

    Attributes
    ----------
    sample : pandas.DataFrame
        The sample submission, all cells as text.
    ids, targets : list[str]
        Its columns: those that name a row, and those to fill.
    train, test : pandas.DataFrame or None
        Columns wanted as text (ids, targets, whatever only ``train`` has) are text.
    """

    sample: pd.DataFrame
    ids: list[str]
    targets: list[str]
    train: pd.DataFrame | None
    test: pd.DataFrame | None


def assign_roles(
    folder: DataFolder, sample_file: DataFile, tables: list[DataFile], journal: Journal, seed: int
) -> Roles:
    """Read the sample submission and the tables that serve as train and test.

    Raises
    ------
    CannotImproveError
        If the sample submission is unreadable or has no rows or nothing to fill.
    """
    try:
        header = list(peek(folder, sample_file).columns)
        sample = read_table(folder, sample_file, set(header))
    except UnreadableTableError as error:
        raise CannotImproveError(f"the sample submission cannot be read: {error}") from error
    if sample.empty or sample.shape[1] < 2:
        raise CannotImproveError("the sample submission has no rows, or no column to fill")
    peeks: dict[DataFile, pd.DataFrame] = {}
    for file in tables:
        try:
            peeks[file] = peek(folder, file)
        except UnreadableTableError as error:
            journal.warn(f"passing over a table: {error}")
    columns = list(sample.columns)
    train_file = _best(peeks, "train", columns, ())
    test_file = _best(peeks, "test", columns, (train_file,) if train_file else ())
    in_test = set(peeks[test_file].columns) if test_file else set()
    in_train = set(peeks[train_file].columns) if train_file else set()
    ids = columns[:1]
    for column in columns[1:-1]:
        # A column that the test table already has names rows rather than asking for an answer.
        if column not in in_test:
            break
        ids.append(column)
    raw = set(columns) | (in_train - in_test)
    train = _read_merged(folder, train_file, peeks, "train", ids, raw, journal, seed, in_test)
    test = _read_merged(folder, test_file, peeks, "test", ids, set(columns), journal, seed, None)
    journal.note(
        sample=sample_file.name,
        train=train_file and train_file.name,
        test=test_file and test_file.name,
        rows={
            "sample": len(sample),
            "train": None if train is None else len(train),
            "test": None if test is None else len(test),
        },
        ids=ids,
    )
    return Roles(sample, ids, columns[len(ids) :], train, test)


def _best(
    peeks: dict[DataFile, pd.DataFrame], part: str, columns: list[str], taken: tuple[DataFile, ...]
) -> DataFile | None:
    """Return the table that best fits a part by its name and its columns."""
    scores: dict[DataFile, float] = {}
    other = "train" if part == "test" else "test"
    for file, table in peeks.items():
        if file in taken:
            continue
        name = file.name.lower()
        has_targets = any(column in table.columns for column in columns[1:])
        score = 4.0 * (part in name) - 4.0 * (other in name) + 2.0 * (columns[0] in table.columns)
        score += (3.0 if part == "train" else -1.0) * has_targets
        score += 1.0 * (file.stem.lower() == part) - 0.1 * len(file.folders)
        scores[file] = score
    best = max(scores, key=lambda file: scores[file], default=None)
    if best is None or scores[best] < (2.5 if part == "train" else 1.5):
        return None
    return best


def _read_merged(
    folder: DataFolder,
    main: DataFile | None,
    peeks: dict[DataFile, pd.DataFrame],
    part: str,
    ids: list[str],
    raw: set[str],
    journal: Journal,
    seed: int,
    companions_of: set[str] | None,
) -> pd.DataFrame | None:
    """Read a table; add columns of others of the same part that have one row per id."""
    if main is None:
        return None
    try:
        table = read_table(folder, main, raw, may_sample=part == "train", seed=seed)
    except UnreadableTableError as error:
        journal.warn(f"the {part} table cannot be read: {error}")
        return None
    for file, first_rows in peeks.items():
        new = [column for column in first_rows.columns if column not in table.columns]
        wanted = new and (companions_of is None or not companions_of.isdisjoint(new))
        if file == main or part not in file.name.lower() or not wanted:
            continue
        if not set(ids) <= set(first_rows.columns) or not set(ids) <= set(table.columns):
            continue
        try:
            other = read_table(folder, file, set(ids))
        except UnreadableTableError as error:
            journal.warn(f"passing over a table: {error}")
            continue
        if not other.duplicated(ids).any() and other[ids[0]].isin(table[ids[0]]).mean() > 0.5:
            table = table.merge(other[ids + new], on=ids, how="left")
            journal.say(f"added {len(new)} columns of {file.name} to {main.name}")
    return table


def align_test(roles: Roles, journal: Journal) -> pd.DataFrame:
    """Return one row per row of the sample submission, in its order, with the test columns.

    Without a test table, or if its rows cannot be told apart by the ids, the rows are matched by
    position; if that is impossible too, only the ids are known.
    """
    sample_ids = roles.sample[roles.ids]
    if roles.test is None:
        return sample_ids.reset_index(drop=True)
    test = roles.test.reset_index(drop=True)
    keys = _joined(sample_ids)
    for columns in [roles.ids, *([column] for column in test.columns)]:
        if not set(columns) <= set(test.columns):
            continue
        own = _joined(test[columns])
        if len(own) == len(keys) and own.tolist() == keys.tolist():
            return _with_ids(test, sample_ids)
        unique = ~own.duplicated()
        if keys.isin(own[unique]).mean() > 0.99:
            lookup = pd.Series(test.index[unique], index=own[unique].tolist())
            positions = lookup.reindex(keys.tolist())
            aligned = test.reindex(positions.tolist()).reset_index(drop=True)
            return _with_ids(aligned, sample_ids)
    if len(test) == len(keys):
        journal.warn("no column of the test table holds the ids: rows are matched by position")
        return _with_ids(test, sample_ids)
    journal.warn("the rows of the test table cannot be matched with the sample submission's ids")
    return sample_ids.reset_index(drop=True)


def _joined(columns: pd.DataFrame) -> pd.Series:
    """Join the cells of each row to one text."""
    texts = [as_text(columns[name]) for name in columns.columns]
    joined = texts[0]
    for text in texts[1:]:
        joined = joined + "\x1f" + text
    return joined.reset_index(drop=True)


def _with_ids(table: pd.DataFrame, sample_ids: pd.DataFrame) -> pd.DataFrame:
    """Put the sample's spelling of the ids in place, whatever the table calls them."""
    table = table.copy()
    for column in sample_ids.columns:
        table[column] = sample_ids[column].to_numpy()
    return table
