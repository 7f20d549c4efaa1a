"""Cases of operations on image annotations."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from operation_case import Case

from mlebench_data.errors import PrepareError


def _image(name: str, path: str) -> dict[str, Any]:
    return {"id": name, "file_name": path}


def _annotation(name: str, category: int) -> dict[str, Any]:
    return {"image_id": name, "category_id": category}


def _table(*rows: tuple[str, int, str]) -> pd.DataFrame:
    """Rows of image id, category, path now; the old path is `old/NAME`."""
    names = [path.rpartition("/")[2] for _, _, path in rows]
    return pd.DataFrame(
        {
            "annotation": [_annotation(name, category) for name, category, _ in rows],
            "image": [_image(name, path) for name, _, path in rows],
            "image_id": [name for name, _, _ in rows],
            "category_id": [category for _, category, _ in rows],
            "source": [f"old/{name}" for name in names],
            "file_name": [path for _, _, path in rows],
            "name": names,
        }
    )


TWO = _table(("a", 105, "old/a.jpg"), ("b", 105, "old/b.jpg"))
DOCUMENT = {
    "info": {"year": 2020},
    "licenses": [],
    "annotations": list(TWO["annotation"]),
    "images": list(TWO["image"]),
}

CASES = [
    Case(
        "pairs, and the rest beside",
        "read_annotations",
        {"path": "m.json", "into": "t", "rest": "rest"},
        raw={"m.json": json.dumps(DOCUMENT)},
        values={"t": TWO},
    ),
    Case(
        "no pairs",
        "read_annotations",
        {"path": "m.json", "into": "t", "rest": "rest"},
        raw={"m.json": json.dumps(DOCUMENT | {"images": DOCUMENT["images"][::-1]})},
        error=(PrepareError, "annotations and images do not go in pairs"),
    ),
    Case(
        "another document",
        "read_annotations",
        {"path": "m.json", "into": "t", "rest": "rest"},
        raw={"m.json": "[]"},
        error=(PrepareError, "Raw file 'm.json' is no JSON object with"),
    ),
    Case(
        "new ids and paths",
        "rename_images",
        {
            "table": "t",
            "id": "{index:03d}",
            "file_name": "{hundreds}/{remainder:02d}/{number}-{thousands}-{name}",
            "into": "u",
        },
        given={"t": TWO},
        values={
            "u": TWO.assign(
                annotation=[_annotation("000", 105), _annotation("001", 105)],
                image=[_image("000", "1/05/1-0-a.jpg"), _image("001", "1/05/2-0-b.jpg")],
                image_id=["000", "001"],
                file_name=["1/05/1-0-a.jpg", "1/05/2-0-b.jpg"],
            ),
            "t": TWO,
        },
    ),
    Case(
        "records are no table",
        "rename_images",
        {"table": "r", "file_name": "{name}", "into": "u"},
        given={"r": []},
        error=(PrepareError, "'r' is a list, but a table is needed"),
    ),
    Case(
        "one list alone",
        "write_annotations",
        {"table": "t", "lists": ["images"], "path": "public/m.json"},
        given={"t": TWO[:1]},
        files={
            "public/m.json": """[
    {
        "file_name": "old/a.jpg",
        "id": "a"
    }
]"""
        },
        rows={"public/m.json": 1},
    ),
    Case(
        "with some of the rest",
        "write_annotations",
        {"table": "t", "rest": "rest", "keep": ["info"], "path": "public/m.json"},
        given={"t": TWO, "rest": DOCUMENT},
        files={
            "public/m.json": json.dumps(
                {name: DOCUMENT[name] for name in ("info", "annotations", "images")},
                indent=4,
                sort_keys=True,
            )
        },
    ),
    Case(
        "key that the rest lacks",
        "write_annotations",
        {"table": "t", "rest": "rest", "keep": ["categories"], "path": "public/m.json"},
        given={"t": TWO, "rest": {}},
        error=(PrepareError, "The raw annotations have no 'categories'."),
    ),
]
