"""Cases of operations that pack archives."""

from __future__ import annotations

from operation_case import TABLE, Case

from mlebench_data.errors import PrepareError, RawDataError

CASES = [
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
    Case(
        "without compression, the files taken away",
        "zip_outputs",
        {
            "files": ["public/a.txt"],
            "path": "public/a.zip",
            "compression": "stored",
            "remove": True,
        },
        written={"public/a.txt": "A"},
        files={"public/a.zip": [("a.txt", b"A")]},
    ),
    Case(
        "a whole folder",
        "zip_folder",
        {"folder": "public/f", "path": "public/f.zip", "prefix": "g/"},
        written={"public/f/b": "B", "public/f/deep/a": "A"},
        files={
            "public/f/b": "B",
            "public/f/deep/a": "A",
            "public/f.zip": [("g/b", b"B"), ("g/deep/a", b"A")],
        },
    ),
    Case(
        "the folder taken away",
        "zip_folder",
        {"folder": "public/f", "path": "public/f.zip", "remove": True},
        written={"public/f/b": "B"},
        files={"public/f.zip": [("b", b"B")]},
    ),
    Case(
        "before it is filled",
        "zip_folder",
        {"folder": "public/f", "path": "public/f.zip"},
        error=(PrepareError, "'public/f' is to be packed before it is filled."),
    ),
    Case(
        "members sorted",
        "tar_raw_files",
        {
            "table": "t",
            "source": "{id}",
            "member": "m/{id}.txt",
            "below": "m/",
            "path": "public/a.tar",
        },
        raw={"a": "A", "b": "B"},
        given={"t": "id\nb\na\n"},
        files={"public/a.tar": [("a.txt", b"A"), ("b.txt", b"B")]},
    ),
    Case(
        "member that leaves a folder",
        "tar_raw_files",
        {"table": "t", "source": "a", "member": "{id}", "path": "public/a.tar"},
        raw={"a": ""},
        given={"t": "id\n../a\n"},
        error=(PrepareError, "'public/a.tar' would hold '../a', which leaves a folder."),
    ),
]
