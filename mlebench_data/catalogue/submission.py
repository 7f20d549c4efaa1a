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
    missing: Literal["forbid", "allow", "empty_text", "nan_text"] = "forbid"
    """`empty_text`, `nan_text`: a missing cell of a string column is let in as the empty text, or
    as the text "nan"."""
    description: str | None = None

    other_integers: Literal["forbid", "wrong"] = "forbid"
    """Boolean columns: whole numbers besides 0 and 1 are let in and equal neither value."""
    booleans: Literal["forbid", "as_numbers", "not_all"] = "forbid"
    """Number and integer columns. `as_numbers`: a column of true/false is read as 1/0; `not_all`:
    unless all columns of this group are so."""
    infinite: Literal["forbid", "allow"] = "forbid"
    """Number columns: infinite values are handed to the metric."""
    text_column: Literal["forbid", "wrong", "ranked"] = "forbid"
    """`wrong`: an integer column that holds any text is let in, and all of it is wrong; `ranked`:
    in a number column that holds any text, cells are replaced by their ranks as text."""
    fractions: Literal["forbid", "truncate"] = "forbid"
    """Integer columns: numbers that are not whole are cut off towards zero."""
    all_numbers: Literal["allow", "forbid", "forbid_fractions", "as_read"] = "allow"
    """String columns: whether a column of nothing but numbers (or true/false) is refused; with
    `forbid_fractions` only if one of them is not whole. With `as_read` it is read as numbers and
    written anew: leading zeros are lost, and whole numbers beside missing cells gain a `.0`."""
    all_missing: Literal["allow", "forbid"] = "allow"
    """String columns that may hold missing cells: whether all cells may be missing."""

    scored: bool = True
    """`false`: the column must be there, but nobody looks at what it holds."""

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
            "integer": {"minimum", "maximum", "values", "booleans", "text_column", "fractions"},
            "number": {"minimum", "maximum", "booleans", "infinite", "text_column"},
            "string": {"values", "pattern", "all_numbers", "all_missing"},
        }[self.type]
        special = {"minimum", "maximum", "values", "pattern"}
        special |= {"other_integers", "booleans", "infinite"}
        special |= {"text_column", "fractions", "all_numbers", "all_missing"}
        wrong = sorted((self.model_fields_set & special) - allowed)
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)} does not apply to type '{self.type}' "
                f"(which takes {', '.join(sorted(allowed))})"
            )
        if self.missing in ("empty_text", "nan_text") and self.type != "string":
            raise ValueError(f"missing: {self.missing} needs type 'string'")
        if self.text_column not in {"integer": ("forbid", "wrong")}.get(
            self.type, ("forbid", "ranked")
        ):
            raise ValueError(f"text_column: {self.text_column} does not apply to '{self.type}'")
        return self


class RowSum(BaseModel):
    """The columns of each row must add up to a number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: float = 1.0
    tolerance: float = Field(default=1e-6, ge=0)
    missing: Literal["forbid", "skip"] = "forbid"
    """`skip`: only the cells that are there must add up, where `missing: allow` lets others go."""


class Submission(BaseModel):
    """Format of a submission file (CSV), and how its rows meet the answers.

    The fields below `missing_tokens` are quirks of the published benchmark: off by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    """Column that names the row."""
    columns: list[Columns] = Field(min_length=1)
    rows: Literal["exact", "superset", "subset", "any"] = "exact"
    """`exact`: every row of the answers once; `superset`: more rows are ignored; `subset`: only the
    rows that are there are scored; `any`, with `align: position`: there may be fewer or more rows;
    more are ignored, and the metric sees all rows of the answers."""
    row_sum: RowSum | None = None

    missing_tokens: MissingTokens = "empty"
    """Which cells are missing: empty ones, or pandas' default tokens ("NA", "null", ...) too."""
    align: Literal["id", "position", "sorted"] = "id"
    """`position`: rows meet the answers in file order and the id column is not looked at (but see
    `align_within`). `sorted`: both files are sorted by their id columns and paired in that order,
    whether the ids agree or not (but see `id_set`)."""
    id_set: Literal["any", "equal", "known"] = "any"
    """With `align: sorted`: whether both files must hold the same ids, however often each; with
    `known` the submission may lack some, but has no others."""
    align_within: str | None = None
    """With `align: position`: rows are paired in file order among those of one value of this
    column, which both files have."""
    ids_as: str | None = None
    """With `align: position`: argument of the metric that is given the submitted ids."""
    repeated_ids: Literal["forbid", "count", "shift", "unscored"] = "forbid"
    """`count`: a row may be there several times, and counts as often. `unscored`: so may one that
    does not count, and one that does only where no other of those is submitted. `shift`, with
    `rows: superset`: the rows that have answers are sorted by id and paired in order, so that a
    repeated id moves the pairs of all ids behind it."""
    sample_rows: Literal["scored", "all"] = "scored"
    """`all`: the sample submission has more rows than the answers. Which of them count is secret,
    so that a check without answers compares no ids."""
    extra_columns: Literal["forbid", "ignore", "zeros"] = "forbid"
    """`ignore`: others than the declared columns are let in; `zeros`: if they hold only zeros."""
    column_order: Literal["any", "fixed"] = "any"
    """`fixed`: the columns must stand in the declared order, the id first."""
    other_names: dict[str, str] = {}
    """Names under which a column is accepted too, and the column meant; not both in one file."""
    columns_by: Literal["name", "position"] = "name"
    """`position`: the columns besides the id are taken in the order of the file, whatever they are
    called (but all names must be there)."""
    id_first: bool = False
    """The id must be the first column of the file."""

    def column_names(self) -> list[str]:
        """Return the names of the columns besides the id, in order."""
        return [name for group in self.columns for name in group.names]

    def scored_columns(self) -> list[tuple[str, Columns]]:
        """Return name and kind of the columns that the metric sees, in order."""
        return [(name, group) for group in self.columns if group.scored for name in group.names]

    @model_validator(mode="after")
    def _distinct(self) -> Submission:
        names = [self.id, *self.column_names()]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"column '{repeated[0]}' is declared twice")
        if self.rows == "any" and self.align != "position":
            raise ValueError("rows: any needs align: position")
        if self.align != "id" and self.rows not in ("exact", "any"):
            raise ValueError(f"align: {self.align} needs rows: exact")
        if self.rows == "any" and self.align_within is not None:
            raise ValueError("align_within needs rows: exact")
        if self.ids_as is not None and self.align != "position":
            raise ValueError("ids_as needs align: position")
        if self.align != "id" and self.repeated_ids != "forbid":
            raise ValueError(f"repeated_ids: {self.repeated_ids} needs align: id")
        if self.align != "sorted" and self.id_set != "any":
            raise ValueError("id_set needs align: sorted")
        if not self.scored_columns():
            raise ValueError("no column is scored")
        if self.repeated_ids == "shift" and self.rows != "superset":
            raise ValueError("repeated_ids: shift needs rows: superset")
        if self.columns_by == "position" and self.extra_columns != "forbid":
            raise ValueError("columns_by: position needs extra_columns: forbid")
        if self.align_within is not None and self.align != "position":
            raise ValueError("align_within needs align: position")
        return self
