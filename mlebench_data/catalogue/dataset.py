"""The part of `competition.yaml` that says what rows `load_dataset` gives."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator


class Media(BaseModel):
    """A column whose value is a file of the public tree that belongs to the row.

    `path` is a pattern over the row's columns, relative to `public/`. With `archive`, it is the
    name of a member of that zip instead.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    type: Literal["image", "text", "binary"]
    path: str
    archive: str | None = None


class Rows(BaseModel):
    """Rows of one split: from a table, or from the names of files.

    `table` is a CSV or JSON-records file relative to `public/`, or a zip or 7z archive that holds
    one such file. Where a JSON file is one object, `records` is the key of the list. `files` is a
    pattern such as `train/{label}/{id}.png` whose fields become columns, one row for each file that
    matches, sorted by path.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str | None = None
    records: str | None = None
    lines_as: str | None = None
    """The table is lines of text; the name of their column."""
    files: str | None = None
    integers: list[str] = []
    """Columns from file names that are whole numbers."""
    media: list[Media] = []

    @model_validator(mode="after")
    def _one_of_both(self) -> Rows:
        if (self.table is None) == (self.files is None):
            raise ValueError("needs exactly one of 'table' and 'files'")
        for name in ("records", "lines_as"):
            if getattr(self, name) is not None and self.table is None:
                raise ValueError(f"'{name}' needs 'table'")
        return self


class DatasetView(BaseModel):
    """What `load_dataset` shows: train and test, and the sample submission and answers besides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: Rows
    test: Rows
