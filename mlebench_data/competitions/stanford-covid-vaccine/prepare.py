"""Division of the molecules, and the table of their positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench_data.errors import PrepareError
from mlebench_data.tables import write_csv

if TYPE_CHECKING:
    import pandas as pd

    from mlebench_data.recipe import Context

TARGETS = ["reactivity", "deg_Mg_pH10", "deg_pH10", "deg_Mg_50C", "deg_50C"]


def write_parts(context: Context, test_share: float, seed: int) -> None:
    """Divide the labelled molecules, and write both parts, the answers and the sample."""
    import numpy as np
    import pandas as pd

    with context.raw.open("train.json") as stream:
        labelled = pd.read_json(stream, lines=True)
    with context.raw.open("test.json") as stream:
        columns = list(pd.read_json(stream, lines=True).columns)
    # Only molecules whose measurements are good enough are test molecules.
    candidates = np.flatnonzero((labelled["SN_filter"] > 0).to_numpy())
    count = int(test_share * len(labelled))
    if count > len(candidates):
        raise PrepareError(
            f"{count} test molecules are wanted, but only {len(candidates)} pass the filter."
        )
    chosen = np.random.RandomState(seed).choice(len(candidates), count, replace=False)
    is_test = np.zeros(len(labelled), dtype=bool)
    is_test[candidates[chosen]] = True

    test = labelled[is_test].reset_index(drop=True)
    answers = _positions(test)
    _write_json(context, labelled[~is_test].reset_index(drop=True), "public/train.json")
    _write_json(context, test[columns], "public/test.json")
    _write_csv(context, answers, "private/test.csv")
    sample = answers.drop(columns="keep").assign(**dict.fromkeys(TARGETS, 0.0))
    _write_csv(context, sample, "public/sample_submission.csv")


def _positions(test: pd.DataFrame) -> pd.DataFrame:
    """Make one row for each position of each molecule; only the first ones were measured."""
    import numpy as np
    import pandas as pd

    lengths = test["seq_length"].to_numpy()
    scored = test["seq_scored"].to_numpy()
    position = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    keep = position < np.repeat(scored, lengths)
    names = pd.Series(np.repeat(test["id"].to_numpy(dtype=object), lengths))
    names = names + "_" + position.astype(str)
    answers = {"id_seqpos": names.to_numpy()}
    for target in TARGETS:
        measured = test[target].map(len).to_numpy()
        wrong = (measured != scored) | (scored >= lengths)
        if wrong.any():
            first = test["id"].iloc[int(wrong.argmax())]
            raise PrepareError(f"'{target}' of molecule {first} has not as many values as it must.")
        values = np.zeros(len(keep))
        values[keep] = np.concatenate(list(test[target])) if len(test) else []
        answers[target] = values
    return pd.DataFrame({**answers, "keep": keep})


def _write_json(context: Context, table: pd.DataFrame, path: str) -> None:
    table = table.assign(index=range(len(table)))
    table.to_json(context.target(path), orient="records", lines=True)
    context.rows[path] = len(table)
    context.advance(1)


def _write_csv(context: Context, table: pd.DataFrame, path: str) -> None:
    write_csv(table, context.target(path), float_format="%.10f")
    context.rows[path] = len(table)
    context.advance(1)
