"""Base of the metric classes: an ``evaluate.Metric`` that scores arrays where they lie."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import evaluate
import numpy as np


class DirectMetric(evaluate.Metric, ABC):  # type: ignore[misc]
    """An ``evaluate`` metric that hands its arguments to a function unchanged.

    ``evaluate`` writes predictions and references to an Arrow file and reads them back before it
    scores them. That leaves references on disk after an error, forces one type on a column
    (1.5 becomes 1), fails when threads share an instance, and takes a thousand times as long as
    the score itself. Here nothing is written and nothing converted.

    Rows given to `add` and `add_batch` wait in memory, apart for every thread, until the same
    thread calls `compute`.

    Parameters
    ----------
    config_name : str, optional
        Only ``"default"``: these metrics take parameters in `compute` instead.
    num_process : int
        Only 1: gather the rows of all processes first.
    parameters : dict, optional
        Parameters of every `compute`, unless they are given there.
    **options
        The other options of ``evaluate.Metric``, which have no effect.
    """

    # ``evaluate.load`` takes the first metric class of a module that is not abstract. An abstract
    # method is therefore what keeps it from taking this base.

    def __init__(
        self,
        config_name: str | None = None,
        *,
        num_process: int = 1,
        parameters: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if config_name not in (None, "default"):
            raise ValueError(f"config_name: there are no configurations; got {config_name!r}")
        if num_process != 1:
            raise ValueError(
                f"num_process: must be 1, got {num_process}; gather the rows, then compute once"
            )
        super().__init__(config_name=config_name, **options)
        # The module is always called like its folder; the class name need not translate back.
        self.info.module_name = type(self).__module__.rpartition(".")[2]
        self.parameters = dict(parameters or {})
        self._waiting = threading.local()

    @abstractmethod
    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        """Score one pair of array-likes."""

    def compute(
        self, *, predictions: Any = None, references: Any = None, **parameters: Any
    ) -> dict[str, float]:
        """Score predictions against references.

        Parameters
        ----------
        predictions, references : array-like, optional
            The rows to score, after those that this thread added before. May be left out
            together if there are such rows. They are forgotten in any case, also after an error.
        **parameters
            Parameters of the metric; they win over those that it was made with.

        Returns
        -------
        dict of str to float
            The score under the name of the metric.

        Raises
        ------
        ValueError
            If there is nothing to score, or the rows cannot be scored.
        TypeError
            If the metric has no such parameter.

        """
        added_predictions, added_references = self._take_waiting()
        if (predictions is None) != (references is None):
            lacking = "predictions" if predictions is None else "references"
            raise ValueError(f"{lacking}: missing; compute needs both predictions and references")
        if predictions is None:
            if not added_predictions:
                raise ValueError(
                    "nothing to score: pass predictions and references, or add rows in this thread"
                )
            predictions, references = added_predictions, added_references
        elif added_predictions:
            predictions = [*added_predictions, *_rows(predictions)]
            references = [*added_references, *_rows(references)]
        return self._compute(
            predictions=predictions, references=references, **{**self.parameters, **parameters}
        )

    def add_batch(self, *, predictions: Any, references: Any) -> None:
        """Keep rows in memory for the next `compute` of this thread.

        Parameters
        ----------
        predictions, references : array-like
            Equally many rows of each.

        Raises
        ------
        ValueError
            If the numbers of rows differ.

        """
        new_predictions, new_references = _rows(predictions), _rows(references)
        if len(new_predictions) != len(new_references):
            raise ValueError(
                f"predictions: a batch needs one row per reference; "
                f"got {len(new_predictions)} for {len(new_references)}"
            )
        waiting_predictions, waiting_references = self._take_waiting()
        waiting_predictions.extend(new_predictions)
        waiting_references.extend(new_references)
        self._waiting.rows = waiting_predictions, waiting_references

    def add(self, *, prediction: Any, reference: Any) -> None:
        """Keep one row in memory for the next `compute` of this thread.

        Parameters
        ----------
        prediction, reference : scalar or sequence
            One row of each.

        """
        self.add_batch(predictions=[prediction], references=[reference])

    def __len__(self) -> int:
        return len(getattr(self._waiting, "rows", ((), ()))[0])

    def __getstate__(self) -> dict[str, Any]:
        # Rows belong to a thread of this process; a copy of the metric starts without any.
        return {name: value for name, value in self.__dict__.items() if name != "_waiting"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._waiting = threading.local()

    def _take_waiting(self) -> tuple[list[Any], list[Any]]:
        rows: tuple[list[Any], list[Any]] = getattr(self._waiting, "rows", ([], []))
        self._waiting.rows = [], []
        return rows

    def _build_data_dir(self) -> str:
        # The original creates this folder; nothing is ever stored in it here.
        return str(Path(self._data_dir_root) / self.name / self.config_name)


def _rows(values: Any) -> list[Any]:
    """List the rows of an array-like, independent of the caller's buffer."""
    return list(values if isinstance(values, list | tuple) else np.array(values, subok=True))
