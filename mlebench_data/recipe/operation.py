"""The base of all operations, and the field types they share."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from mlebench_data.paths import RelativePath
from mlebench_data.recipe.context import Context


def _check_output(path: str) -> str:
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[0] not in ("public", "private"):
        raise ValueError("must lie below public/ or private/")
    return path


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
"""Name of a value inside a recipe."""

OutputPath = Annotated[RelativePath, AfterValidator(_check_output)]
"""Path of a prepared file, below `public/` or `private/`."""


Scalar = bool | int | float | str
"""A value that YAML can give."""


class Operation(BaseModel):
    """One step of a recipe.

    A subclass declares `op: Literal["its_name"]` and its parameters as fields, says in `uses` and
    `makes` which named values it needs and which it leaves, and does the work in `run`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def uses(self) -> list[str]:
        """Return the names of the values this operation needs."""
        return []

    def makes(self) -> list[str]:
        """Return the names of the values this operation leaves."""
        return []

    def writes(self) -> list[str]:
        """Return the paths of the files this operation writes, patterns unexpanded."""
        return []

    def run(self, context: Context) -> None:
        """Carry the operation out."""
        raise TypeError(f"{type(self).__name__} does not define run().")


class TableOperation(Operation):
    """An operation that makes one table of another."""

    table: Name
    into: Name

    def uses(self) -> list[str]:
        """Return the names of the values this operation needs."""
        return [self.table]

    def makes(self) -> list[str]:
        """Return the names of the values this operation leaves."""
        return [self.into]
