"""MLE-bench rebuilt data first: competitions as datasets, metrics for evaluate, a thin harness."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlebench_data.catalogue import load_competition, load_split
    from mlebench_data.gradable import get
    from mlebench_data.grading import grade, validate
    from mlebench_data.hub import load_private
    from mlebench_data.hub.endpoint.connection import connect, disconnect
    from mlebench_data.metrics.registry import metric_names, metric_path

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "connect",
    "disconnect",
    "get",
    "grade",
    "load_competition",
    "load_private",
    "load_split",
    "metric_names",
    "metric_path",
    "validate",
]

# Imported at first use, so that `import mlebench_data` costs milliseconds, not the seconds that
# pandas, scikit-learn and datasets take.
_HOMES = {
    "connect": "mlebench_data.hub.endpoint.connection",
    "disconnect": "mlebench_data.hub.endpoint.connection",
    "get": "mlebench_data.gradable",
    "grade": "mlebench_data.grading",
    "load_competition": "mlebench_data.catalogue",
    "load_private": "mlebench_data.hub",
    "load_split": "mlebench_data.catalogue",
    "metric_names": "mlebench_data.metrics.registry",
    "metric_path": "mlebench_data.metrics.registry",
    "validate": "mlebench_data.grading",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
