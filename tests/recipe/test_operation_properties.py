"""Operations on arbitrary data: the rows of scikit-learn, none lost, the same bytes again."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from mlebench_data.recipe import Context, operation_types

QUICK = settings(max_examples=40, deadline=None)


def _run(name: str, values: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """Run an operation that touches no files, and return the values it leaves."""
    context = Context(None, Path("nowhere"), Path("nowhere"), values=values)  # type: ignore[arg-type]
    operation_types()[name].model_validate({"op": name, **parameters}).run(context)
    return context.values


@st.composite
def _splits(draw: st.DrawFn) -> tuple[int, float | int, int]:
    rows = draw(st.integers(2, 200))
    size = draw(st.integers(1, rows - 1) | st.floats(0.01, 0.99))
    if isinstance(size, float) and np.ceil(size * rows) >= rows:
        size = rows - 1
    return rows, size, draw(st.integers(0, 2**32 - 1))


@QUICK
@given(split=_splits())
def test_split_rows_is_train_test_split(split: tuple[int, float | int, int]) -> None:
    rows, size, seed = split
    # Neither sorted nor distinct labels, as a table has that was itself taken from another.
    frame = pd.DataFrame({"n": range(rows)}, index=np.arange(rows) % 7)
    records = [{"n": number} for number in range(rows)]
    into = ["train", "test"]
    train, test = train_test_split(frame, test_size=size, random_state=seed)

    tables = _run("split_rows", {"all": frame}, of="all", test_size=size, seed=seed, into=into)
    lists = _run("split_rows", {"all": records}, of="all", test_size=size, seed=seed, into=into)
    for name, expected in (("train", train), ("test", test)):
        assert list(tables[name]["n"]) == list(expected["n"])
        assert list(tables[name].index) == list(range(len(expected)))
        assert [item["n"] for item in lists[name]] == list(expected["n"])


@QUICK
@given(
    labels=st.lists(st.sampled_from("abc"), min_size=12, max_size=120),
    size=st.floats(0.3, 0.7),
    seed=st.integers(0, 1000),
)
def test_stratified_split_rows_is_train_test_split(labels: str, size: float, seed: int) -> None:
    # Each label often enough for both parts.
    labels = [*labels, *"aaabbbccc"]
    frame = pd.DataFrame({"n": range(len(labels)), "label": labels})
    train, test = train_test_split(
        frame, test_size=size, random_state=seed, stratify=frame["label"]
    )
    parts = _run(
        "split_rows",
        {"all": frame},
        of="all",
        test_size=size,
        seed=seed,
        stratify="label",
        into=["train", "test"],
    )
    assert list(parts["train"]["n"]) == list(train["n"])
    assert list(parts["test"]["n"]) == list(test["n"])


@QUICK
@given(
    lengths=st.lists(st.integers(0, 20), min_size=1, max_size=4),
    start=st.integers(-5, 5),
    has_column=st.booleans(),
)
def test_number_rows_numbers_on(lengths: list[int], start: int, has_column: bool) -> None:
    tables = {
        f"t{number}": pd.DataFrame({"x": range(length), "id": "old"}, index=np.zeros(length, int))
        for number, length in enumerate(lengths)
    }
    if not has_column:
        tables = {name: table.drop(columns="id") for name, table in tables.items()}
    before = {name: table.copy() for name, table in tables.items()}
    names = list(tables)
    after = _run("number_rows", dict(tables), tables=names, column="id", start=start)

    numbers = [number for name in names for number in after[name]["id"]]
    assert numbers == list(range(start, start + sum(lengths)))
    for name in names:
        assert list(after[name].columns) == (["x", "id"] if has_column else ["id", "x"])
        assert list(after[name]["x"]) == list(before[name]["x"])
        pd.testing.assert_frame_equal(tables[name], before[name])


@QUICK
@given(labels=st.lists(st.sampled_from(["cat", "dog", "Ant", "ä"]), min_size=1, max_size=40))
def test_one_hot_has_one_per_row(labels: list[str]) -> None:
    table = pd.DataFrame({"id": range(len(labels)), "kind": labels})
    result = _run(
        "one_hot", {"t": table}, table="t", column="kind", keep=["id"], classes_of="t", into="u"
    )["u"]
    classes = result.drop(columns="id")
    assert list(classes.columns) == sorted(set(labels))
    assert (classes.sum(axis=1) == 1).all()
    assert list(classes.idxmax(axis=1)) == labels
    assert set(classes.dtypes.astype(str)) == {"int64"}


@pytest.mark.parametrize("name", ["zip_raw_files", "zip_outputs"])
def test_archives_have_the_same_bytes_at_every_run(
    name: str, make_context: Any, operation: Any
) -> None:
    context = make_context(
        {"a.txt": "A" * 1000, "b.txt": "B"}, {"t": pd.DataFrame({"id": ["b", "a"]})}
    )
    for number, path in enumerate(("public/a.txt", "public/b.txt")):
        file = context.target(path)
        file.write_text("text")
        os.utime(file, (number * 10**9, number * 10**9))
    steps = {
        "zip_raw_files": {"table": "t", "source": "{id}.txt", "member": "{id}.txt"},
        "zip_outputs": {"files": ["public/b.txt", "public/a.txt"]},
    }
    operation(name, path="public/first.zip", **steps[name]).run(context)
    for path in (context.raw.root / "a.txt", context.output / "public" / "a.txt"):
        os.utime(path, (2 * 10**9, 2 * 10**9))
        path.chmod(0o755)
    operation(name, path="public/second.zip", **steps[name]).run(context)

    first, second = (context.output / "public" / f"{item}.zip" for item in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        # Media are stored, tables deflated.
        expected = zipfile.ZIP_STORED if name == "zip_raw_files" else zipfile.ZIP_DEFLATED
        assert {info.compress_type for info in archive.infolist()} == {expected}
