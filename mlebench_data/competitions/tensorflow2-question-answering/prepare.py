"""Split of the Natural Questions records, which are too many for memory, block by block."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from mlebench_data.errors import PrepareError
from mlebench_data.recipe import Context

SOURCE = "simplified-nq-train.jsonl"
TRAIN = "public/simplified-nq-train.jsonl"
TEST = "public/simplified-nq-test.jsonl"
ANSWERS = "private/test.jsonl"
TEST_FIELDS = ["example_id", "question_text", "document_text", "long_answer_candidates"]

_DELETE = re.compile(r"(?<!\\)((?:\\\\)*)\\u007f")


def split_records(context: Context, chunk_rows: int, test_size: float, seed: int) -> None:
    """Split every block of lines by itself, and leave the right answers in the table `gold`."""
    import numpy as np
    import pandas as pd
    from sklearn.model_selection import train_test_split

    gold: list[tuple[str, str]] = []
    with (
        context.raw.open(SOURCE) as source,
        context.target(TRAIN).open("w", encoding="ascii", newline="\n") as train,
        context.target(TEST).open("w", encoding="ascii", newline="\n") as test,
        context.target(ANSWERS).open("w", encoding="ascii", newline="\n") as answers,
    ):
        for records in _blocks(source, chunk_rows):
            try:
                train_positions, test_positions = train_test_split(
                    np.arange(len(records)), test_size=test_size, random_state=seed
                )
            except ValueError as error:
                raise PrepareError(f"A block of {SOURCE} cannot be split: {error}") from error
            for position in train_positions:
                train.write(encode(records[position]))
            for position in test_positions:
                record = records[position]
                answers.write(encode(record))
                test.write(encode({field: record[field] for field in TEST_FIELDS}))
                gold.extend(_gold_rows(record))
    context.values["gold"] = pd.DataFrame(gold, columns=["example_id", "PredictionString"])
    context.advance(3)


def _blocks(source: IO[bytes], size: int) -> Iterator[list[dict[str, Any]]]:
    """Read the records of so many lines at a time; blank lines count as lines."""
    while lines := list(itertools.islice(source, size)):
        try:
            records = [json.loads(line) for line in lines if line.strip()]
        except ValueError as error:
            raise PrepareError(f"Raw file '{SOURCE}' is not JSON lines: {error}.") from error
        for record in records:
            record["example_id"] = str(record["example_id"])
        if records:
            yield records


def encode(record: dict[str, Any]) -> str:
    r"""Return a record as a line of JSON, escaped as pandas does it.

    Without blanks and in ASCII, `/` as `\/`, the character U+007F as it is.
    """
    text = json.dumps(record, separators=(",", ":")).replace("/", "\\/")
    if "\\u007f" in text:
        text = _DELETE.sub("\\1\x7f", text)
    return f"{text}\n"


def _gold_rows(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the short and the long answer of a record, the first one where there are several."""
    annotation = record["annotations"][0]
    short = ""
    if annotation["yes_no_answer"] != "NONE":
        short = annotation["yes_no_answer"]
    elif annotation["short_answers"]:
        short = _span(annotation["short_answers"][0])
    long = annotation["long_answer"]
    return [
        (f"{record['example_id']}_short", short),
        (f"{record['example_id']}_long", "" if long["start_token"] == -1 else _span(long)),
    ]


def _span(answer: dict[str, Any]) -> str:
    return f"{answer['start_token']}:{answer['end_token']}"
