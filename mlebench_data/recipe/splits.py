"""Operations that divide data into train and test."""

from __future__ import annotations

import math
import random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlebench_data.errors import PrepareError
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation
from mlebench_data.recipe.row_selection import take_rows


class RowShare(BaseModel):
    """The share of one value's rows in the rows of several; without these, their number.

    For competitions whose own test set has the size that the new one should have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows_of: Name
    among: list[Name] = []

    def resolve(self, context: Context) -> float | int:
        """Return the share as a float between 0 and 1, or the number of rows."""
        count = len(context.values[self.rows_of])
        return count / sum(len(context.values[n]) for n in self.among) if self.among else count


# Strict, or 1.0 would pass for one row.
TestSize = Annotated[float, Field(gt=0, lt=1)] | Annotated[int, Field(ge=1, strict=True)] | RowShare


def _split_positions(
    context: Context, count: int, test_size: float | int | RowShare, seed: int, strata: Any = None
) -> tuple[Any, Any]:
    """Split the positions 0 .. count-1 as scikit-learn's `train_test_split` splits rows."""
    import numpy as np

    size = test_size.resolve(context) if isinstance(test_size, RowShare) else test_size
    if strata is not None:
        from sklearn.model_selection import train_test_split

        try:
            train, test = train_test_split(
                np.arange(count), test_size=size, random_state=seed, stratify=strata
            )
        except ValueError as error:
            raise PrepareError(f"The rows cannot be split: {error}") from error
        return train, test
    # Without strata that is one permutation; importing scikit-learn takes longer than most recipes.
    tests = math.ceil(size * count) if isinstance(size, float) else size
    if not 0 < tests < count:
        raise PrepareError(
            f"The rows cannot be split: {tests} of {count} would be test; both parts need a row."
        )
    order = np.random.RandomState(seed).permutation(count)
    return order[tests:], order[:tests]


class SplitRows(Operation):
    """Split rows (of a table or a record list) at random into train and test.

    As `sklearn.model_selection.train_test_split`: with n rows, `ceil(test_size * n)` of them (or
    `test_size` itself if it is a whole number) are test; both parts keep the order of the shuffle.
    `stratify` keeps the shares of that column's values.
    """

    op: Literal["split_rows"]
    of: Name
    test_size: TestSize
    seed: int = 0
    stratify: str | None = None
    into: tuple[Name, Name]

    def uses(self) -> list[str]:  # noqa: D102
        share = self.test_size
        others = [share.rows_of, *share.among] if isinstance(share, RowShare) else []
        return [self.of, *others]

    def makes(self) -> list[str]:  # noqa: D102
        return list(self.into)

    def run(self, context: Context) -> None:  # noqa: D102
        import pandas as pd

        value = context.values[self.of]
        # Positions are split, not the values: the result is the same for tables and lists, and
        # does not depend on how a library version indexes frames.
        parts = _split_positions(
            context,
            len(value),
            self.test_size,
            self.seed,
            None if self.stratify is None else context.column(self.of, self.stratify),
        )
        for name, positions in zip(self.into, parts, strict=True):
            context.values[name] = (
                take_rows(value, positions)
                if isinstance(value, pd.DataFrame)
                else [value[position] for position in positions]
            )


class SplitGroups(Operation):
    """Split a table so that rows of one group (one value of a column) stay together.

    The groups are put in order (`appearance`: as they first occur; `sorted`: by value) and split
    at random like rows in `split_rows`. `rows` says in which order the rows of a part come:
    `source` as in the table, `groups` group by group in the order of the shuffle, rows within a
    group as in the table.
    """

    op: Literal["split_groups"]
    table: Name
    column: str
    order: Literal["appearance", "sorted"]
    rows: Literal["source", "groups"] = "source"
    test_size: TestSize
    seed: int = 0
    into: tuple[Name, Name]

    def uses(self) -> list[str]:  # noqa: D102
        share = self.test_size
        others = [share.rows_of, *share.among] if isinstance(share, RowShare) else []
        return [self.table, *others]

    def makes(self) -> list[str]:  # noqa: D102
        return list(self.into)

    def run(self, context: Context) -> None:  # noqa: D102
        import numpy as np
        import pandas as pd

        codes, groups = pd.factorize(
            context.column(self.table, self.column), sort=self.order == "sorted"
        )
        parts = _split_positions(context, len(groups), self.test_size, self.seed)
        table = context.table(self.table)
        for name, chosen in zip(self.into, parts, strict=True):
            place = np.full(len(groups), -1)
            place[chosen] = np.arange(len(chosen))
            rank = place[codes]
            positions = np.flatnonzero(rank >= 0)
            if self.rows == "groups":
                positions = positions[np.argsort(rank[positions], kind="stable")]
            context.values[name] = take_rows(table, positions)


class SplitWithinGroups(Operation):
    """Split each group of a table (the rows of one value of a column) at random by itself.

    Every group is split like the rows in `split_rows`. Groups with fewer than `last_below` rows are
    not shuffled: their last row is test, and the only row of a group is train. Both parts hold the
    groups in order of appearance, each in the order of its shuffle.
    """

    op: Literal["split_within_groups"]
    table: Name
    column: str
    test_size: Annotated[float, Field(gt=0, lt=1)]
    seed: int = 0
    last_below: int = 0
    into: tuple[Name, Name]

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def makes(self) -> list[str]:  # noqa: D102
        return list(self.into)

    def run(self, context: Context) -> None:  # noqa: D102
        import numpy as np
        import pandas as pd

        codes, groups = pd.factorize(context.column(self.table, self.column))
        rows = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(groups)))
        # The shuffle depends on the size of a group only.
        known: dict[int, tuple[Any, Any]] = {}
        parts: tuple[list[Any], list[Any]] = ([], [])
        start = 0
        for end in ends.tolist():
            size = end - start
            if size not in known:
                known[size] = self._split(context, size)
            for part, chosen in zip(parts, known[size], strict=True):
                part.append(rows[start:end][chosen])
            start = end
        table = context.table(self.table)
        for name, part in zip(self.into, parts, strict=True):
            context.values[name] = take_rows(table, np.concatenate(part))

    def _split(self, context: Context, size: int) -> tuple[Any, Any]:
        import numpy as np

        if size >= self.last_below:
            return _split_positions(context, size, self.test_size, self.seed)
        train = max(1, size - 1)
        return np.arange(train), np.arange(train, size)


class ShuffleRows(Operation):
    """Shuffle the rows of a table with Python's generator (`random.Random(seed).shuffle`)."""

    op: Literal["shuffle_rows"]
    table: Name
    seed: int = 0
    into: Name

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        table = context.table(self.table)
        order = list(range(len(table)))
        random.Random(self.seed).shuffle(order)
        context.values[self.into] = take_rows(table, order)
