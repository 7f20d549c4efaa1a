"""Operations on image annotations: one JSON object with the lists `annotations` and `images`.

The k-th annotation belongs to the k-th image. While a recipe runs, each pair is a row of a table,
so that the operations for tables divide and number them.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import model_validator

from mlebench_data.errors import PrepareError
from mlebench_data.paths import RelativePath
from mlebench_data.recipe.context import Context
from mlebench_data.recipe.operation import Name, Operation, OutputPath

_LISTS = ("annotations", "images")


class ReadAnnotations(Operation):
    """Read pairs of annotation and image into a table, and the rest of the JSON object beside.

    The table's columns: `annotation` and `image` (the objects), `image_id`, `category_id`, `source`
    (the image's `file_name` in the raw data), `file_name` (the same, until the images are renamed)
    and `name` (its last part). `image_key` is the key that holds an image's id.
    """

    op: Literal["read_annotations"]
    path: RelativePath
    encoding: str = "utf-8"
    image_key: str = "id"
    into: Name
    rest: Name

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into, self.rest]

    def run(self, context: Context) -> None:  # noqa: D102
        import pandas as pd

        with context.raw.open(self.path) as stream:
            try:
                document = json.loads(stream.read().decode(self.encoding))
            except ValueError as error:
                raise PrepareError(f"Raw file '{self.path}' is not JSON: {error}.") from error
        if not isinstance(document, dict) or any(name not in document for name in _LISTS):
            raise PrepareError(f"Raw file '{self.path}' is no JSON object with {_LISTS}.")
        annotations, images = (document[name] for name in _LISTS)
        if [item["image_id"] for item in annotations] != [item[self.image_key] for item in images]:
            raise PrepareError(
                f"Raw file '{self.path}': annotations and images do not go in pairs."
            )
        files = [item["file_name"] for item in images]
        context.values[self.rest] = {
            name: value for name, value in document.items() if name not in _LISTS
        }
        context.values[self.into] = pd.DataFrame(
            {
                "annotation": annotations,
                "image": images,
                "image_id": [item["image_id"] for item in annotations],
                "category_id": [item["category_id"] for item in annotations],
                "source": files,
                "file_name": files,
                "name": [PurePosixPath(file).name for file in files],
            }
        )


class RenameImages(Operation):
    """Give the images of an annotation table new ids and file names, in their present order.

    The patterns may hold `{index}` (the row, from 0), `{thousands}` (index // 1000), `{category}`,
    `{hundreds}` and `{remainder}` (the category's number divided by 100), `{number}` (the row
    within its category, from 1) and `{name}` (the last part of the old file name), with formats
    such as `{index:06d}`. Without `id` ids stay.
    """

    op: Literal["rename_images"]
    table: Name
    image_key: str = "id"
    id: str | None = None
    file_name: str
    into: Name

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table]

    def makes(self) -> list[str]:  # noqa: D102
        return [self.into]

    def run(self, context: Context) -> None:  # noqa: D102
        table = context.table(self.table).copy()
        columns = (
            table["annotation"],
            table["image"],
            table["category_id"],
            table.groupby("category_id", sort=False).cumcount() + 1,
            table["name"],
        )
        annotations: list[Any] = []
        images: list[Any] = []
        for index, (annotation, image, category, number, name) in enumerate(
            zip(*columns, strict=True)
        ):
            filling = {
                "index": index,
                "thousands": index // 1000,
                "category": category,
                "hundreds": category // 100,
                "remainder": category % 100,
                "number": number,
                "name": name,
            }
            image = {**image, "file_name": self.file_name.format_map(filling)}
            if self.id is not None:
                image[self.image_key] = self.id.format_map(filling)
                annotation = {**annotation, "image_id": image[self.image_key]}
            annotations.append(annotation)
            images.append(image)
        table["annotation"] = annotations
        table["image"] = images
        table["image_id"] = [image[self.image_key] for image in images]
        table["file_name"] = [image["file_name"] for image in images]
        context.values[self.into] = table


class WriteAnnotations(Operation):
    """Write an annotation table as JSON, ASCII with escapes, indented by 4, keys sorted.

    With `rest` the result is an object: the rest's keys (only those in `keep`, if given) and the
    `lists`. Without it, it is the array of one list alone.
    """

    op: Literal["write_annotations"]
    table: Name
    lists: list[Literal["annotations", "images"]] = ["annotations", "images"]
    rest: Name | None = None
    keep: list[str] | None = None
    path: OutputPath

    @model_validator(mode="after")
    def _one_list_alone(self) -> WriteAnnotations:
        if self.rest is None and (len(self.lists) != 1 or self.keep is not None):
            raise ValueError("without 'rest' there must be one of 'lists', and no 'keep'")
        return self

    def uses(self) -> list[str]:  # noqa: D102
        return [self.table, *([self.rest] if self.rest else [])]

    def writes(self) -> list[str]:  # noqa: D102
        return [self.path]

    def run(self, context: Context) -> None:  # noqa: D102
        table = context.table(self.table)
        lists = {name: table[name.removesuffix("s")].tolist() for name in self.lists}
        document: Any
        if self.rest is None:
            (document,) = lists.values()
            context.rows[self.path] = len(table)
        else:
            rest = context.values[self.rest]
            keep = list(rest) if self.keep is None else self.keep
            missing = [name for name in keep if name not in rest]
            if missing:
                raise PrepareError(f"The raw annotations have no '{missing[0]}'.")
            document = {**{name: rest[name] for name in keep}, **lists}
        with context.target(self.path).open("w", encoding="ascii", newline="\n") as stream:
            json.dump(document, stream, indent=4, sort_keys=True)
        context.advance(1)
