"""From the columns of a submission to typed arrays, with reasons that name the cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlebench_data.catalogue.submission import Columns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE_DOUBLES = 2**53  # Up to here every whole number is a double.


class InvalidSubmissionError(Exception):
    """The submission breaks the rules; the message is the reason that its author reads."""


def shorten(text: str) -> str:
    """Return text of a submission for use in a message: one line, of limited length."""
    text = text if len(text) <= 80 else f"{text[:60]}... ({len(text):,} characters)"
    return text if text.isprintable() else repr(text)[1:-1]


def _refuse(series: pd.Series[Any], bad: npt.NDArray[np.bool_], what: str) -> None:
    """Raise with the number of bad cells and the first one, if there is any."""
    import pandas as pd

    number = int(bad.sum())
    if number:
        first = int(bad.argmax())
        value = series.iloc[first]
        shown = f"'{shorten(value)}'" if isinstance(value, str) else shorten(str(value))
        raise InvalidSubmissionError(
            f"column `{series.name}`: "
            f"{'1 value is' if number == 1 else f'{number:,} values are'} {what}, "
            f"first in row {first + 1}{'' if pd.isna(value) else f': {shown}'}"
        )


def to_number(series: pd.Series[Any]) -> pd.Series[Any]:
    """Read cells as numbers; what is none becomes NaN."""
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(series.dtype):
        return series
    # pandas' versions differ in the last digit of such cells, and in whether "1e400" is a number.
    return pd.to_numeric(series.map(_nearest_double), errors="coerce")


def _nearest_double(value: Any) -> Any:
    """Return the double of a decimal number, infinite beyond their range; else the value itself."""
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _DECIMAL.fullmatch(text) else value
    if isinstance(value, int) and abs(value) > _WHOLE_DOUBLES:
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return value


def _numbers(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return a numeric series, or refuse cells that are no numbers."""
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(series.dtype):
        return series
    parsed = to_number(series)
    _refuse(series, (parsed.isna() & series.notna()).to_numpy(), "not numeric")
    return parsed


def _check_missing(series: pd.Series[Any], spec: Columns) -> None:
    if spec.missing == "forbid":
        _refuse(series, series.isna().to_numpy(), "missing")


def _check_bounds(series: pd.Series[Any], spec: Columns) -> None:
    import numpy as np

    if spec.infinite == "forbid":
        _refuse(series, np.isinf(series.to_numpy(dtype="float64")), "infinite")
    if spec.minimum is not None:
        _refuse(series, (series < spec.minimum).to_numpy(), f"below {spec.minimum:g}")
    if spec.maximum is not None:
        _refuse(series, (series > spec.maximum).to_numpy(), f"above {spec.maximum:g}")


def _number_column(series: pd.Series[Any], spec: Columns) -> npt.NDArray[Any]:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_bool_dtype(series.dtype) and spec.booleans == "forbid":
        raise InvalidSubmissionError(f"column `{series.name}`: holds true/false, must hold numbers")
    if spec.text_column == "ranked" and not is_numeric_dtype(series.dtype):
        _check_missing(series, spec)
        return series.astype("object").rank(method="dense").to_numpy(dtype="float64")
    numbers = _numbers(series).astype("float64")
    _check_missing(numbers, spec)
    _check_bounds(numbers, spec)
    return numbers.to_numpy()


def _integer_column(series: pd.Series[Any], spec: Columns) -> npt.NDArray[Any]:
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if is_bool_dtype(series.dtype):
        if spec.booleans == "forbid":
            raise InvalidSubmissionError(
                f"column `{series.name}`: holds true/false, must hold whole numbers"
            )
        series = series.astype("int64")
    if spec.text_column == "wrong" and not is_numeric_dtype(series.dtype):
        _check_missing(series, spec)
        # The smallest integer stands for what equals no true value.
        return np.full(len(series), np.iinfo(np.int64).min)
    numbers = _numbers(series)
    _check_missing(numbers, spec)
    _check_bounds(numbers, spec)
    if spec.fractions == "truncate":
        numbers = numbers.astype("float64").map(np.trunc) if numbers.dtype.kind == "f" else numbers
    _refuse(numbers, ((numbers % 1 != 0) & numbers.notna()).to_numpy(), "not whole")
    if numbers.dtype.kind != "i":
        # Beyond, the conversion below would wrap round without a word.
        _refuse(numbers, (numbers.abs() >= 2.0**63).to_numpy(), "too large")
    if spec.values is not None:
        allowed = numbers.isin(spec.values) | numbers.isna()
        _refuse(numbers, (~allowed).to_numpy(), f"none of {_listing(spec.values)}")
    # A missing value, where one is allowed, has no integer: such a column stays float.
    return numbers.to_numpy() if numbers.isna().any() else numbers.astype("int64").to_numpy()


def _boolean_column(series: pd.Series[Any], spec: Columns) -> npt.NDArray[Any]:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    _check_missing(series, spec)
    if is_bool_dtype(series.dtype):
        return series.astype("int64").to_numpy()
    if not is_numeric_dtype(series.dtype):
        is_text = series.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
        _refuse(series, is_text, "neither true/false nor 0/1")
    numbers = to_number(series).astype("float64")
    allowed = numbers.isin([0.0, 1.0])
    if spec.other_integers == "wrong":
        allowed |= numbers % 1 == 0
    _refuse(series, (~allowed).to_numpy(), "neither true/false nor 0/1")
    return numbers.astype("int64").to_numpy()


def _check_is_text(text: pd.Series[Any], present: npt.NDArray[np.bool_], spec: Columns) -> None:
    """Refuse a column of which pandas would make numbers or true/false, or nothing at all."""
    import pandas as pd

    if not present.any():
        if spec.all_missing == "forbid" and len(text):
            raise InvalidSubmissionError(f"column `{text.name}`: every value is missing")
        return
    if spec.all_numbers in ("allow", "as_read"):
        return
    first = str(text.iloc[int(present.argmax())])
    if first.lower() not in ("true", "false") and pd.isna(pd.to_numeric(first, errors="coerce")):
        # One cell of text will do, and mostly the first is.
        return
    cells = text[present].astype("object")
    numbers = pd.to_numeric(cells, errors="coerce")
    if spec.all_numbers == "forbid":
        is_boolean = cells.map(lambda cell: str(cell).lower() in ("true", "false"))
        if numbers.notna().all() or is_boolean.all():
            raise InvalidSubmissionError(
                f"column `{text.name}`: holds nothing but "
                f"{'true/false' if is_boolean.all() else 'numbers'}, must hold text"
            )
    elif numbers.notna().all() and (numbers % 1 != 0).any():
        raise InvalidSubmissionError(
            f"column `{text.name}`: holds nothing but numbers that are not whole, must hold text"
        )


def _string_column(series: pd.Series[Any], spec: Columns) -> Any:
    import numpy as np
    from pandas.api.types import is_numeric_dtype

    # Asked once: on Python's strings it takes as long as the rest.
    present = series.notna()
    if spec.missing == "forbid":
        _refuse(series, (~present).to_numpy(dtype=bool), "missing")
    fillings = {"empty_text": "", "nan_text": "nan"}
    complete = present.all() or spec.missing in fillings
    if complete and spec.values is None and spec.pattern is None and _is_arrow(series):
        _check_is_text(series, present.to_numpy(dtype=bool), spec)
        return series.array if present.all() else series.fillna(fillings[spec.missing]).array
    text = series.astype("object")
    if spec.all_numbers == "as_read" and is_numeric_dtype(series.dtype):
        text = text.map(str).where(present, None)
    _check_is_text(text, present.to_numpy(dtype=bool), spec)
    if spec.missing in fillings and not present.all():
        text = text.where(present, fillings[spec.missing])
        present = text.notna()
    if spec.values is not None:
        allowed = text.isin(spec.values) | ~present
        _refuse(series, (~allowed).to_numpy(), f"none of {_listing(spec.values)}")
    if spec.pattern is not None:
        fits = text[present].map(str).str.fullmatch(spec.pattern)
        bad = np.zeros(len(series), dtype=bool)
        bad[present.to_numpy(dtype=bool)] = ~fits.to_numpy(dtype=bool)
        _refuse(series, bad, f"not of the form {spec.pattern}")
    return text.to_numpy(dtype=object)


def _is_arrow(series: pd.Series[Any]) -> bool:
    """Tell whether Arrow holds the text, as it does for pandas 3."""
    import pandas as pd

    return isinstance(series.dtype, pd.StringDtype) and series.dtype.storage == "pyarrow"


def _listing(values: list[Any]) -> str:
    shown = ", ".join(map(str, values[:8]))
    return shown if len(values) <= 8 else f"{shown}, ... ({len(values)} allowed values)"


_READERS = {
    "boolean": _boolean_column,
    "integer": _integer_column,
    "number": _number_column,
    "string": _string_column,
}


def typed_column(series: pd.Series[Any], spec: Columns) -> Any:
    """Check one column and return its values.

    Parameters
    ----------
    series : pandas.Series
        The column as read; its name appears in messages.
    spec : Columns
        What it must hold.

    Returns
    -------
    numpy.ndarray of shape (n_rows,)
        float64 for numbers, int64 for integers and booleans, object for strings; or strings as
        pandas' array of them, where Arrow holds it: Python's objects would take much longer to
        make than most scores.

    Raises
    ------
    InvalidSubmissionError
        Naming the column, how many cells are wrong, and the first of them. Rows count from 1, the
        header not included.
    """
    return _READERS[spec.type](series, spec)
