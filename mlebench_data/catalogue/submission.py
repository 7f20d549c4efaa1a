"""The part of `competition.yaml` that says what a valid submission is."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlebench_data.tables import MissingTokens


class Columns(BaseModel):
    """One or several columns of the same kind.

    The fields below `other_integers` are quirks of the published benchmark: off by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: list[str] = Field(min_length=1)
    type: Literal["boolean", "integer", "number", "string"]
    minimum: float | None = None
    maximum: float | None = None
    values: list[str | int] | None = None
    """The only values allowed (integer and string columns)."""
    pattern: str | None = None
    """Regular expression that the whole cell must match (string columns)."""
    missing: Literal["forbid", "allow"] = "forbid"
    description: str | None = None

    other_integers: Literal["forbid", "wrong"] = "forbid"
    """Boolean columns: whole numbers besides 0 and 1 are let in and equal neither value."""
    booleans: Literal["forbid", "as_numbers"] = "forbid"
    """Number columns: a column of true/false is read as 1/0."""
    infinite: Literal["forbid", "allow"] = "forbid"
    """Number columns: infinite values are handed to the metric."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"is no regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _fits_type(self) -> Columns:
        allowed = {
            "boolean": {"other_integers"},
            "integer": {"minimum", "maximum", "values"},
            "number": {"minimum", "maximum", "booleans", "infinite"},
            "string": {"values", "pattern"},
        }[self.type]
        special = {"minimum", "maximum", "values", "pattern"}
        special |= {"other_integers", "booleans", "infinite"}
        wrong = sorted((self.model_fields_set & special) - allowed)
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)} does not apply to type '{self.type}' "
                f"(which takes {', '.join(sorted(allowed))})"
            )
        return self


class RowSum(BaseModel):
    """The columns of each row must add up to a number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: float = 1.0
    tolerance: float = Field(default=1e-6, ge=0)


class Submission(BaseModel):
    """Format of a submission file (CSV), and how its rows meet the answers.

    The fields below `missing_tokens` are quirks of the published benchmark: off by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """Column that names the row."""
    columns: list[Columns] = Field(min_length=1)
    rows: Literal["exact", "superset", "subset"] = "exact"
    """`exact`: every row of the answers once; `superset`: more rows are ignored; `subset`: only the
    rows that are there are scored."""
    row_sum: RowSum | None = None

    missing_tokens: MissingTokens = "empty"
    """Which cells are missing: empty ones, or pandas' default tokens ("NA", "null", ...) too."""
    align: Literal["id", "position"] = "id"
    """`position`: rows meet the answers in file order and the id column is not looked at (but see
    `align_within`)."""
    align_within: str | None = None
    """With `align: position`: rows are paired in file order among those of one value of this
    column, which both files have."""
    extra_columns: Literal["forbid", "ignore"] = "forbid"
    id_first: bool = False
    """The id must be the first column of the file."""

    def column_names(self) -> list[str]:
        """Return the names of the scored columns, in order."""
        return [name for group in self.columns for name in group.names]

    @model_validator(mode="after")
    def _distinct(self) -> Submission:
        names = [self.id, *self.column_names()]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"column '{repeated[0]}' is declared twice")
        if self.align == "position" and self.rows != "exact":
            raise ValueError("align: position needs rows: exact")
        if self.align_within is not None and self.align != "position":
            raise ValueError("align_within needs align: position")
        return self
