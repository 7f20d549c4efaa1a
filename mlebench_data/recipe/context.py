"""What operations share while a recipe runs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlebench_data.errors import PrepareError

if TYPE_CHECKING:
    import pandas as pd

    from mlebench_data.raw import RawTree


_Item = TypeVar("_Item")


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


@dataclass
class Context:
    """State of one running recipe.

    Attributes
    ----------
    raw : RawTree
        The raw data, nested archives included.
    output : pathlib.Path
        Folder in which `public/` and `private/` are written.
    folder : pathlib.Path
        The competition's folder in the catalogue.
    values : dict
        Named tables (`pandas.DataFrame`) and record lists made so far.
    rows : dict of str to int
        Row counts of the tables written so far, by output path.
    advance : callable
        Called with the number of files just written, for a progress display.
    written : set of str
        Output paths handed out by `target`.
    """

    raw: RawTree
    output: Path
    folder: Path
    values: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    advance: Callable[[int], None] = lambda count: None
    written: set[str] = field(default_factory=set)
    _folders: set[str] = field(default_factory=set)

    def table(self, name: str) -> pd.DataFrame:
        """Return the table of this name.

        Raises
        ------
        PrepareError
            If the value is a list of records instead.
        """
        import pandas as pd

        value = self.values[name]
        if not isinstance(value, pd.DataFrame):
            raise PrepareError(f"'{name}' is a {type(value).__name__}, but a table is needed here.")
        return value

    def records(self, name: str) -> list[dict[str, Any]]:
        """Return the list of records of this name.

        Raises
        ------
        PrepareError
            If the value is a table instead.
        """
        value = self.values[name]
        if not isinstance(value, list):
            raise PrepareError(
                f"'{name}' is a {type(value).__name__}, but records are needed here."
            )
        return value

    def column(self, table: str, column: str) -> pd.Series[Any]:
        """Return one column, with an error that lists the columns when there is no such one."""
        frame = self.table(table)
        if column not in frame.columns:
            raise PrepareError(
                f"Table '{table}' has no column '{column}'. "
                f"Its columns: {', '.join(map(str, frame.columns))}."
            )
        return frame[column]

    def copy(self, source: str, target: str) -> None:
        """Put a raw file at an output path, bytes unchanged."""
        place = self._claim(target)
        try:
            # A link shares its mode, and that of private files is none of the raw data's business.
            self.raw.copy(source, place, link=target.startswith("public/"))
        except FileExistsError as error:
            raise PrepareError(f"'{target}' is written twice by the recipe.") from error

    def copy_all(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Copy raw files to output paths, several at a time.

        Parameters
        ----------
        pairs : iterable of (str, str)
            Raw path and output path of each file.
        """

        def copy_some(some: list[tuple[str, str]]) -> int:
            for source, target in some:
                self.copy(source, target)
            return len(some)

        # Inflating releases the interpreter, so threads help. Linking a file is nothing but system
        # calls, at which threads would only get in each other's way.
        batches = _batches(pairs, 256)
        if self.raw.on_disk:
            for batch in batches:
                self.advance(copy_some(batch))
            return
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for count in pool.map(copy_some, batches):
                self.advance(count)

    def target(self, path: str) -> Path:
        """Return where an output path lies, its parent folders made.

        Raises
        ------
        PrepareError
            If the path leaves `public/` and `private/`, or exists already.
        """
        target = Path(self._claim(path))
        if target.exists():
            raise PrepareError(f"'{path}' is written twice by the recipe.")
        return target

    def _claim(self, path: str) -> str:
        """Return where an output path lies, its parent folders made; on strings, for speed."""
        parts = path.split("/")
        # Parts of a path may be cells of the raw data, which must not lead elsewhere.
        if parts[0] not in ("public", "private") or len(parts) < 2 or ".." in parts:
            raise PrepareError(f"'{path}' leaves public/ and private/.")
        if path in self.written:
            raise PrepareError(f"'{path}' is written twice by the recipe.")
        self.written.add(path)
        parent = path.rpartition("/")[0]
        if parent not in self._folders:
            (self.output / parent).mkdir(parents=True, exist_ok=True)
            self._folders.add(parent)
        return f"{self.output}/{path}"
