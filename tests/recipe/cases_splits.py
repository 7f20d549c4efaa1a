"""Cases of operations that divide rows; test_operation_properties.py compares with scikit-learn."""

from __future__ import annotations

import random

from operation_case import RECORDS, TABLE, Case

from mlebench_data.errors import PrepareError

SHUFFLED = list(range(5))
random.Random(5).shuffle(SHUFFLED)

CASES = [
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
        "size of another value",
        "split_rows",
        {"of": "r", "test_size": {"rows_of": "own"}, "into": ["train", "test"]},
        given={"r": [{"n": 0}] * 6, "own": [{}] * 5},
        values={"train": [{"n": 0}], "test": [{"n": 0}] * 5},
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
    Case(
        "whole groups, rows as in the table",
        "split_groups",
        {
            "table": "t",
            "column": "kind",
            "order": "appearance",
            "test_size": 1,
            "into": ["train", "test"],
        },
        given={"t": TABLE},
        values={"train": "id,kind,x\na,cat,1\nc,cat,3\n", "test": "id,kind,x\nb,dog,2\n"},
    ),
    Case(
        "column is not there",
        "split_groups",
        {
            "table": "t",
            "column": "key",
            "order": "sorted",
            "test_size": 1,
            "into": ["train", "test"],
        },
        given={"t": TABLE},
        error=(PrepareError, "Table 't' has no column 'key'."),
    ),
    Case(
        "one group is too few",
        "split_groups",
        {
            "table": "t",
            "column": "kind",
            "order": "sorted",
            "test_size": 1,
            "into": ["train", "test"],
        },
        given={"t": "kind\ncat\ncat\n"},
        error=(PrepareError, "cannot be split: "),
    ),
    Case(
        "small groups give their last row",
        "split_within_groups",
        {
            "table": "t",
            "column": "kind",
            "test_size": 0.5,
            "last_below": 5,
            "into": ["train", "test"],
        },
        given={"t": "id,kind\na,cat\nb,dog\nc,cat\nd,owl\ne,cat\nf,dog\n"},
        values={
            "train": "id,kind\na,cat\nc,cat\nb,dog\nd,owl\n",
            "test": "id,kind\ne,cat\nf,dog\n",
        },
    ),
    Case(
        "column is not there",
        "split_within_groups",
        {"table": "t", "column": "key", "test_size": 0.5, "into": ["train", "test"]},
        given={"t": TABLE},
        error=(PrepareError, "Table 't' has no column 'key'."),
    ),
    Case(
        "group of one row",
        "split_within_groups",
        {"table": "t", "column": "kind", "test_size": 0.5, "into": ["train", "test"]},
        given={"t": TABLE},
        error=(PrepareError, "cannot be split: "),
    ),
    Case(
        "as Python shuffles",
        "shuffle_rows",
        {"table": "t", "seed": 5, "into": "u"},
        given={"t": "n\n0\n1\n2\n3\n4\n"},
        values={"u": "n\n" + "".join(f"{number}\n" for number in SHUFFLED)},
    ),
    Case(
        "records are no table",
        "shuffle_rows",
        {"table": "r", "into": "u"},
        given={"r": RECORDS},
        error=(PrepareError, "'r' is a list, but a table is needed"),
    ),
]
