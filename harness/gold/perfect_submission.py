"""From the answers of a competition to the submission that cannot be beaten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mlebench_data.catalogue import Competition
from mlebench_data.catalogue.schema import Metric, Version
from mlebench_data.grading.answers import read_answers

if TYPE_CHECKING:
    import pandas as pd

#: A class that no competition has.
_NO_CLASS = "999999999"

Cells = Mapping[str, "pd.Series[Any]"]
"""Columns of a submission, by name."""


def perfect_submission(competition: Competition, version: str, answers: bytes) -> pd.DataFrame:
    """Return the submission that holds the answers.

    Parameters
    ----------
    competition : Competition
        The competition.
    version : str
        Its data version.
    answers : bytes
        Content of the answers file.

    Returns
    -------
    pandas.DataFrame
        A row for each row of the answers, with the columns of a submission in their order.
    """
    import pandas as pd

    table = read_answers(competition, version, answers)
    block = competition.version(version)
    schema = block.submission
    submitted = {schema.id: table[schema.id]}
    for name in schema.column_names():
        # Columns that nobody looks at may be missing from the answers.
        submitted[name] = table[name] if name in table else pd.Series("0", index=table.index)
    submitted |= _predictions(_truth(table, block), block.metric)
    return pd.DataFrame({name: submitted[name] for name in [schema.id, *schema.column_names()]})


def best_score(version: Version) -> float | None:
    """Return the score that the answers must have, None where there is no such bound.

    Parameters
    ----------
    version : Version
        The data version.

    Returns
    -------
    float or None
        The best value of the metric's range.
    """
    from mlebench_data.metrics.registry import metric_info

    metric = version.metric
    if metric.parameters.get("zero_ids") == "never_match":
        # By this quirk one true box counts as missed, whatever is submitted.
        return None
    low, high = metric_info(metric.name).range
    return high if metric.higher_is_better else low


def _truth(table: pd.DataFrame, version: Version) -> dict[str, pd.Series[Any]]:
    """Return the true values under the names of the submission's columns."""
    scored = [name for name, _ in version.submission.scored_columns()]
    references = version.metric.references or scored
    if len(references) < len(scored):
        return {name: table[name] for name in references}
    return {name: table[column] for name, column in zip(scored, references, strict=True)}


def _predictions(truth: Cells, metric: Metric) -> Cells:
    """Return the best predictions; for most metrics they have the form of the true values."""
    convert = _OTHER_FORMS.get(metric.name)
    return truth if convert is None else convert(truth, metric.parameters)


def _with_least_deviation(truth: Cells, parameters: Mapping[str, Any]) -> Cells:
    """Predict each value with the smallest standard deviation that counts."""
    import pandas as pd

    (value,) = truth.values()
    deviation = pd.Series(parameters.get("lowest_deviation", 70.0), index=value.index)
    return {**truth, "Confidence": deviation}


def _centers(truth: Cells, parameters: Mapping[str, Any]) -> Cells:
    """Predict the point in the middle of each box."""

    def points(cell: Any) -> Any:
        if not isinstance(cell, str):
            return cell
        tokens = cell.split()
        found = []
        for place in range(0, len(tokens), 5):
            x, y, width, height = map(float, tokens[place + 1 : place + 5])
            found.append(f"{tokens[place]} {x + width / 2!r} {y + height / 2!r}")
        return " ".join(found)

    return {name: cells.map(points) for name, cells in truth.items()}


def _first_answers(truth: Cells, parameters: Mapping[str, Any]) -> Cells:
    """Give one of the right answers, or none where none is right."""
    return {
        name: cells.map(lambda cell: cell.split()[0] if cell.strip() else "")
        for name, cells in truth.items()
    }


def _distinct_labels(truth: Cells, parameters: Mapping[str, Any]) -> Cells:
    """Give each true label of a row once, for a second time it takes a place and earns nothing."""

    def distinct(cell: Any) -> Any:
        return " ".join(dict.fromkeys(cell.split())) if isinstance(cell, str) else cell

    return {name: cells.map(distinct) for name, cells in truth.items()}


def _without_first_box(truth: Cells, parameters: Mapping[str, Any]) -> Cells:
    """Give the first box no known class where nothing can find the first true box."""
    if parameters.get("zero_ids") != "never_match":
        return truth
    converted = {name: cells.copy() for name, cells in truth.items()}
    for cells in converted.values():
        cells.iloc[0] = " ".join([_NO_CLASS, *cells.iloc[0].split()[1:]])
    return converted


#: Metrics whose predictions have another form than the true values.
_OTHER_FORMS: Mapping[str, Callable[[Cells, Mapping[str, Any]], Cells]] = {
    "coco_average_precision": _without_first_box,
    "laplace_log_likelihood": _with_least_deviation,
    "map_at_k": _distinct_labels,
    "natural_questions_f1": _first_answers,
    "point_in_box_f1": _centers,
}
