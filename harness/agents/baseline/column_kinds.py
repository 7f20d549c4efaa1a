"""Tell what kind of values a column of a table holds."""

from __future__ import annotations

from typing import Literal

import pandas as pd

Kind = Literal["empty", "number", "boolean", "date", "list", "text", "category", "code", "name"]
# A category has at most this many values (the native limit of gradient boosting is 255).
MANY_CATEGORIES = 200
SEPARATORS = ("/", "_", "-", "|", ":", ",", ".", " ")


def kind_of(column: pd.Series) -> Kind:
    """Return the kind of a column.

    Returns
    -------
    str
        ``empty``; ``number``; ``boolean`` (also as text); ``date``; ``list``; ``text`` (sentences);
        ``category`` (few values); ``code`` (parts joined by a separator, such as ``B/12/P``);
        ``name`` (many different values without known structure).
    """
    known = column.dropna()
    if known.empty:
        return "empty"
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if isinstance(known.iloc[0], (list, tuple)):
        return "list"
    text = known.map(str)
    if set(text.head(1000).str.lower().unique()) <= {"true", "false"}:
        return "boolean"
    few = text.sample(2000, random_state=0) if len(text) > 2000 else text
    if pd.to_numeric(few, errors="coerce").notna().mean() > 0.95:
        return "number"
    if few.str.match(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]|\s*$)").mean() > 0.9:
        return "date"
    words = few.str.count(r"\S+")
    distinct = text.nunique()
    if words.mean() >= 4 and distinct > min(MANY_CATEGORIES, 0.3 * len(text)):
        return "text"
    if distinct <= MANY_CATEGORIES and distinct <= max(0.5 * len(text), 12):
        return "category"
    return "code" if separator_of(few) else "name"


def separator_of(text: pd.Series) -> str | None:
    """Return the separator that cuts nearly all values into the same number (2 to 6) of parts."""
    for separator in SEPARATORS:
        parts = text.str.count("\\" + separator) + 1
        usual = int(parts.mode().iloc[0])
        if 2 <= usual <= 6 and (parts == usual).mean() > 0.95:
            return separator
    return None
