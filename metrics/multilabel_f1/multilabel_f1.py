"""F1 over sets of labels: each row has any number of labels, and all of them count alike."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
import numpy.typing as npt

from .direct_metric import DirectMetric
from .tokens import encode_tokens, split_tokens
from .validation import MetricInputError


def multilabel_f1(references: Any, predictions: Any, *, vocabulary: str = "all") -> float:
    """Micro-averaged F1 of rows that have any number of labels.

    Twice the number of labels that are both true and predicted, divided by the number of true and
    of predicted labels together. Within a row labels count once. Higher is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True labels of each row: text with blanks between the labels (empty text: none), or a list
        of text.
    predictions : array-like of shape (n,)
        Predicted labels, in either form.
    vocabulary : {"all", "references"}
        ``"references"``: predicted labels that occur nowhere in the references are left out, so
        that they cost nothing. ``"all"``: they count as wrong.

    Returns
    -------
    float
        In [0, 1]; 0 where no label is predicted.

    Raises
    ------
    MetricInputError
        If an argument is empty or holds anything but text; if the lengths differ; if `vocabulary`
        is something else.

    References
    ----------
    scikit-learn, ``sklearn.metrics.f1_score(average="micro")`` of indicator matrices, with which
    the value agrees.

    C. J. van Rijsbergen (1979). Information Retrieval, 2nd ed. Butterworths.

    Examples
    --------
    >>> references = ["scab rust", "healthy", "rust"]
    >>> predictions = ["rust", "healthy", "scab"]
    >>> round(multilabel_f1(references, predictions), 12)
    0.571428571429
    >>> multilabel_f1([["scab", "rust"]], [["rust", "mould"]])
    0.5
    >>> round(multilabel_f1([["scab", "rust"]], ["rust mould"], vocabulary="references"), 12)
    0.666666666667
    """
    if vocabulary not in ("all", "references"):
        raise MetricInputError("vocabulary", f"must be 'all' or 'references'; got {vocabulary!r}")
    truth = split_tokens("references", references)
    predicted = split_tokens("predictions", predictions)
    if len(truth.counts) != len(predicted.counts):
        raise MetricInputError(
            "predictions",
            f"must have as many rows as the references, {len(truth.counts)}; "
            f"got {len(predicted.counts)}",
        )
    (true_codes, predicted_codes), labels = encode_tokens(truth.values, predicted.values)
    predicted_rows = predicted.rows()
    if vocabulary == "references":
        # Codes are given as labels appear: those of the references come first.
        known = predicted_codes <= true_codes.max(initial=-1)
        predicted_rows, predicted_codes = predicted_rows[known], predicted_codes[known]
    true_pairs = _pairs(truth.rows(), true_codes, labels)
    predicted_pairs = _pairs(predicted_rows, predicted_codes, labels)
    both = np.sort(np.concatenate([true_pairs, predicted_pairs]), kind="stable")
    hits = int((both[1:] == both[:-1]).sum())
    total = len(both)
    return 2 * hits / total if total else 0.0


def _pairs(
    rows: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], labels: int
) -> npt.NDArray[np.int64]:
    """Return the numbers of the distinct pairs of row and label, in ascending order."""
    # Rows are in order already, of which a stable sort takes advantage.
    pairs = np.sort(rows * labels + codes, kind="stable")
    return pairs[np.diff(pairs, prepend=-1) > 0]


class MultilabelF1(DirectMetric):
    """Micro-averaged F1 over sets of labels for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=multilabel_f1.__doc__,
            features=[
                datasets.Features({"predictions": labels, "references": labels})
                for labels in (
                    datasets.Value("string"),
                    datasets.Sequence(datasets.Value("string")),
                )
            ],
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"multilabel_f1": multilabel_f1(references, predictions, **parameters)}
