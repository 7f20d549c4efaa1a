"""The part of `competition.yaml` that says what rows `load_dataset` gives."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

RESERVED_NAMES = ("default", "sample_submission", "files", "private", "private_files")
"""Configurations that every dataset has, or may have, besides its own."""

_CONFIG_NAME = re.compile(r"[a-z][a-z0-9_]*")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Media(_Model):
    """A column whose value is a file of the public tree that belongs to the row.

    `path` is a pattern over the row's columns, relative to `public/`; where it ends in a file name
    with a `*`, the value is the list of all files of this kind, in natural order. With `archive`,
    it names members of that archive instead, and with `below` as seen from that folder. `field` is
    the place of the bytes in a BSON document instead.
    """

    column: str
    type: Literal["image", "audio", "video", "text", "binary", "path"]
    path: str | None = None
    field: str | None = None
    archive: str | None = None
    below: str = ""
    optional: bool = False
    """A row without such a file has none, instead of being refused."""

    @property
    def is_list(self) -> bool:
        """Whether the value is a list of files."""
        return self.field is not None or (self.path is not None and "*" in self.path)

    @model_validator(mode="after")
    def _fits(self) -> Media:
        if (self.path is None) == (self.field is None):
            raise ValueError("needs exactly one of 'path' and 'field'")
        if self.field is not None and (self.archive is not None or self.type in ("text", "path")):
            raise ValueError("'field' goes with 'image', 'audio', 'video' and 'binary' only")
        if self.path is not None and "*" in self.path.rpartition("/")[0]:
            raise ValueError("'*' may only stand in the last part of 'path'")
        if self.is_list and self.type in ("text", "path"):
            raise ValueError("a list of files is of type 'image', 'audio', 'video' or 'binary'")
        if self.below and self.archive is None:
            raise ValueError("'below' needs 'archive'")
        return self


class TableFile(_Model):
    """A file that is a table, relative to `public/`, or an archive that holds one such file alone.

    The ending of its name says which kind it is.
    """

    table: str | None = None
    records: str | None = None
    """Where a JSON file is one object, the key of the list of rows."""
    lines_as: str | None = None
    """The file holds lines of text; the name of their column."""
    lists_as: str | None = None
    """Rows of a CSV file go on beyond the last column name; the column of this list."""
    missing: str | None = None
    """With `lists_as`: a list of this text alone is missing."""

    @model_validator(mode="after")
    def _belongs_to_table(self) -> TableFile:
        for name in ("records", "lines_as", "lists_as"):
            if getattr(self, name) is not None and self.table is None:
                raise ValueError(f"'{name}' needs 'table'")
        if self.missing is not None and self.lists_as is None:
            raise ValueError("'missing' needs 'lists_as'")
        return self


class Join(TableFile):
    """Columns of another table, found by a key.

    `by` maps columns of the other table to patterns over the row's columns, or is the name of one
    column that both have. `columns` chooses columns of the other table (`{new name: its name}`
    renames them); by default these are all but the key. With `nest_as`, a row takes all rows of
    the key as one list of this name; without, a key may stand once only.
    """

    table: str
    by: str | dict[str, str]
    columns: list[str] | dict[str, str] | None = None
    nest_as: str | None = None

    def keys(self) -> dict[str, str]:
        """Return the patterns of the key by column of the other table."""
        return {self.by: f"{{{self.by}}}"} if isinstance(self.by, str) else self.by

    def chosen(self, available: list[str]) -> dict[str, str]:
        """Return the columns to take over, name in the other table by new name."""
        if isinstance(self.columns, dict):
            return self.columns
        if self.columns is not None:
            return {name: name for name in self.columns}
        keys = self.keys()
        return {name: name for name in available if name not in keys}


class Rows(TableFile):
    """Rows of one split: from a table, the names of files or folders, or NumPy arrays.

    `files` is a pattern such as `train/{label}/{id}.png` whose fields become columns, one row for
    each file that matches, sorted by path; with `archive`, for each such member of that archive.
    `folders` does the same with the folders that files are in. `arrays` gives the `.npy` file of
    each column; the first axis counts the rows.
    """

    files: str | None = None
    folders: str | None = None
    archive: str | None = None
    arrays: dict[str, str] | None = None
    integers: list[str] = []
    """Columns from names or arrays of text that are whole numbers."""
    number_as: str | None = None
    """With `arrays`: a column that counts the rows from 0."""
    joins: list[Join] = []
    add: dict[str, str] = {}
    """Text columns made of others, by pattern."""
    where: dict[str, str] = {}
    """Only rows in which these columns have these texts."""
    media: list[Media] = []

    @model_validator(mode="after")
    def _one_source(self) -> Rows:
        given = [
            name
            for name in ("table", "files", "folders", "arrays")
            if getattr(self, name) is not None
        ]
        if len(given) != 1:
            raise ValueError("needs exactly one of 'table', 'files', 'folders' and 'arrays'")
        if self.archive is not None and self.files is None:
            raise ValueError("'archive' needs 'files'")
        if self.number_as is not None and self.arrays is None:
            raise ValueError("'number_as' needs 'arrays'")
        return self

    @property
    def source(self) -> str:
        """What the rows come from, for messages."""
        return self.table or self.files or self.folders or ", ".join(self.arrays or {})


class DatasetView(_Model):
    """What `load_dataset` shows.

    `train` and `test` are the default configuration. `more` are further ones: by name, the rows of
    each of their splits. The sample submission, other files and the answers come besides.
    """

    train: Rows
    test: Rows
    more: dict[str, dict[Literal["train", "validation", "test"], Rows]] = {}

    @field_validator("more")
    @classmethod
    def _usable_names(
        cls, more: dict[str, dict[Literal["train", "validation", "test"], Rows]]
    ) -> dict[str, dict[Literal["train", "validation", "test"], Rows]]:
        for name, splits in more.items():
            if name in RESERVED_NAMES or not _CONFIG_NAME.fullmatch(name):
                raise ValueError(
                    f"'{name}' is no name for a configuration: it takes small letters, digits and "
                    f"'_', and none of {', '.join(RESERVED_NAMES)}"
                )
            if not splits:
                raise ValueError(f"'{name}' has no split")
        return more

    def tables(self) -> list[str]:
        """Return the files that are tables, sorted."""
        rows = [
            self.train,
            self.test,
            *(rows for part in self.more.values() for rows in part.values()),
        ]
        sources: list[TableFile] = [*rows, *(join for part in rows for join in part.joins)]
        return sorted({source.table for source in sources if source.table is not None})
