"""Binary log loss: the mean negative log-likelihood of the true classes."""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np
from scipy.special import xlogy

from .direct_metric import DirectMetric
from .validation import binary_labels, finite_numbers, require_same_shape


def log_loss(references: Any, predictions: Any) -> float:
    """Mean binary cross-entropy in nats.

    The mean of -ln(p) over rows of class 1 and of -ln(1 - p) over rows of class 0, taken
    together, with p and 1 - p clipped to [eps, 1 - eps], eps = 2.220446049250313e-16, the float64
    machine epsilon. Lower is better.

    Parameters
    ----------
    references : array-like of shape (n,)
        True classes, 0 or 1 (or booleans). A single class is enough.
    predictions : array-like of shape (n,)
        Probabilities of class 1, in [0, 1].

    Returns
    -------
    float
        In [2.2e-16, 36.04], which is [-ln(1 - eps), -ln(eps)].

    Raises
    ------
    MetricInputError
        If an argument is empty, not one-dimensional or not finite; if the lengths differ; if the
        references hold anything but 0 and 1; if a probability is out of range.

    References
    ----------
    scikit-learn 1.5, ``sklearn.metrics.log_loss``, with which the value agrees to the last bit.
    Newer versions take numpy's logarithm, which can change that bit.

    Examples
    --------
    >>> references = [0, 1, 1, 0]
    >>> predictions = [0.1, 0.9, 0.8, 0.3]
    >>> round(log_loss(references, predictions), 12)
    0.197634881642
    """
    truth = binary_labels("references", references)
    probabilities = finite_numbers("predictions", predictions, low=0, high=1)
    require_same_shape(truth, probabilities)
    eps = np.finfo(np.float64).eps
    clipped = np.clip(probabilities, eps, 1 - eps)
    # xlogy takes the C library's logarithm, which unlike numpy's does not depend on the processor.
    return float(np.mean(-xlogy(1.0, np.where(truth == 1, clipped, 1 - clipped))))


class LogLoss(DirectMetric):
    """Binary log loss for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=log_loss.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("float64"),
                    "references": datasets.Value("int64"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"log_loss": log_loss(references, predictions, **parameters)}
