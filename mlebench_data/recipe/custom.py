"""The way out of the recipe language: a function of the competition's own `prepare.py`."""

from __future__ import annotations

from typing import Any, Literal

from mlebench_data.errors import CatalogueError
from mlebench_data.modules import load_module
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation, OutputPath


class CallFunction(Operation):
    """Call `function(context, **arguments)` of the competition's `prepare.py`.

    For what only one competition needs. The function reads `context.raw`, uses and leaves named
    values in `context.values`, and writes through `context.target(path)`. What it uses, makes and
    writes is declared here, so that the recipe can be checked and read without the code.
    """

    op: Literal["call_function"]
    function: str
    arguments: dict[str, Any] = {}
    needs: list[Name] = []
    into: list[Name] = []
    paths: list[OutputPath] = []

    def uses(self) -> list[str]:  # noqa: D102
        return self.needs

    def makes(self) -> list[str]:  # noqa: D102
        return self.into

    def writes(self) -> list[str]:  # noqa: D102
        return self.paths

    def run(self, context: Context) -> None:  # noqa: D102
        path = context.folder / "prepare.py"
        function = getattr(load_module(path), self.function, None)
        if not callable(function):
            raise CatalogueError(f"{path} defines no function '{self.function}'.")
        function(context, **self.arguments)
        context.forget_changed()
        missing = [name for name in self.into if name not in context.values]
        if missing:
            raise CatalogueError(f"{path}: {self.function}() left no value '{missing[0]}'.")
