"""F1 score of Natural Questions answers: spans of tokens, YES, NO, or nothing."""

from __future__ import annotations

import reprlib
from typing import Any, Literal

import datasets
import evaluate
import numpy as np
import numpy.typing as npt

from .direct_metric import DirectMetric
from .token_groups import text_cells
from .validation import MetricInputError, require_same_shape

Answer = tuple[int, int] | str


def natural_questions_f1(
    references: Any, predictions: Any, *, blanks: Literal["ignore", "score"] = "ignore"
) -> float:
    """Micro-averaged F1 score of answers that may be left blank.

    An answer is a span of tokens `start:end`, or `YES`, or `NO`. A row may have several right
    answers, of which one is to be given, or none, in which case it is to be left blank. Higher is
    better.

    Parameters
    ----------
    references : array-like of shape (n,)
        The right answers of each row as text, blanks between them; empty text where there is none.
    predictions : array-like of shape (n,)
        One answer as text, or empty text.
    blanks : {"ignore", "score"}
        Whether a row that is rightly left blank counts. With "ignore" the score is the F1 of the
        answers given. With "score" it is the micro-average over the two classes "answered" and
        "blank", which is the share of right rows.

    Returns
    -------
    float
        In [0, 1]. With `blanks="ignore"`, 0 if nothing is answered and nothing is to be answered.

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or holds anything but text; if the lengths
        differ; if a text holds anything but such answers, or a prediction holds more than one.

    References
    ----------
    T. Kwiatkowski et al.: Natural Questions: a benchmark for question answering research.
    Transactions of the ACL 7 (2019).

    Examples
    --------
    >>> references = ["12:40", "", "13:15 YES", ""]
    >>> predictions = ["12:40", "", "YES", "3:9"]
    >>> natural_questions_f1(references, predictions)
    0.8
    >>> natural_questions_f1(references, predictions, blanks="score")
    0.75
    """
    if blanks not in ("ignore", "score"):
        raise MetricInputError("blanks", f"must be 'ignore' or 'score'; got {blanks!r}")
    truth = text_cells("references", references)
    predicted = text_cells("predictions", predictions)
    require_same_shape(truth, predicted)
    right = [{_answer("references", a, row) for a in c.split()} for row, c in enumerate(truth)]
    given = [
        _answer("predictions", c, row) if c.strip() else None for row, c in enumerate(predicted)
    ]
    answered = np.array([answer is not None for answer in given])
    answerable = np.array([bool(answers) for answers in right])
    hit = np.array([a in answers for a, answers in zip(given, right, strict=True)])
    if blanks == "score":
        return float(np.mean(np.where(answered, hit, ~answerable)))
    return _f1(hit, answered, answerable)


def _f1(
    hit: npt.NDArray[np.bool_], answered: npt.NDArray[np.bool_], answerable: npt.NDArray[np.bool_]
) -> float:
    true_positives = int(hit.sum())
    false_positives = int((answered & ~hit).sum())
    false_negatives = int((answerable & ~answered).sum())
    total = 2 * true_positives + false_positives + false_negatives
    return 2 * true_positives / total if total else 0.0


def _answer(argument: str, text: str, row: int) -> Answer:
    """Read one answer; numbers are what Python's `int` reads."""
    text = text.strip()
    if text in ("YES", "NO"):
        return text
    parts = text.split(":")
    if len(parts) == 2:
        try:
            return int(parts[0]), int(parts[1])
        except ValueError:
            pass
    raise MetricInputError(
        argument,
        f"must be a span start:end, YES, NO or blank; row {row} holds {reprlib.repr(text)}",
        row,
    )


class NaturalQuestionsF1(DirectMetric):
    """F1 score of Natural Questions answers for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=natural_questions_f1.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"natural_questions_f1": natural_questions_f1(references, predictions, **parameters)}
