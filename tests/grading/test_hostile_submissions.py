"""Whatever a submission holds, the verdict is about the submission: never an error of ours."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.catalogue import Competition
from mlebench_data.grading import grade, validate

IDS = ["a1", "a2", "a3", "a4"]
NUMBERS = [10, 20, 30, 4]

# Competitions of all kinds of columns, ids and rules, each with its answers.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any], pd.DataFrame]] = {
    "number": ({}, {}, pd.DataFrame({"id": IDS, "value": [0.5, 1.5, -2.0, 8.0]})),
    "whole-number ids": ({}, {}, pd.DataFrame({"id": NUMBERS, "value": [0.5, 1.5, -2.0, 8.0]})),
    "probabilities": (
        {
            "columns": [{"names": ["p", "q"], "type": "number", "minimum": 0, "maximum": 1}],
            "row_sum": {},
        },
        {"name": "multiclass_log_loss"},
        pd.DataFrame({"id": IDS, "p": [1, 0, 0, 1], "q": [0, 1, 1, 0]}),
    ),
    "ranking": (
        {
            "columns": [
                {
                    "names": ["value"],
                    "type": "number",
                    "booleans": "as_numbers",
                    "infinite": "allow",
                }
            ],
            "extra_columns": "ignore",
            "missing_tokens": "pandas",
        },
        {"name": "roc_auc", "higher_is_better": True},
        pd.DataFrame({"id": IDS, "value": [0, 1, 0, 1]}),
    ),
    "boolean": (
        {"columns": [{"names": ["value"], "type": "boolean", "other_integers": "wrong"}]},
        {"name": "accuracy", "higher_is_better": True},
        pd.DataFrame({"id": IDS, "value": [True, False, False, True]}),
    ),
    "integer": (
        {"columns": [{"names": ["value"], "type": "integer"}], "rows": "superset"},
        {"name": "accuracy", "higher_is_better": True},
        pd.DataFrame({"id": NUMBERS, "value": [1, 2, 3, -1]}),
    ),
    "integer with gaps": (
        {"columns": [{"names": ["value"], "type": "integer", "values": [1, 2]}], "id_first": True},
        {"name": "accuracy", "higher_is_better": True},
        pd.DataFrame({"id": IDS, "value": [1, 2, 2, 1]}),
    ),
    "text": (
        {"columns": [{"names": ["value"], "type": "string", "pattern": "[a-zé ,]*"}]},
        {"name": "accuracy", "higher_is_better": True},
        pd.DataFrame({"id": IDS, "value": ["x", "y y", "é", "a,b"]}),
    ),
    "by position": (
        {"align": "position", "extra_columns": "ignore"},
        {},
        pd.DataFrame({"id": IDS, "value": [0.5, 1.5, -2.0, 8.0]}),
    ),
}

every_kind = pytest.mark.parametrize("kind", KINDS)
QUICK = settings(max_examples=60, deadline=None)

HARD_CELLS = [
    *(
        "",
        " ",
        "0",
        "1",
        "-1",
        "0.5",
        "1.0",
        "1e0",
        "1e400",
        "-1e400",
        "1e-400",
        "nan",
        "NaN",
        "NA",
    ),
    *("inf", "-inf", "Infinity", "null", "None", "True", "False", "true", "TRUE", "yes", "0x10"),
    *("1" * 25, "1" * 400, "-" + "9" * 30, str(2**63), str(2**64 - 1), str(-(2**63)), "1_000"),
    *(
        "1,5",
        '"',
        '""',
        "'",
        "a\nb",
        "a\rb",
        "\x00",
        "\ufeff",
        "é",
        "漢字",
        "\u202e",
        "💩",
        "-",
        "+",
    ),
    *("1+2j", "2020-01-01", "1d", "=1+1", "\t", "#", "\\", "a" * 500, "\x1b[31m", "{}", "%s"),
]


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def strict(text: str) -> Any:
    """Parse JSON, but not what Python's parser takes besides."""
    return json.loads(text, parse_constant=_refuse_constant)


def check(competition: Competition, content: bytes | Path, answers: pd.DataFrame) -> Any:
    """Grade and validate; return the report after what holds for every report."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "submission.csv"
        path.write_bytes(content)
        report = grade(competition, path, answers=answers)
        sample = Path(folder) / "sample.csv"
        answers.to_csv(sample, index=False)
        validation = validate(competition, path, sample_submission=sample)
    assert report.status in ("valid", "invalid"), report.reason
    if report.status == "invalid":
        assert report.reason
        assert report.score is None
        assert report.raw_score is None
        assert len(report.reason) < 5000
        assert report.reason.isprintable() or "cannot be read as CSV" in report.reason
    else:
        assert report.reason is None
        assert report.score is not None
    parsed = strict(report.to_json())
    assert parsed["status"] == report.status
    assert isinstance(parsed["score"], (float, int, str, type(None)))
    strict(validation.to_json())
    assert validation.status in ("valid", "invalid")
    assert bool(validation.reason) == (validation.status == "invalid")
    # Only a metric may refuse what passes for valid, and what has a score is valid.
    assert not (report.status == "valid" and validation.status == "invalid"), validation.reason
    return report


@pytest.fixture(scope="session")
def kinds(graded: Any) -> dict[str, tuple[Competition, pd.DataFrame]]:
    return {
        name: (graded(submission, metric), table)
        for name, (submission, metric, table) in KINDS.items()
    }


cells = st.sampled_from(HARD_CELLS) | st.text(max_size=8)
ids = st.sampled_from([*IDS, *map(str, NUMBERS), "10.0", "a9"]) | cells


@st.composite
def csv_texts(draw: st.DrawFn) -> bytes:
    """CSV files that look like a submission and go wrong somewhere."""
    header = draw(
        st.lists(
            st.sampled_from(["id", "value", "p", "q", "extra", "", "Unnamed: 0", "ID", "value.1"])
            | cells,
            max_size=5,
        )
        | st.sampled_from([["id", "value"], ["id", "p", "q"]])
    )
    width = st.sampled_from(
        [len(header)] * 8 + [max(0, len(header) - 1), len(header) + 1, len(header) + 2]
    )
    same_width = draw(width)
    uneven = draw(st.booleans())
    rows = []
    for _ in range(draw(st.integers(0, 7))):
        length = draw(width) if uneven else same_width
        rows.append([draw(ids if place == 0 else cells) for place in range(length)])
    stream = io.StringIO()
    writer = csv.writer(
        stream,
        delimiter=draw(st.sampled_from([",", ",", ",", ";", "\t"])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    writer.writerow(header)
    writer.writerows(rows)
    text = stream.getvalue()
    if draw(st.booleans()):
        text = text.rstrip()
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    return text.encode(encoding, errors="replace")


@st.composite
def nearly_right(draw: st.DrawFn, table: pd.DataFrame) -> bytes:
    """The answers themselves, with a few cells replaced and rows repeated or left out."""
    rows = [
        list(map(str, table.columns)),
        *(list(map(str, row)) for row in table.itertuples(index=False)),
    ]
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.integers(0, len(rows) - 1))
        column = draw(st.integers(0, len(rows[row]) - 1))
        rows[row][column] = draw(cells)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(1, len(rows) - 1)) if len(rows) > 1 else 0
        if draw(st.booleans()):
            rows.insert(place, rows[place])
        elif len(rows) > 1:
            del rows[place]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode("utf-8", errors="replace")


@every_kind
@QUICK
@given(content=st.binary(max_size=200))
def test_random_bytes(kind: str, kinds: Any, content: bytes) -> None:
    assert check(kinds[kind][0], content, kinds[kind][1]).status == "invalid"


@every_kind
@QUICK
@given(content=csv_texts())
def test_random_tables(kind: str, kinds: Any, content: bytes) -> None:
    check(kinds[kind][0], content, kinds[kind][1])


@every_kind
@QUICK
@given(data=st.data())
def test_nearly_right(kind: str, kinds: Any, data: st.DataObject) -> None:
    competition, answers = kinds[kind]
    check(competition, data.draw(nearly_right(answers)), answers)


@every_kind
@pytest.mark.parametrize("cell", HARD_CELLS, ids=[f"cell{n}" for n in range(len(HARD_CELLS))])
def test_every_hard_cell(kind: str, cell: str, kinds: Any) -> None:
    competition, answers = kinds[kind]
    for column in answers.columns:
        rows = answers.astype("object").map(str)
        rows.loc[1, column] = cell
        text = rows.to_csv(index=False, lineterminator="\n")
        check(competition, text.encode("utf-8"), answers)


@every_kind
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_answers_score_best_in_any_order(kind: str, kinds: Any, seed: int) -> None:
    competition, answers = kinds[kind]
    best = check(competition, answers.to_csv(index=False).encode(), answers)
    assert best.status == "valid"
    if competition.version().submission.align == "id":
        shuffled = answers.sample(frac=1, random_state=seed)
        report = check(competition, shuffled.to_csv(index=False).encode(), answers)
        assert (report.score, report.raw_score) == (best.score, best.raw_score)


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60),
    numeric_ids=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_order_of_rows_never_changes_a_score(
    kinds: Any, values: list[float], numeric_ids: bool, seed: int
) -> None:
    competition, _ = kinds["number"]
    names = [number if numeric_ids else f"row {number}" for number in range(len(values))]
    random.Random(seed).shuffle(names)
    answers = pd.DataFrame({"id": names, "value": [value / 3 for value in values]})
    submission = pd.DataFrame({"id": names, "value": values})
    reference = grade(competition, submission, answers=answers)
    shuffled = grade(
        competition,
        submission.sample(frac=1, random_state=seed),
        answers=answers.sample(frac=1, random_state=seed + 1),
    )
    assert reference.status == shuffled.status == "valid"
    assert reference.raw_score == shuffled.raw_score


HEADER = "id,value\n"
ROWS = "a1,0.5\na2,1.5\na3,-2.0\na4,8.0\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\n\n\n", "cannot be read as CSV"),
        (b"\xff\xfe\x02\x01", "cannot be read as CSV"),
        (HEADER, "4 of 4 rows missing, such as `id` 'a1', 'a2', 'a3'"),
        ("id\n" + "a1\n", "column `value` missing; the file has column `id`"),
        ("value,id\n", "4 of 4 rows missing"),
        (ROWS, "columns `id`, `value` missing; the file has columns `a1`, `0.5`"),
        ("ID,Value\n" + ROWS, "columns `id`, `value` missing; the file has columns `ID`, `Value`"),
        ("id;value\n" + ROWS, "columns `id`, `value` missing; the file has column `id;value`"),
        ("id,value,more\n" + ROWS, "column `more` not allowed; only columns `id`, `value`"),
        ("id,value,value\n" + ROWS, "column `value.1` not allowed"),
        (HEADER + ROWS + "a1,0.5\n", "row 5: `id` 'a1' appears a second time"),
        (HEADER + ROWS + "a1,0.5\na2,1\n", "'a1' appears a second time; 1 more such row"),
        (HEADER + ROWS + "zz,0.5\n", "row 5: `id` 'zz' is not in the test set"),
        (
            HEADER + ROWS.replace("a2", ""),
            "row 2 has no `id`; 1 of 4 rows missing, such as `id` 'a2'",
        ),
        (HEADER + ROWS.replace("1.5", ""), "column `value`: 1 value is missing, first in row 2"),
        (
            HEADER + ROWS.replace("1.5", "x"),
            "column `value`: 1 value is not numeric, first in row 2: 'x'",
        ),
        (
            HEADER + ROWS.replace("1.5", "1e400"),
            "column `value`: 1 value is infinite, first in row 2",
        ),
        (
            HEADER + ROWS.replace("\n", ",\n"),
            "the rows have more cells than the header has columns",
        ),
        (
            HEADER + ROWS.replace("\n", ",7,8\n"),
            "the rows have more cells than the header has columns",
        ),
        (HEADER + ROWS.replace("1.5", "1.5\0"), "the file holds NUL bytes"),
        (
            HEADER + ROWS.replace("1.5", "1" * 400),
            "column `value`: 1 value is infinite, first in row 2",
        ),
        (HEADER + ROWS + "a,b,c,d\n", "the file cannot be read as CSV: Error tokenizing data"),
        (",id,value\n0,a1,0.5\n1,a2,1.5\n2,a3,-2\n3,a4,8\n", "column `Unnamed: 0` not allowed"),
        (HEADER + ROWS.replace("1.5", "y" * 10_000), "yyy... (10,000 characters)"),
        ("id,value," + "z" * 10_000 + "\n" + ROWS, "zzz... (10,000 characters)"),
        (HEADER + ROWS.replace("1.5", "\x1b[31m"), r"first in row 2: '\x1b[31m'"),
        (
            ",".join(["id", "value", *(f"c{n}" for n in range(5000))]) + "\n",
            "`c8`, `c9` and 4990 more not allowed",
        ),
    ],
)
def test_reason(content: str | bytes, reason: str, kinds: Any) -> None:
    competition, answers = kinds["number"]
    data = content.encode() if isinstance(content, str) else content
    report = check(competition, data, answers)
    assert report.status == "invalid"
    assert reason in report.reason


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROWS,
        "\ufeff" + HEADER + ROWS,
        (HEADER + ROWS).replace("\n", "\r\n"),
        (HEADER + ROWS).rstrip("\n"),
        HEADER + ROWS + "\n\n",
        '"id","value"\n"a1","0.5"\n"a2","1.5"\n"a3","-2"\n"a4","8"\n',
        "value,id\n0.5,a1\n1.5,a2\n-2,a3\n8,a4\n",
        # A row number before each row, as some programs write it without a name for its column.
        HEADER + "0,a1,0.5\n1,a2,1.5\n2,a3,-2.0\n3,a4,8.0\n",
        HEADER + "a4,8e0\na3,-2.000\na1,.5\na2, 1.5\n",
    ],
)
def test_other_ways_to_write_the_same(content: str, kinds: Any) -> None:
    competition, answers = kinds["number"]
    report = check(competition, content.encode(), answers)
    assert (report.status, report.score) == ("valid", 0.0)


def test_no_regular_file(kinds: Any, tmp_path: Path) -> None:
    competition, answers = kinds["number"]
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "table.tsv").write_text("id,value\n")
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "nowhere.csv")
    for name, status, reason in [
        ("none.csv", "missing", "there is no file"),
        ("dangling.csv", "missing", "there is no file"),
        ("folder.csv", "invalid", "is not a file"),
        ("table.tsv", "invalid", "the file name must end in .csv, not '.tsv'"),
    ]:
        path = tmp_path / name
        for report in (grade(competition, path, answers=answers), validate(competition, path)):
            assert report.status == status
            assert reason in str(report.reason)


def test_tables_in_memory(kinds: Any) -> None:
    competition, answers = kinds["number"]
    shuffled = answers.sample(frac=1, random_state=1)
    assert grade(competition, shuffled, answers=answers).score == 0.0
    assert grade(competition, shuffled.set_index("id"), answers=answers).status == "invalid"
    twice = pd.concat([answers, answers[["value"]]], axis=1)
    report = grade(competition, twice, answers=answers)
    assert (report.status, report.reason) == ("invalid", "column `value` there more than once")
    assert grade(competition, pd.DataFrame(), answers=answers).status == "invalid"
    unchanged = shuffled.copy()
    validate(competition, shuffled)
    pd.testing.assert_frame_equal(shuffled, unchanged)


def test_infinite_scores_are_written_as_text(kinds: Any) -> None:
    competition, answers = kinds["number"]
    huge = answers.assign(value=[1e308, -1e308, 0, 0])
    report = grade(competition, huge, answers=answers)
    assert report.status in ("valid", "invalid")
    if report.raw_score is not None and math.isinf(report.raw_score):
        assert strict(report.to_json())["raw_score"] == "Infinity"
