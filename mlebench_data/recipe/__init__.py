"""The recipe language: the few operations of which preparation is made.

A recipe is a list of operations in `competition.yaml`. Each operation is a pydantic model: its
fields are its parameters, so that a mistake is found when the file is read, and `run` carries it
out. Importing this package needs neither pandas nor scikit-learn.
"""

from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Operation
from mlebench_data.recipe.recipe import AnyOperation, Recipe, operation_types

__all__ = ["AnyOperation", "Context", "Operation", "Recipe", "operation_types"]
