"""What the cards say about the edges of each metric."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlebench_data.metrics.registry import load_function

LARGEST = np.finfo(np.float64).max
BEST, WORST = -math.log(1 - np.finfo(np.float64).eps), -math.log(np.finfo(np.float64).eps)


@pytest.mark.parametrize(
    ("name", "references", "predictions", "expected"),
    [
        ("accuracy", [1, 1, 1, 1], [1.0, True, 1.5, 2], 0.5),
        ("accuracy", [True, False], [1, 0.0], 1.0),
        ("accuracy", ["a", "b"], pd.Categorical(["a", "c"]), 0.5),
        ("accuracy", ["a", ""], pa.array(["a", " "]), 0.5),
        ("accuracy", ["a\0"], ["a"], 0.0),
        ("accuracy", np.array(["a", "b"]), pd.Series(["a", "b"], dtype="string"), 1.0),
        ("accuracy", [2**70, 1], [2**70 + 1, 1], 0.5),
        ("accuracy", pd.Series([1, 2], dtype="Int64"), [1, 2], 1.0),
        ("roc_auc", [0, 1], [5, 5], 0.5),
        ("roc_auc", [False, True], [True, False], 0.0),
        ("roc_auc", [0.0, 1.0], [-LARGEST, LARGEST], 1.0),
        ("roc_auc", [0, 1], [0.0, 5e-324], 1.0),
        ("log_loss", [0, 1], [0, 1], BEST),
        ("log_loss", [0, 1], [True, False], WORST),
        ("log_loss", [1, 1], [0.5, 0.5], math.log(2)),
        ("log_loss", [1], [Decimal("0.5")], math.log(2)),
        ("multiclass_log_loss", [0], [[1.0, 0.0]], BEST),
        ("multiclass_log_loss", [1], [[1.0, 0.0]], WORST),
        ("multiclass_log_loss", [[0, 1]], [[0.5, 0.50001]], -math.log(0.50001)),
        ("multiclass_log_loss", [1.0], pa.array([[0.5, 0.5]]), math.log(2)),
        ("rmse", [1, 2], [1.5, 2.5], 0.5),
        ("rmse", [0.0], [1e200], math.inf),
        ("rmse", [-LARGEST], [LARGEST], math.inf),
        ("columnwise_rmsle", [0.0, 0.0], [-0.0, 0.0], 0.0),
        ("columnwise_rmsle", [0.0], [LARGEST], 709.782712893384),
        ("columnwise_rmsle", [[0, 0]], [[math.e - 1, 0]], 0.5),
    ],
)
def test_score(name: str, references: Any, predictions: Any, expected: float) -> None:
    score = load_function(name)(references, predictions)
    assert type(score) is float
    assert score == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("name", "references", "predictions", "message"),
    [
        ("accuracy", ["a"], [1], "predictions: must be text like the references; got numbers"),
        ("accuracy", [1], ["1"], "predictions: must be numbers like the references; got text"),
        (
            "accuracy",
            [1, 2],
            [1, "2"],
            "predictions: must be all text or all numbers; row 1 holds '2' (1 such row)",
        ),
        (
            "accuracy",
            ["a", "b"],
            pd.Series(["a", None], dtype="string"),
            "predictions: must not be missing; row 1 holds <NA> (1 such row)",
        ),
        (
            "accuracy",
            [1, 2],
            np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"),
            "predictions: must be text or numbers; got dtype datetime64[D]",
        ),
        (
            "accuracy",
            [1, 2, 3],
            np.ma.masked_array([1, 2, 3], [False, True, True]),
            "predictions: must not be masked; row 1 holds 2 (2 such rows)",
        ),
        ("roc_auc", [1, 1], [0.1, 0.2], "references: must hold both classes; every row holds 1"),
        (
            "roc_auc",
            [0, 2],
            [0.1, 0.2],
            "references: must be 0 or 1; row 1 holds 2.0 (1 such row)",
        ),
        (
            "roc_auc",
            [0, 1, 1, 0, 1],
            [0.1, 0.2, 0.3, math.nan, math.nan],
            "predictions: must be finite; row 3 holds nan (2 such rows)",
        ),
        (
            "roc_auc",
            [0, 1],
            [0.1, "0.2"],
            "predictions: must be numbers; row 1 holds '0.2' (1 such row)",
        ),
        (
            "log_loss",
            [0, 1],
            [-1e-300, 1.5],
            "predictions: must lie in [0, 1]; row 0 holds -1e-300 (2 such rows)",
        ),
        (
            "multiclass_log_loss",
            [0, 1],
            [[0.5, 0.5], [0.5, 0.6]],
            "predictions: rows must sum to 1 within 1.1e-05; row 1 sums to 1.1 (1 such row)",
        ),
        (
            "multiclass_log_loss",
            [0, 2],
            [[0.5, 0.5], [0.5, 0.5]],
            "references: must be class positions, integers from 0 to 1; row 1 holds 2.0 "
            "(1 such row)",
        ),
        (
            "multiclass_log_loss",
            [0, 0.5],
            [[0.5, 0.5], [0.5, 0.5]],
            "references: must be class positions, integers from 0 to 1; row 1 holds 0.5 "
            "(1 such row)",
        ),
        (
            "multiclass_log_loss",
            [[1, 1]],
            [[0.5, 0.5]],
            "references: must be one-hot; row 0 sums to 2.0 (1 such row)",
        ),
        (
            "multiclass_log_loss",
            [[1, 0, 0]],
            [[0.5, 0.5]],
            "predictions: must have one column per class, 3; got 2",
        ),
        (
            "multiclass_log_loss",
            [0],
            [[1.0]],
            "predictions: must have two or more columns, one per class; got 1",
        ),
        (
            "rmse",
            [1.0],
            [10**400],
            "predictions: must fit a 64-bit float; int too large to convert to float",
        ),
        (
            "rmse",
            [1.0],
            ["x" * 1000],
            "predictions: must be numbers; row 0 holds 'xxxxxxxxxxxx...xxxxxxxxxxxxx' (1 such row)",
        ),
        ("rmse", [1.0], [[1.0]], "predictions: must have shape (n,); got (1, 1)"),
        (
            "columnwise_rmsle",
            [[1, 1], [1, 1]],
            [[0, 0], [0, -1e-9]],
            "predictions: must not be below 0; row 1, column 1 holds -1e-09 (1 such row)",
        ),
        (
            "columnwise_rmsle",
            [[1, 1]],
            [1, 1],
            "predictions: must have the shape of references, (1, 2); got (2,)",
        ),
    ],
)
def test_refusal(name: str, references: Any, predictions: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        load_function(name)(references, predictions)
    assert str(caught.value) == message


@pytest.mark.parametrize("tolerance", [-1e-9, math.nan, math.inf])
def test_sum_tolerance_must_make_sense(tolerance: float) -> None:
    with pytest.raises(ValueError, match="sum_tolerance: must be a finite number") as caught:
        load_function("multiclass_log_loss")([0], [[0.5, 0.5]], sum_tolerance=tolerance)
    assert caught.value.argument == "sum_tolerance"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("tolerance", "accepted"), [(None, True), (0.2, True), (0.05, False)])
def test_sum_tolerance_decides(tolerance: float | None, accepted: bool) -> None:
    function = load_function("multiclass_log_loss")
    if accepted:
        assert function([0], [[0.5, 0.6]], sum_tolerance=tolerance) == math.log(2)
    else:
        with pytest.raises(ValueError, match=r"row 0 sums to 1\.1"):
            function([0], [[0.5, 0.6]], sum_tolerance=tolerance)
