"""Reading and checking of a submission, before its rows meet the answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.catalogue.submission import Columns, Submission
from mlebench_data.grading.columns import InvalidSubmissionError, shorten, typed_column
from mlebench_data.grading.csv_reading import read_graded_csv
from mlebench_data.grading.csv_shape import check_shape

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

#: What pandas' parser says then, as an error of the file.
_OUT_OF_MEMORY = "Error tokenizing data. C error: out of memory"


class MissingSubmissionError(Exception):
    """There is no submission file."""


def text_columns(schema: Submission) -> list[str]:
    """Return the columns that stay text whatever their cells look like."""
    return [
        name
        for group in schema.columns
        if group.type == "string" and group.all_numbers != "as_read"
        for name in group.names
    ]


def read_submission(path: Path, schema: Submission) -> pd.DataFrame:
    """Read a submission file.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file.
    schema : Submission
        Format of the competition's submissions.

    Returns
    -------
    pandas.DataFrame
        Its content, unchecked.

    Raises
    ------
    MissingSubmissionError
        If there is no such file.
    InvalidSubmissionError
        If it is no CSV file.
    MemoryError
        If it takes more memory than there is.
    """
    if not path.exists():
        raise MissingSubmissionError(f"there is no file {path}")
    if not path.is_file():
        raise InvalidSubmissionError(f"{path} is not a file")
    if path.suffix.lower() != ".csv":
        raise InvalidSubmissionError(f"the file name must end in .csv, not '{path.suffix}'")
    if path.stat().st_size == 0:
        raise InvalidSubmissionError("the file is empty")
    if _holds_nul(path):
        # Some versions of pandas take such a cell for text, others for a missing one.
        raise InvalidSubmissionError("the file holds NUL bytes, which CSV does not know")
    check_shape(path)
    try:
        table = read_graded_csv(
            path, missing_tokens=schema.missing_tokens, columns_as_text=text_columns(schema)
        )
    except (ValueError, OverflowError) as error:
        if str(error) == _OUT_OF_MEMORY:
            raise MemoryError(str(error)) from error
        # pandas' parser and decoding errors are ValueErrors: the file is not readable as CSV.
        raise InvalidSubmissionError(f"the file cannot be read as CSV: {error}") from error
    _make_huge_numbers_text(table)
    return table


def _holds_nul(path: Path) -> bool:
    with path.open("rb") as stream:
        return any(b"\0" in block for block in iter(lambda: stream.read(1 << 20), b""))


def _make_huge_numbers_text(table: pd.DataFrame) -> None:
    """Turn whole numbers that no column of numbers holds into text.

    So they come from pandas before version 3.1; later ones give Python's integers.
    """
    from pandas.api.types import infer_dtype, is_object_dtype

    for place, dtype in enumerate(table.dtypes):
        column = table.iloc[:, place]
        if is_object_dtype(dtype) and "integer" in infer_dtype(column, skipna=True):
            text = column.map(lambda cell: str(cell) if type(cell) is int else cell)
            table.isetitem(place, text.to_numpy())


def check_columns(table: pd.DataFrame, schema: Submission) -> None:
    """Refuse a table that lacks a column, or has one too many.

    Raises
    ------
    InvalidSubmissionError
        Naming the columns.
    """
    import pandas as pd

    found = [str(name) for name in table.columns]
    repeated = list(pd.unique(pd.Series(found)[pd.Index(found).duplicated()]))
    if repeated:
        raise InvalidSubmissionError(f"{_columns(repeated)} there more than once")
    required = schema.column_names()
    if schema.align != "position" or schema.ids_as is not None:
        required = [schema.id, *required]
    elif schema.align_within is not None:
        required = [schema.align_within, *required]
    missing = [name for name in required if name not in found]
    if missing:
        raise InvalidSubmissionError(
            f"{_columns(missing)} missing; the file has {_columns(found) or 'no columns'}"
        )
    known = {schema.id, schema.align_within, *schema.column_names()}
    extra = [name for name in found if name not in known]
    if schema.extra_columns == "zeros":
        extra = [name for name in extra if not _is_zero(table[name])]
    if schema.extra_columns != "ignore":
        if extra:
            raise InvalidSubmissionError(
                f"{_columns(extra)} not allowed; only {_columns(required)}"
            )
        # pandas makes row labels of the cells that have no column; row numbers do no harm.
        labels = table.index
        if isinstance(labels, pd.MultiIndex) or not labels.equals(pd.RangeIndex(len(labels))):
            raise InvalidSubmissionError("the rows have more cells than the header has columns")
    if schema.column_order == "fixed" and found != (order := [schema.id, *schema.column_names()]):
        wrong = next(i for i, name in enumerate(order) if found[i : i + 1] != [name])
        raise InvalidSubmissionError(
            f"the columns must stand in a fixed order: number {wrong + 1} must be "
            f"`{order[wrong]}`, but is `{shorten(found[wrong])}`"
        )
    if schema.id_first and found[0] != schema.id:
        raise InvalidSubmissionError(
            f"the first column must be `{schema.id}`, but it is {_columns(found[:1])}"
        )


def _is_zero(column: pd.Series[Any]) -> bool:
    """Tell whether a column holds numbers that are all zero, or nothing."""
    from pandas.api.types import is_numeric_dtype

    return is_numeric_dtype(column.dtype) and bool((column.fillna(0) == 0).all())


def _columns(names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(f"`{shorten(name)}`" for name in names[:10])
    if len(names) > 10:
        shown += f" and {len(names) - 10} more"
    return f"column {shown}" if len(names) == 1 else f"columns {shown}"


def predictions(
    table: pd.DataFrame, schema: Submission, *, looked_at: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[Any]:
    """Check the values of all scored columns.

    Parameters
    ----------
    table : pandas.DataFrame
        The submission.
    schema : Submission
        What it must hold.
    looked_at : numpy.ndarray of bool, optional
        Rows whose cells are looked at; in the others anything goes, and a valid value takes its
        place. By default all.

    Returns
    -------
    numpy.ndarray of shape (n_rows,) or (n_rows, n_columns)
        One column gives a vector, several a matrix in the order of the schema.

    Raises
    ------
    InvalidSubmissionError
        Naming column and row.
    """
    import numpy as np

    scored = schema.scored_columns()
    if schema.columns_by == "position":
        names = [name for name in table.columns if name != schema.id]
        scored = [(name, group) for name, (_, group) in zip(names, scored, strict=True)]
    _check_booleans(table, scored)
    columns = [
        typed_column(_without_unseen(table[name], group, looked_at), group)
        for name, group in scored
    ]
    values = columns[0] if len(columns) == 1 else np.column_stack(columns)
    if schema.row_sum is not None:
        total = np.nansum if schema.row_sum.missing == "skip" else np.sum
        sums = total(values.reshape(len(table), -1), axis=1)
        wrong = ~(np.abs(sums - schema.row_sum.to) <= schema.row_sum.tolerance)
        if wrong.any():
            first = int(wrong.argmax())
            raise InvalidSubmissionError(
                f"row {first + 1}: the values add up to {sums[first]:.6g} instead of "
                f"{schema.row_sum.to:g} (tolerance {schema.row_sum.tolerance:g}); "
                f"{int(wrong.sum()):,} such rows"
            )
    return values


def _check_booleans(table: pd.DataFrame, scored: Sequence[tuple[str, Columns]]) -> None:
    """Refuse true/false in all columns of a group that lets it in only beside numbers."""
    from pandas.api.types import is_bool_dtype

    names = [name for name, group in scored if group.booleans == "not_all"]
    if names and all(is_bool_dtype(table[name].dtype) for name in names):
        raise InvalidSubmissionError(
            f"column `{names[0]}` and all {len(names):,} scored columns hold true/false, must hold "
            "numbers"
        )


def _without_unseen(
    column: pd.Series[Any], group: Columns, looked_at: npt.NDArray[np.bool_] | None
) -> pd.Series[Any]:
    """Replace the cells that nobody looks at by a valid value."""
    if looked_at is None or looked_at.all():
        return column
    import numpy as np
    import pandas as pd

    filling: str | float
    if group.values:
        filling = group.values[0]
    else:
        filling = "0" if group.type == "string" else group.minimum or 0
    if column.dtype == "float64" and not isinstance(filling, str):
        return column.where(looked_at, filling)
    cells = np.where(looked_at, column.to_numpy(dtype=object), filling)
    return pd.Series(cells, name=column.name).infer_objects()
