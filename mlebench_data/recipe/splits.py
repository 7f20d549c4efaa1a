"""Operations that divide data into train and test."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlebench_data.errors import PrepareError
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation


class RowShare(BaseModel):
    """The share that the rows of one value have in the rows of several.

    For competitions whose own test set has the size that the new one should have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows_of: Name
    among: list[Name]

    def resolve(self, context: Context) -> float:
        """Return the share as a float between 0 and 1."""
        return len(context.values[self.rows_of]) / sum(len(context.values[n]) for n in self.among)


TestSize = Annotated[float, Field(gt=0, lt=1)] | Annotated[int, Field(ge=1)] | RowShare


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
        import numpy as np
        import pandas as pd
        from sklearn.model_selection import train_test_split

        value = context.values[self.of]
        size = self.test_size
        # Positions are split, not the values: the result is the same for tables and lists, and
        # does not depend on how a library version indexes frames.
        labels = None if self.stratify is None else context.column(self.of, self.stratify)
        try:
            train, test = train_test_split(
                np.arange(len(value)),
                test_size=size.resolve(context) if isinstance(size, RowShare) else size,
                random_state=self.seed,
                stratify=labels,
            )
        except ValueError as error:
            # Too few rows, or a class too small to be in both parts.
            raise PrepareError(f"'{self.of}' cannot be split: {error}") from error
        for name, positions in zip(self.into, (train, test), strict=True):
            context.values[name] = (
                value.iloc[positions].reset_index(drop=True)
                if isinstance(value, pd.DataFrame)
                else [value[position] for position in positions]
            )
