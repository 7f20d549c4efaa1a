"""The models that are tried, per kind of features and kind of problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

# Beyond these numbers of classes, models that fit one part per class are too slow.
MANY_CLASSES_FOR_BOOSTING = 12
MANY_CLASSES_FOR_LINEAR = 300
# With this many texts, weak regularisation is the better one.
MANY_TEXTS = 5000


@dataclass(frozen=True)
class Candidate:
    """A model with the features that it reads.

    Attributes
    ----------
    name : str
        Kind of features and of model.
    train, test : array or sparse matrix
        Shapes (train rows, features) and (test rows, features).
    make : callable
        Returns a fresh estimator.
    ending : str
        ``refit``: fit once more on all rows at the end; ``average``: average the fits of the
        cross-validation, which is better for models whose fits differ much.
    transform : str
        ``log``: learn the logarithm of one plus the target.
    """

    name: str
    train: Any
    test: Any
    make: Callable[[], Any]
    ending: Literal["refit", "average"] = "average"
    transform: Literal["none", "log"] = "none"


@dataclass(frozen=True)
class Setting:
    """What the models of one problem have in common; ``smallest`` is the smallest truth."""

    is_classification: bool
    class_count: int
    rows: int
    metric: str | None
    smallest: float
    seed: int
    processors: int

    @property
    def transform(self) -> Literal["none", "log"]:
        """``log`` where the logarithms of numbers that are not negative are compared."""
        return "log" if self.metric == "rmsle" and self.smallest >= 0 else "none"


def _as_maker(estimator: Any) -> Callable[[], Any]:
    return lambda: clone(estimator)


def table_candidates(
    trees: tuple[np.ndarray, np.ndarray],
    linear: np.ndarray,
    train_rows: int,
    setting: Setting,
    *,
    only_boosting: bool = False,
) -> list[Candidate]:
    """Return models for a table: linear, randomised trees, gradient boosting.

    Parameters
    ----------
    trees
        Matrix of shape (train rows + test rows, features) and its mask of categorical columns.
    linear
        The same rows for linear models.
    train_rows, setting
        How many of the rows are train rows; the problem.
    only_boosting
        Try no other model, where the table matters little.
    """
    matrix, categorical = trees
    filled = np.where(np.isnan(matrix), np.float32(-999), matrix)
    seed = setting.seed
    leaf = 1 if setting.rows < 1000 else 3 if setting.rows < 5000 else 5
    forest: dict[str, Any] = {
        "n_estimators": 120, "min_samples_leaf": leaf,
        "max_features": 0.5 if matrix.shape[1] < 60 else "sqrt", "random_state": seed,
        "n_jobs": setting.processors,
    }  # fmt: skip
    rounds = 150 if setting.rows < 1000 else 400
    boosting: dict[str, Any] = {
        "learning_rate": 0.06, "max_iter": rounds, "max_leaf_nodes": 24, "l2_regularization": 1.0,
        "min_samples_leaf": 20 if setting.rows > 400 else 5, "early_stopping": True,
        "validation_fraction": 0.15, "n_iter_no_change": 15, "random_state": seed,
        "categorical_features": categorical if categorical.any() else None,
    }  # fmt: skip
    found: list[tuple[str, np.ndarray, Any, Literal["refit", "average"]]] = []
    if setting.is_classification:
        if setting.class_count <= MANY_CLASSES_FOR_LINEAR:
            for strength in (0.1, 10.0):
                model = LogisticRegression(C=strength, max_iter=200)
                found.append((f"linear, C {strength:g}", linear, model, "refit"))
        found.append(("randomised trees", filled, ExtraTreesClassifier(**forest), "average"))
        if setting.class_count <= MANY_CLASSES_FOR_BOOSTING:
            model = HistGradientBoostingClassifier(**boosting)
            found.append(("gradient boosting", matrix, model, "average"))
    else:
        loss = "absolute_error" if setting.metric == "mae" else "squared_error"
        found.append(("linear", linear, Ridge(alpha=3.0), "refit"))
        found.append(("randomised trees", filled, ExtraTreesRegressor(**forest), "average"))
        model = HistGradientBoostingRegressor(loss=loss, **boosting)
        found.append(("gradient boosting", matrix, model, "average"))
    return [
        Candidate(f"table: {name}", data[:train_rows], data[train_rows:], _as_maker(model), ending,
                  setting.transform)
        for name, data, model, ending in found
        if not only_boosting or name == "gradient boosting"
    ]  # fmt: skip


def text_candidates(
    counts: Any, words: Any, everything: Any, train_rows: int, setting: Setting
) -> list[Candidate]:
    """Return models for sparse text features: naive Bayes and linear ones."""
    found: list[tuple[str, Any, Any]] = []
    if setting.is_classification:
        found.append(("naive Bayes, weighted words", words, MultinomialNB(alpha=0.03)))
        found.append(("naive Bayes, words", counts, MultinomialNB(alpha=0.1)))
        if setting.class_count <= MANY_CLASSES_FOR_LINEAR:
            for strength in (1.0, 10.0) if setting.rows < MANY_TEXTS else (10.0,):
                model = LogisticRegression(
                    C=strength, solver="liblinear", dual=True, max_iter=20,
                    random_state=setting.seed,
                )  # fmt: skip
                several = OneVsRestClassifier(model) if setting.class_count > 2 else model
                found.append((f"linear, C {strength:g}", everything, several))
    else:
        found.append(("linear", everything, Ridge(alpha=2.0, solver="lsqr", max_iter=100)))
        found.append(("linear, words", words, Ridge(alpha=1.0, solver="lsqr", max_iter=100)))
    return [
        Candidate(f"text: {name}", data[:train_rows], data[train_rows:], _as_maker(model), "refit",
                  setting.transform)
        for name, data, model in found
    ]  # fmt: skip


def image_candidates(matrix: np.ndarray, train_rows: int, setting: Setting) -> list[Candidate]:
    """Return models for dense image features, all on their principal components."""
    seed = setting.seed
    found: list[tuple[str, Any]] = []
    network: dict[str, Any] = {
        "hidden_layer_sizes": (128,), "alpha": 1e-3, "learning_rate_init": 2e-3, "max_iter": 40,
        "early_stopping": setting.rows >= 4000, "n_iter_no_change": 6, "random_state": seed,
    }  # fmt: skip
    if setting.is_classification:
        if setting.class_count <= MANY_CLASSES_FOR_LINEAR:
            found.append(("linear", LogisticRegression(C=0.05, max_iter=100)))
        if setting.rows <= 20_000:
            nearest = KNeighborsClassifier(
                n_neighbors=5, weights="distance", n_jobs=setting.processors
            )
            found.append(("nearest neighbours", nearest))
        found.append(("network", MLPClassifier(**network)))
    else:
        found.append(("linear", Ridge(alpha=100.0)))
        found.append(("network", MLPRegressor(**network)))
    scaled = StandardScaler().fit_transform(matrix)
    components = max(1, min(150, setting.rows // 3, matrix.shape[1]))
    # Fitted once on all rows: it never sees the truth.
    reduced = PCA(components, svd_solver="randomized", random_state=seed).fit_transform(scaled)
    reduced = (reduced / max(float(reduced[:, 0].std()), 1e-9) * 3).astype(np.float32)
    return [
        Candidate(f"images: {name}", reduced[:train_rows], reduced[train_rows:],
                  _as_maker(model), "average", setting.transform)
        for name, model in found
    ]  # fmt: skip
