"""What operations share while a recipe runs."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from mlebench_data.errors import PrepareError
from mlebench_data.workers.placing import FILE_MODE, PRIVATE_MODE, FileFacts, Order, place_all
from mlebench_data.workers.pool import WorkerPool

if TYPE_CHECKING:
    import pandas as pd

    from mlebench_data.raw import RawTree


_Item = TypeVar("_Item")

# Files that are copied at a time: enough that asking costs little, few enough to show progress.
_BATCH = 64


class _Manner(TypedDict):
    link: bool
    mode: int


_PUBLIC: _Manner = {"link": True, "mode": FILE_MODE}
# A link shares its mode, and that of private files is none of the raw data's business.
_PRIVATE: _Manner = {"link": False, "mode": PRIVATE_MODE}


def _manner(path: str) -> _Manner:
    """Return how a raw file is put at an output path."""
    return _PRIVATE if path.startswith("private/") else _PUBLIC


def _is_output_folder(folder: str) -> bool:
    """Tell whether a folder lies in `public/` or `private/`, or is one of them."""
    # Parts of a path may be cells of the raw data, which must not lead elsewhere.
    parts = folder.split("/")
    return parts[0] in ("public", "private") and ".." not in parts


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
    facts : dict of str to FileFacts
        What is known of copied files, by output path.
    workers : WorkerPool
        Processes for work on many files; the caller closes it.
    """

    raw: RawTree
    output: Path
    folder: Path
    values: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    advance: Callable[[int], None] = lambda count: None
    written: set[str] = field(default_factory=set)
    facts: dict[str, FileFacts] = field(default_factory=dict)
    workers: WorkerPool = field(default_factory=WorkerPool)
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
            self.facts[target] = self.raw.copy(source, place, **_manner(target))
        except FileExistsError as error:
            raise PrepareError(f"'{target}' is written twice by the recipe.") from error

    def copy_all(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Copy raw files to output paths, several at a time.

        Parameters
        ----------
        pairs : iterable of (str, str)
            Raw path and output path of each file.
        """
        asked: deque[list[tuple[str, str]]] = deque()
        archived: list[tuple[str, str]] = []

        def orders() -> Iterator[list[Order]]:
            for batch in _batches(pairs, _BATCH):
                some = []
                on_disk = []
                for source, target in batch:
                    order = self.raw.order(source, self._claim(target), **_manner(target))
                    if order is None:
                        archived.append((source, target))
                    else:
                        some.append(order)
                        on_disk.append((source, target))
                asked.append(on_disk)
                yield some

        try:
            for results in self.workers.map(place_all, orders()):
                for pair, facts in zip(asked.popleft(), results, strict=True):
                    if facts is None:
                        archived.append(pair)
                    else:
                        self.facts[pair[1]] = facts
                self.advance(sum(facts is not None for facts in results))
        except FileExistsError as error:
            path = error.filename2 or error.filename
            raise PrepareError(
                f"'{os.path.relpath(path, self.output)}' is written twice by the recipe."
            ) from error
        self._copy_archived(archived)

    def _copy_archived(self, pairs: list[tuple[str, str]]) -> None:
        """Copy files whose output paths are claimed from archives, several at a time."""

        def copy_some(some: list[tuple[str, str]]) -> list[FileFacts]:
            return [
                self.raw.copy(source, f"{self.output}/{target}", **_manner(target))
                for source, target in some
            ]

        # Inflating releases the interpreter, so threads help.
        batches = list(_batches(pairs, _BATCH))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for batch, results in zip(batches, pool.map(copy_some, batches), strict=True):
                self.facts.update(zip((target for _, target in batch), results, strict=True))
                self.advance(len(batch))

    def forget_changed(self) -> None:
        """Forget what is known of copied files that are no longer as they were.

        For code that may have written to the tree by itself; operations never do.
        """
        changed = []
        for path, facts in self.facts.items():
            try:
                if facts.still_hold(os.lstat(f"{self.output}/{path}")):
                    continue
            except FileNotFoundError:
                pass  # removed since
            changed.append(path)
        for path in changed:
            del self.facts[path]

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
        parent, _, name = path.rpartition("/")
        if name == ".." or (parent not in self._folders and not _is_output_folder(parent)):
            raise PrepareError(f"'{path}' leaves public/ and private/.")
        if path in self.written:
            raise PrepareError(f"'{path}' is written twice by the recipe.")
        self.written.add(path)
        if parent not in self._folders:
            (self.output / parent).mkdir(parents=True, exist_ok=True)
            self._folders.add(parent)
        return f"{self.output}/{path}"
