"""The list of all operations, and checks over a whole recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from mlebench_data.recipe.annotations import ReadAnnotations, RenameImages, WriteAnnotations
from mlebench_data.recipe.archives import TarRawFiles, ZipFolder, ZipOutputs, ZipRawFiles
from mlebench_data.recipe.columns import OneHot, RenameColumns, SelectColumns, SetColumns
from mlebench_data.recipe.custom import CallFunction
from mlebench_data.recipe.files import (
    CopyFile,
    CopyFiles,
    CopyFolder,
    CopyFolders,
    ListFiles,
    MakeFolder,
)
from mlebench_data.recipe.operation import Operation
from mlebench_data.recipe.records import ReadRecords, RecordsToTable, SelectFields, WriteRecords
from mlebench_data.recipe.rows import (
    DistinctRows,
    FilterRows,
    NumberGroups,
    NumberRows,
    SortRows,
)
from mlebench_data.recipe.splits import ShuffleRows, SplitGroups, SplitRows, SplitWithinGroups
from mlebench_data.recipe.tables import ReadTable, SampleSubmission, WriteTable
from mlebench_data.recipe.tfrecords import ReadTfrecords

AnyOperation = Annotated[
    CallFunction
    | CopyFile
    | CopyFiles
    | CopyFolder
    | CopyFolders
    | DistinctRows
    | FilterRows
    | ListFiles
    | MakeFolder
    | NumberGroups
    | NumberRows
    | OneHot
    | ReadAnnotations
    | ReadRecords
    | ReadTable
    | ReadTfrecords
    | RecordsToTable
    | RenameColumns
    | RenameImages
    | SampleSubmission
    | SelectColumns
    | SelectFields
    | SetColumns
    | ShuffleRows
    | SortRows
    | SplitGroups
    | SplitRows
    | SplitWithinGroups
    | TarRawFiles
    | WriteAnnotations
    | WriteRecords
    | WriteTable
    | ZipFolder
    | ZipOutputs
    | ZipRawFiles,
    Field(discriminator="op"),
]


def _check_names(operations: list[Operation]) -> list[Operation]:
    """Refuse a recipe that uses a value before it is made, or writes a path twice."""
    known: set[str] = set()
    written: set[str] = set()
    for number, operation in enumerate(operations):
        for name in operation.uses():
            if name not in known:
                raise ValueError(
                    f"operation {number} uses '{name}', which no earlier operation makes "
                    f"(made so far: {', '.join(sorted(known)) or 'nothing'})"
                )
        for path in operation.writes():
            if path in written and "{" not in path:
                raise ValueError(f"operation {number} writes '{path}', which is written before")
            written.add(path)
        known.update(operation.makes())
    return operations


Recipe = Annotated[list[AnyOperation], Field(min_length=1), AfterValidator(_check_names)]


def operation_types() -> dict[str, type[Operation]]:
    """Return all operations by the name that `op` gives them."""
    from typing import get_args

    union = get_args(AnyOperation)[0]
    return {get_args(kind.model_fields["op"].annotation)[0]: kind for kind in get_args(union)}
