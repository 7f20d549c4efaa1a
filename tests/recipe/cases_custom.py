"""Cases of the call of a competition's own function."""

from __future__ import annotations

from operation_case import Case

from mlebench_data.errors import CatalogueError, PrepareError

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
