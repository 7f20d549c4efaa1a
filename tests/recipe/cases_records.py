"""Cases of operations on JSON records."""

from __future__ import annotations

from operation_case import RECORDS, TABLE, Case

from mlebench_data.errors import PrepareError

CASES = [
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
    Case(
        "the first object alone",
        "read_records",
        {"path": "r.json", "first_only": True, "into": "r"},
        raw={"r.json": ' [ {"id": "é"}, {"id": "b"}, and then whatever'},
        values={"r": [{"id": "é"}]},
    ),
    Case(
        "no first object",
        "read_records",
        {"path": "r.json", "first_only": True, "into": "r"},
        raw={"r.json": '[{"id": '},
        error=(PrepareError, "Raw file 'r.json' is not JSON: "),
    ),
    Case(
        "one line",
        "write_records",
        {"records": "r", "indent": None, "path": "public/r.json"},
        given={"r": RECORDS[:1]},
        files={"public/r.json": '[{"id": "a", "n": 1, "yes": true}]'},
        rows={"public/r.json": 1},
    ),
]
