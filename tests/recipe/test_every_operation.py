"""Every operation, by itself: what it makes and writes, and how it refuses.

The cases stand in the modules `cases_*.py`. A new operation needs some: the first two tests fail
until it has.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import cases_annotations
import cases_archives
import cases_custom
import cases_files
import cases_records
import cases_splits
import cases_tables
import cases_tfrecords
import pandas as pd
import pytest
from operation_case import Case

from mlebench_data.recipe import operation_types

CASES: list[Case] = [
    *cases_annotations.CASES,
    *cases_archives.CASES,
    *cases_custom.CASES,
    *cases_files.CASES,
    *cases_records.CASES,
    *cases_splits.CASES,
    *cases_tables.CASES,
    *cases_tfrecords.CASES,
]


def _value(value: Any) -> Any:
    return pd.read_csv(io.StringIO(value)) if isinstance(value, str) else value


def _content(path: Path) -> Any:
    if path.suffix == ".tar":
        with tarfile.open(path) as archive:
            return [(item.name, archive.extractfile(item).read()) for item in archive]
    if path.suffix != ".zip":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def test_every_operation_has_cases() -> None:
    assert set(operation_types()) - {case.op for case in CASES} == set()


def test_every_operation_has_a_failing_case() -> None:
    assert set(operation_types()) - {case.op for case in CASES if case.error} == set()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operation(case: Case, make_context: Any, operation: Any) -> None:
    given = {name: _value(value) for name, value in case.given.items()}
    context = make_context(case.raw, given, case.code)
    for path, text in case.written.items():
        (context.output / path).parent.mkdir(parents=True, exist_ok=True)
        (context.output / path).write_text(text)
        context.written.add(path)
    step = operation(case.op, **case.parameters)
    if case.error is not None:
        with pytest.raises(case.error[0]) as caught:
            step.run(context)
        assert case.error[1] in str(caught.value)
        return

    assert set(step.uses()) <= set(given)
    step.run(context)
    assert set(step.makes()) <= set(context.values)
    for name, value in case.values.items():
        if isinstance(value, list):
            assert context.values[name] == value
        else:
            pd.testing.assert_frame_equal(
                context.values[name].reset_index(drop=True), _value(value), check_dtype=False
            )
    files = {
        path.relative_to(context.output).as_posix(): _content(path)
        for path in context.output.rglob("*")
        if path.is_file()
    }
    expected = {
        path: content.encode() if isinstance(content, str) else content
        for path, content in case.files.items()
    }
    assert files == expected
    assert [path for path in case.folders if not (context.output / path).is_dir()] == []
    assert context.rows == case.rows
