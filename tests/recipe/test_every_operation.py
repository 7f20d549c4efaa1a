"""Every operation, by itself: what it makes and writes, and how it refuses.

A new operation needs cases here: `test_every_operation_has_cases` fails until it has.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlebench_data.errors import CatalogueError, MlebenchError, PrepareError, RawDataError
from mlebench_data.recipe import operation_types


@dataclass(frozen=True)
class Case:
    """One use of an operation.

    Attributes
    ----------
    name : str
        What the case is about.
    op : str
        The operation.
    parameters : dict
        Its parameters.
    raw : dict
        Raw files.
    given : dict
        Named values before; tables as CSV text.
    written : dict
        Output files before.
    code : str
        The competition's `prepare.py`.
    values : dict
        Values expected after; tables as CSV text.
    files : dict
        All files expected in the output folder, archives as a list of (member, content).
    folders : list
        Folders expected.
    rows : dict
        Row counts expected.
    error : tuple
        Class of the error and a part of its message.
    """

    name: str
    op: str
    parameters: dict[str, Any]
    raw: dict[str, str | bytes] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    code: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    error: tuple[type[MlebenchError], str] | None = None

    def __str__(self) -> str:
        return f"{self.op}-{self.name}"


TABLE = "id,kind,x\na,cat,1\nb,dog,2\nc,cat,3\n"
RECORDS = [{"id": "a", "n": 1, "yes": True}, {"id": "b", "n": 2, "yes": False}]
CODE = """
def double(context, column):
    table = context.table("t").copy()
    table[column] *= 2
    context.values["doubled"] = table
    context.target("public/note.txt").write_text("written by code")


def escape(context):
    context.target("public/../../note.txt")
"""

CASES = [
    # read_table
    Case(
        "types follow the cells; only empty cells are missing",
        "read_table",
        {"path": "a/t.csv", "into": "t"},
        raw={"a/t.csv": "n,f,s\n1,0.1,NA\n2,,b\n"},
        values={"t": pd.DataFrame({"n": [1, 2], "f": [0.1, None], "s": ["NA", "b"]})},
    ),
    Case(
        "missing as pandas has it",
        "read_table",
        {"path": "t.csv", "into": "t", "missing_tokens": "pandas"},
        raw={"t.csv": "s\nNA\nb\n"},
        values={"t": pd.DataFrame({"s": [None, "b"]})},
    ),
    Case(
        "nearest double",
        "read_table",
        {"path": "t.csv", "into": "t"},
        raw={"t.csv": "f\n0.3066101993807095471566981359501369297504425048828125\n"},
        values={"t": pd.DataFrame({"f": [0.30661019938070955]})},
    ),
    Case(
        "no such file",
        "read_table",
        {"path": "t.csv", "into": "t"},
        error=(RawDataError, "Raw file 't.csv' is missing: looked for "),
    ),
    Case(
        "no CSV",
        "read_table",
        {"path": "t.csv", "into": "t"},
        raw={"t.csv": "a,b\n1,2\n1,2,3\n"},
        error=(PrepareError, "Raw file 't.csv' is not CSV: "),
    ),
    Case(
        "empty file",
        "read_table",
        {"path": "t.csv", "into": "t"},
        raw={"t.csv": ""},
        error=(PrepareError, "Raw file 't.csv' is not CSV: "),
    ),
    # write_table
    Case(
        "one format for all",
        "write_table",
        {"table": "t", "path": "public/deep/t.csv"},
        given={"t": pd.DataFrame({"f": [0.1, None], "s": ['say "hi", twice', "ä"], "b": [True, False]})},
        files={"public/deep/t.csv": 'f,s,b\n0.1,"say ""hi"", twice",True\n,ä,False\n'},
        rows={"public/deep/t.csv": 2},
    ),
    Case(
        "without some columns",
        "write_table",
        {"table": "t", "drop": ["kind"], "path": "public/t.csv"},
        given={"t": TABLE},
        files={"public/t.csv": "id,x\na,1\nb,2\nc,3\n"},
        rows={"public/t.csv": 3},
    ),
    Case(
        "column to drop is not there",
        "write_table",
        {"table": "t", "drop": ["answer"], "path": "public/t.csv"},
        given={"t": TABLE},
        error=(PrepareError, "Table 't' has no column 'answer'. Its columns: id, kind, x."),
    ),
    Case(
        "not over another file",
        "write_table",
        {"table": "t", "path": "public/t.csv"},
        given={"t": TABLE},
        written={"public/t.csv": "before"},
        error=(PrepareError, "'public/t.csv' is written twice"),
    ),
    Case(
        "records are no table",
        "write_table",
        {"table": "r", "path": "public/t.csv"},
        given={"r": RECORDS},
        error=(PrepareError, "'r' is a list, but a table is needed"),
    ),
    # select_columns
    Case(
        "in the order given",
        "select_columns",
        {"table": "t", "keep": ["x", "id"], "into": "u"},
        given={"t": TABLE},
        values={"u": "x,id\n1,a\n2,b\n3,c\n", "t": TABLE},
    ),
    Case(
        "all others",
        "select_columns",
        {"table": "t", "drop": ["kind"], "into": "t"},
        given={"t": TABLE},
        values={"t": "id,x\na,1\nb,2\nc,3\n"},
    ),
    Case(
        "column is not there",
        "select_columns",
        {"table": "t", "keep": ["y"], "into": "u"},
        given={"t": TABLE},
        error=(PrepareError, "Table 't' has no column 'y'."),
    ),
    # number_rows
    Case(
        "new column first, numbered on",
        "number_rows",
        {"tables": ["t", "u"], "column": "row"},
        given={"t": "x\n5\n6\n", "u": "x\n7\n"},
        values={"t": "row,x\n1,5\n2,6\n", "u": "row,x\n3,7\n"},
    ),
    Case(
        "existing column keeps its place",
        "number_rows",
        {"tables": ["t"], "column": "id", "start": 0, "keep_old_as": "old"},
        given={"t": "x,id\n5,a\n6,b\n"},
        values={"t": "x,id,old\n5,0,a\n6,1,b\n"},
    ),
    Case(
        "no old values",
        "number_rows",
        {"tables": ["t"], "column": "row", "keep_old_as": "old"},
        given={"t": "x\n5\n"},
        error=(PrepareError, "Table 't' has no column 'row'."),
    ),
    # one_hot
    Case(
        "classes listed",
        "one_hot",
        {"table": "t", "column": "kind", "keep": ["id"], "classes": ["dog", "cow", "cat"], "into": "u"},
        given={"t": TABLE},
        values={"u": "id,dog,cow,cat\na,0,0,1\nb,1,0,0\nc,0,0,1\n"},
    ),
    Case(
        "classes of another table",
        "one_hot",
        {"table": "t", "column": "kind", "keep": ["id"], "classes_of": "all", "into": "u"},
        given={"t": TABLE, "all": "kind\ndog\nant\ncat\ndog\n"},
        values={"u": "id,ant,cat,dog\na,0,1,0\nb,0,0,1\nc,0,1,0\n"},
    ),
    Case(
        "class that is not listed",
        "one_hot",
        {"table": "t", "column": "kind", "keep": ["id"], "classes": ["cat"], "into": "u"},
        given={"t": TABLE},
        error=(PrepareError, "Column 'kind' of 't' holds classes that are not listed: dog."),
    ),
    Case(
        "column to keep is not there",
        "one_hot",
        {"table": "t", "column": "kind", "keep": ["key"], "classes_of": "t", "into": "u"},
        given={"t": TABLE},
        error=(PrepareError, "Table 't' has no column 'key'."),
    ),
    # sample_submission
    Case(
        "value by column",
        "sample_submission",
        {"table": "t", "keep": ["id"], "values": {"p": 0.5, "flag": False, "n": 0}, "path": "public/s.csv"},
        given={"t": TABLE},
        files={"public/s.csv": "id,p,flag,n\na,0.5,False,0\nb,0.5,False,0\nc,0.5,False,0\n"},
        rows={"public/s.csv": 3},
    ),
    Case(
        "one value for the rest",
        "sample_submission",
        {"table": "t", "keep": ["id"], "fill": 0.25, "path": "public/s.csv"},
        given={"t": "id,cat,dog\na,0,1\n"},
        files={"public/s.csv": "id,cat,dog\na,0.25,0.25\n"},
        rows={"public/s.csv": 1},
    ),
    Case(
        "column is not there",
        "sample_submission",
        {"table": "t", "keep": ["key"], "fill": 0, "path": "public/s.csv"},
        given={"t": TABLE},
        error=(PrepareError, "Table 't' has no column 'key'."),
    ),
    # read_records
    Case(
        "a list of objects",
        "read_records",
        {"path": "r.json", "into": "r"},
        raw={"r.json": '[{"id": "a", "text": "\\u00e4"}, {"id": "b"}]'},
        values={"r": [{"id": "a", "text": "ä"}, {"id": "b"}]},
    ),
    Case(
        "an object is no list",
        "read_records",
        {"path": "r.json", "into": "r"},
        raw={"r.json": '{"id": "a"}'},
        error=(PrepareError, "Raw file 'r.json' is not a JSON array of objects."),
    ),
    Case(
        "a list of numbers",
        "read_records",
        {"path": "r.json", "into": "r"},
        raw={"r.json": "[1]"},
        error=(PrepareError, "Raw file 'r.json' is not a JSON array of objects."),
    ),
    Case(
        "no JSON",
        "read_records",
        {"path": "r.json", "into": "r"},
        raw={"r.json": "[{"},
        error=(PrepareError, "Raw file 'r.json' is not JSON: "),
    ),
    # select_fields
    Case(
        "fields of the model, in its order",
        "select_fields",
        {"records": "r", "fields_of": "model", "into": "s"},
        given={"r": RECORDS, "model": [{"yes": 0, "id": 0}]},
        values={"s": [{"yes": True, "id": "a"}, {"yes": False, "id": "b"}]},
    ),
    Case(
        "record lacks a field",
        "select_fields",
        {"records": "r", "fields_of": "model", "into": "s"},
        given={"r": RECORDS, "model": [{"id": 0, "z": 0}]},
        error=(PrepareError, "Record 1 of 'r' lacks z."),
    ),
    Case(
        "model is empty",
        "select_fields",
        {"records": "r", "fields_of": "model", "into": "s"},
        given={"r": RECORDS, "model": []},
        error=(PrepareError, "'model' is empty"),
    ),
    Case(
        "a table is no list",
        "select_fields",
        {"records": "t", "fields_of": "t", "into": "s"},
        given={"t": TABLE},
        error=(PrepareError, "'t' is a DataFrame, but records are needed"),
    ),
    # records_to_table
    Case(
        "some fields, booleans as integers",
        "records_to_table",
        {"records": "r", "fields": ["yes", "id"], "as_integers": ["yes"], "into": "t"},
        given={"r": RECORDS},
        values={"t": "yes,id\n1,a\n0,b\n"},
    ),
    Case(
        "record lacks a field",
        "records_to_table",
        {"records": "r", "fields": ["id", "z"], "into": "t"},
        given={"r": RECORDS},
        error=(PrepareError, "A record of 'r' lacks the field 'z'."),
    ),
    # write_records
    Case(
        "ASCII, indented",
        "write_records",
        {"records": "r", "path": "public/r.json"},
        given={"r": [{"id": "ä", "n": 0.1}]},
        files={"public/r.json": '[\n    {\n        "id": "\\u00e4",\n        "n": 0.1\n    }\n]'},
        rows={"public/r.json": 1},
    ),
    Case(
        "a table is no list",
        "write_records",
        {"records": "t", "path": "public/r.json"},
        given={"t": TABLE},
        error=(PrepareError, "'t' is a DataFrame, but records are needed"),
    ),
    # split_rows: the order is scikit-learn's; test_operation_properties.py compares
    Case(
        "a list",
        "split_rows",
        {"of": "r", "test_size": 1, "into": ["train", "test"]},
        given={"r": RECORDS},
        values={"train": [RECORDS[0]], "test": [RECORDS[1]]},
    ),
    Case(
        "size of another value's share",
        "split_rows",
        {
            "of": "r",
            "test_size": {"rows_of": "own", "among": ["own", "r"]},
            "into": ["train", "test"],
        },
        given={"r": [{"n": 0}] * 6, "own": [{}] * 2},
        values={"train": [{"n": 0}] * 4, "test": [{"n": 0}] * 2},
    ),
    Case(
        "stratified by a column that is not there",
        "split_rows",
        {"of": "t", "test_size": 1, "stratify": "colour", "into": ["train", "test"]},
        given={"t": TABLE},
        error=(PrepareError, "Table 't' has no column 'colour'."),
    ),
    Case(
        "class of one row",
        "split_rows",
        {"of": "t", "test_size": 0.5, "stratify": "kind", "into": ["train", "test"]},
        given={"t": TABLE},
        error=(PrepareError, "cannot be split: "),
    ),
    Case(
        "more than there is",
        "split_rows",
        {"of": "t", "test_size": 3, "into": ["train", "test"]},
        given={"t": TABLE},
        error=(PrepareError, "cannot be split: "),
    ),
    # copy_files
    Case(
        "one for each row",
        "copy_files",
        {"table": "t", "source": "{kind}/{id}.txt", "path": "public/{x:03d}/{id}.txt"},
        raw={"cat/a.txt": b"\xff\r\n", "dog/b.txt": "B", "cat/c.txt": "", "cat/d.txt": "D"},
        given={"t": TABLE},
        files={"public/001/a.txt": b"\xff\r\n", "public/002/b.txt": "B", "public/003/c.txt": ""},
    ),
    Case(
        "file is missing",
        "copy_files",
        {"table": "t", "source": "{id}.txt", "path": "public/{id}.txt"},
        raw={"a.txt": ""},
        given={"t": TABLE},
        error=(RawDataError, "Raw file 'b.txt' is missing"),
    ),
    Case(
        "column is not there",
        "copy_files",
        {"table": "t", "source": "{key}.txt", "path": "public/{id}.txt"},
        given={"t": TABLE},
        error=(PrepareError, "Table 't' has no column 'key'."),
    ),
    Case(
        "two rows, one target",
        "copy_files",
        {"table": "t", "source": "a.txt", "path": "public/{kind}.txt"},
        raw={"a.txt": ""},
        given={"t": TABLE},
        error=(PrepareError, "'public/cat.txt' is written twice"),
    ),
    Case(
        "cell that leaves the output",
        "copy_files",
        {"table": "t", "source": "a.txt", "path": "public/{id}"},
        raw={"a.txt": ""},
        given={"t": "id\n../../a.txt\n"},
        error=(PrepareError, "'public/../../a.txt' leaves public/ and private/"),
    ),
    Case(
        "cell that leads from public to private",
        "copy_files",
        {"table": "t", "source": "a.txt", "path": "public/{id}"},
        raw={"a.txt": ""},
        given={"t": "id\n../private/a.txt\n"},
        error=(PrepareError, "'public/../private/a.txt' leaves public/ and private/"),
    ),
    Case(
        "cell that leaves the raw data",
        "copy_files",
        {"table": "t", "source": "images/{id}", "path": "public/{x}"},
        given={"t": "id,x\n../../competition/prepare.py,1\n"},
        code="secret = 1",
        error=(RawDataError, "would lie outside"),
    ),
    Case(
        "cell that is a path from the root",
        "copy_files",
        {"table": "t", "source": "{id}", "path": "public/{x}"},
        given={"t": "id,x\n/etc/hostname,1\n"},
        error=(RawDataError, "Raw file '/etc/hostname' would lie outside"),
    ),
    # make_folder
    Case("empty folder", "make_folder", {"path": "private/a/b"}, folders=["private/a/b"]),
    Case(
        "folder that is there",
        "make_folder",
        {"path": "public/a"},
        written={"public/a/t.csv": "x"},
        files={"public/a/t.csv": "x"},
        folders=["public/a"],
    ),
    Case(
        "file that is there",
        "make_folder",
        {"path": "public/a"},
        written={"public/a": "x"},
        error=(PrepareError, "'public/a' is a file already."),
    ),
    # zip_raw_files
    Case(
        "members sorted",
        "zip_raw_files",
        {"table": "t", "source": "{kind}/{id}", "member": "m/{id}.txt", "path": "public/a.zip"},
        raw={"cat/a": "A", "dog/b": b"\xff", "cat/c": ""},
        given={"t": "id,kind\nc,cat\na,cat\nb,dog\n"},
        files={"public/a.zip": [("m/a.txt", b"A"), ("m/b.txt", b"\xff"), ("m/c.txt", b"")]},
    ),
    Case(
        "two members of one name",
        "zip_raw_files",
        {"table": "t", "source": "{id}", "member": "{kind}", "path": "public/a.zip"},
        given={"t": TABLE},
        error=(PrepareError, "'public/a.zip' would hold two members of one name."),
    ),
    Case(
        "member that leaves a folder",
        "zip_raw_files",
        {"table": "t", "source": "a", "member": "{id}", "path": "public/a.zip"},
        raw={"a": ""},
        given={"t": "id\n../a\n"},
        error=(PrepareError, "'public/a.zip' would hold '../a', which leaves a folder."),
    ),
    Case(
        "file is missing",
        "zip_raw_files",
        {"table": "t", "source": "{id}", "member": "{id}", "path": "public/a.zip"},
        given={"t": TABLE},
        error=(RawDataError, "Raw file 'a' is missing"),
    ),
    # zip_outputs
    Case(
        "by bare names",
        "zip_outputs",
        {"files": ["public/deep/b.txt", "public/a.txt"], "path": "public/a.zip"},
        written={"public/deep/b.txt": "B", "public/a.txt": "A"},
        files={
            "public/a.txt": "A",
            "public/deep/b.txt": "B",
            "public/a.zip": [("a.txt", b"A"), ("b.txt", b"B")],
        },
    ),
    Case(
        "before it is written",
        "zip_outputs",
        {"files": ["public/a.txt"], "path": "public/a.zip"},
        error=(PrepareError, "'public/a.txt' is to be packed before it is written."),
    ),
    # call_function
    Case(
        "values and files",
        "call_function",
        {
            "function": "double",
            "arguments": {"column": "x"},
            "needs": ["t"],
            "into": ["doubled"],
            "paths": ["public/note.txt"],
        },
        code=CODE,
        given={"t": "x\n1\n2\n"},
        values={"t": "x\n1\n2\n", "doubled": "x\n2\n4\n"},
        files={"public/note.txt": "written by code"},
    ),
    Case(
        "path that leaves",
        "call_function",
        {"function": "escape"},
        code=CODE,
        error=(PrepareError, "'public/../../note.txt' leaves public/ and private/"),
    ),
    Case(
        "no such function",
        "call_function",
        {"function": "triple"},
        code=CODE,
        error=(CatalogueError, "prepare.py defines no function 'triple'."),
    ),
    Case(
        "no such file",
        "call_function",
        {"function": "double"},
        error=(CatalogueError, "prepare.py does not exist"),
    ),
    Case(
        "promised value is not there",
        "call_function",
        {"function": "double", "arguments": {"column": "x"}, "needs": ["t"], "into": ["tripled"]},
        code=CODE,
        given={"t": "x\n1\n"},
        error=(CatalogueError, "double() left no value 'tripled'."),
    ),
]


def _value(value: Any) -> Any:
    return pd.read_csv(io.StringIO(value)) if isinstance(value, str) else value


def _content(path: Path) -> Any:
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
