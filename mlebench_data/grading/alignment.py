"""Bringing the rows of a submission and of the answers together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlebench_data.catalogue.submission import Submission
from mlebench_data.grading.columns import InvalidSubmissionError, shorten, to_number
from mlebench_data.grading.row_ids import RowIds

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Positions = npt.NDArray[np.intp]


def _shown(value: Any) -> str:
    return f"'{shorten(value)}'" if isinstance(value, str) else shorten(str(value))


def _more(number: int) -> str:
    return f"; {number:,} more such row{'' if number == 1 else 's'}" if number else ""


def _comparable(ids: pd.Series[Any], known: pd.Series[Any]) -> pd.Series[Any]:
    """Read submitted ids as the kind that the known ids have."""
    from pandas.api.types import infer_dtype, is_numeric_dtype

    if is_numeric_dtype(known.dtype):
        # Text that is no number becomes NaN, which no known id is.
        return to_number(ids)
    # pandas 3 has a string type of its own; as objects, text equals text with every version.
    ids = ids.astype("object")
    if infer_dtype(ids, skipna=False) == "string":
        return ids
    return ids.map(lambda value: value if isinstance(value, str) else str(value)).astype("object")


def _row_ids(ids: pd.Series[Any], known: pd.Series[Any]) -> RowIds:
    """Read ids as the kind that the known ids have."""
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    is_text = isinstance(ids.dtype, pd.StringDtype) and not is_numeric_dtype(known.dtype)
    if is_text and not ids.isna().any():
        return RowIds(ids)
    return RowIds(_comparable(ids, known))


def _align_within(
    submitted: pd.DataFrame, known: pd.DataFrame, column: str
) -> tuple[Positions, Positions]:
    """Pair rows in file order, group by group, groups in the order of the known rows."""
    import numpy as np
    import pandas as pd

    known_groups = _comparable(known[column], known[column])
    groups = pd.Index(known_groups.unique())
    code = groups.get_indexer(pd.Index(_comparable(submitted[column], known[column])))
    if (code < 0).any():
        first = int((code < 0).argmax())
        raise InvalidSubmissionError(
            f"row {first + 1}: `{column}` {_shown(submitted[column].iloc[first])} is not in the "
            f"test set{_more(int((code < 0).sum()) - 1)}"
        )
    known_code = groups.get_indexer(pd.Index(known_groups))
    counts = np.bincount(code, minlength=len(groups))
    wanted = np.bincount(known_code, minlength=len(groups))
    wrong = counts != wanted
    if wrong.any():
        first = int(wrong.argmax())
        raise InvalidSubmissionError(
            f"`{column}` {_shown(groups[first])} has {counts[first]:,} rows, must have "
            f"{wanted[first]:,} (rows are paired in order)"
        )
    return np.argsort(code, kind="stable"), np.argsort(known_code, kind="stable")


def _align_sorted(
    submitted: pd.Series[Any], known: pd.Series[Any], schema: Submission
) -> tuple[Positions, Positions]:
    """Pair rows in the order of the ids of each file, whether the ids agree or not."""
    import numpy as np
    import pandas as pd

    if len(submitted) != len(known):
        raise InvalidSubmissionError(
            f"has {len(submitted):,} rows, must have {len(known):,} (rows are paired in the order "
            f"of `{schema.id}`)"
        )
    if schema.id_set != "any":
        ids = pd.Index(_comparable(submitted, known))
        known_ids = pd.Index(_comparable(known, known))
        unknown = ~ids.isin(known_ids)
        if unknown.any():
            first = int(unknown.argmax())
            raise InvalidSubmissionError(
                f"row {first + 1}: `{schema.id}` {_shown(submitted.iloc[first])} is not in the "
                f"test set{_more(int(unknown.sum()) - 1)}"
            )
        absent = ~known_ids.isin(ids)
        if absent.any() and schema.id_set == "equal":
            raise InvalidSubmissionError(
                f"{int(absent.sum()):,} of {len(known):,} rows missing, such as `{schema.id}` "
                f"{_shown(known.iloc[int(absent.argmax())])}"
            )
    submitted_order, known_order = (
        ids.reset_index(drop=True).sort_values(kind="stable").index.to_numpy(dtype=np.intp)
        for ids in (submitted, known)
    )
    return submitted_order, known_order


def partners(submitted: pd.DataFrame, known: pd.DataFrame, schema: Submission) -> Positions:
    """Return the known row that has the id of each submitted row, -1 where there is none."""
    known_ids = _row_ids(known[schema.id], known[schema.id])
    return known_ids.find(_row_ids(submitted[schema.id], known[schema.id]))


def align(
    submitted: pd.DataFrame,
    known: pd.DataFrame,
    schema: Submission,
    *,
    scored: npt.NDArray[np.bool_] | None = None,
) -> tuple[Positions, Positions]:
    """Pair the rows of a submission with those of the answers (or of the sample submission).

    Parameters
    ----------
    submitted, known : pandas.DataFrame
        The two tables.
    schema : Submission
        How rows are paired.
    scored : numpy.ndarray of bool, optional
        Which rows of `known` count, where that is known and not all do.

    Returns
    -------
    submitted_positions, known_positions : numpy.ndarray of int
        Row numbers, pairwise. Paired by id, they go in the order of the sorted ids, as the
        published benchmark sums up: floating-point sums depend on it in the last digit.

    Raises
    ------
    InvalidSubmissionError
        Naming the rows that have no partner.
    """
    import numpy as np
    import pandas as pd

    if schema.align == "position":
        if schema.rows == "any":
            return np.arange(min(len(submitted), len(known))), np.arange(len(known))
        if len(submitted) != len(known):
            raise InvalidSubmissionError(
                f"has {len(submitted):,} rows, must have {len(known):,} (rows are paired in order)"
            )
        if schema.align_within is not None:
            return _align_within(submitted, known, schema.align_within)
        positions = np.arange(len(known))
        return positions, positions

    if schema.align == "sorted":
        return _align_sorted(submitted[schema.id], known[schema.id], schema)

    raw_ids = submitted[schema.id]
    ids = _row_ids(raw_ids, known[schema.id])
    known_ids = _row_ids(known[schema.id], known[schema.id])
    order = known_ids.order()
    if known_ids.repeated(order):
        raise ValueError(f"the answers hold an id twice in column '{schema.id}'")
    if ids.equals(known_ids):
        # The order of the sample submission, which most keep: no need to look up millions of ids.
        return order, order
    partner = known_ids.find(ids)
    problems = []

    unknown = partner < 0
    if unknown.any() and schema.rows != "superset":
        first = int(unknown.argmax())
        value = raw_ids.iloc[first]
        problems.append(
            (
                f"row {first + 1} has no `{schema.id}`"
                if pd.isna(value)
                else f"row {first + 1}: `{schema.id}` {_shown(value)} is not in the test set"
            )
            + _more(int(unknown.sum()) - 1)
        )
    counts = np.bincount(partner[~unknown], minlength=len(known))
    if counts.max(initial=0) > 1 and schema.repeated_ids in ("forbid", "unscored"):
        repeated = pd.Index(partner).duplicated() & ~unknown
        if schema.repeated_ids == "unscored":
            matters = np.zeros(len(known), dtype=bool) if scored is None else scored
            alone = np.count_nonzero((counts > 0) & matters) == 1
            repeated &= matters[partner] & (not alone)
    else:
        repeated = np.zeros(len(submitted), dtype=bool)
    if repeated.any():
        first = int(repeated.argmax())
        problems.append(
            f"row {first + 1}: `{schema.id}` {_shown(raw_ids.iloc[first])} appears a second time"
            + _more(int(repeated.sum()) - 1)
        )
    absent = counts == 0
    if absent.any() and schema.rows != "subset":
        names = [_shown(value) for value in known[schema.id][absent].iloc[:3]]
        number = int(absent.sum())
        problems.append(
            f"{number:,} of {len(known):,} rows missing, such as `{schema.id}` {', '.join(names)}"
        )
    if problems:
        raise InvalidSubmissionError("; ".join(problems))

    if schema.repeated_ids == "shift":
        known_rows = np.flatnonzero(~unknown)
        # As published, down to where the unstable sort puts rows of one id.
        scored_ids = ids.series.iloc[known_rows].astype("object").to_numpy()
        place = np.argsort(scored_ids, kind="quicksort")
        return known_rows[place][: len(known)], order
    rank = np.empty(len(known), dtype=np.intp)
    rank[order] = np.arange(len(known))
    rows = np.flatnonzero(~unknown)
    rows = rows[np.argsort(rank[partner[rows]], kind="stable")]
    return rows, partner[rows]
