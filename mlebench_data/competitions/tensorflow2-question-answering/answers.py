"""Right answers of the Natural Questions records, as a table."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def read_answers(stream: IO[bytes], version: str) -> pd.DataFrame:
    """Read the answers file.

    Parameters
    ----------
    stream : binary file
        One JSON record in each line.
    version : str
        Data version; all have the same format.

    Returns
    -------
    pandas.DataFrame
        Two rows for each record, `example_id` ending in `_long` and `_short`; `PredictionString`
        holds all right answers with blanks between them, nothing where there is none.
    """
    import pandas as pd

    rows: list[tuple[str, str]] = []
    for line in stream:
        if line.strip():
            example_id = _field(line, b"example_id")
            annotation = _field(line, b"annotations")[0]
            rows.append((f"{example_id}_long", _long_answer(annotation)))
            rows.append((f"{example_id}_short", _short_answers(annotation)))
    return pd.DataFrame(rows, columns=["example_id", "PredictionString"], dtype="object")


def _field(line: bytes, name: bytes) -> Any:
    """Return one field of a record without decoding the article, which is most of the line.

    A quotation mark inside a text is escaped, so the name in plain ones is that of a field.
    """
    key = b'"' + name + b'":'
    start = line.find(key)
    if start < 0:
        raise KeyError(f"a record has no field {name.decode()}")
    rest = line[start + len(key) :].decode("ascii")
    return json.JSONDecoder().raw_decode(rest)[0]


def _long_answer(annotation: dict[str, Any]) -> str:
    answer = annotation["long_answer"]
    return "" if answer["start_token"] == -1 else _span(answer)


def _short_answers(annotation: dict[str, Any]) -> str:
    answers = [_span(answer) for answer in annotation["short_answers"]]
    if annotation["yes_no_answer"] != "NONE":
        answers.append(annotation["yes_no_answer"])
    return " ".join(answers)


def _span(answer: dict[str, Any]) -> str:
    return f"{answer['start_token']}:{answer['end_token']}"
