"""Find metrics by name: a metric is a folder beside this file that holds a module of its name."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import evaluate


class UnknownMetricError(LookupError):
    """No metric has this name."""


class MetricCardError(ValueError):
    """The front matter of a metric's card is missing, incomplete or of a wrong type."""


@dataclass(frozen=True)
class MetricCard:
    """What the front matter of a metric's card says.

    Attributes
    ----------
    name : str
        Name of the metric, of its folder and of its function.
    title : str
        Name for people.
    summary : str
        One sentence.
    higher_is_better : bool
        Direction.
    range : tuple of (float or None)
        Lowest and highest possible score, both included; None where there is no bound.
    """

    name: str
    title: str
    summary: str
    higher_is_better: bool
    range: tuple[float | None, float | None]


def metric_names() -> list[str]:
    """List the known metrics.

    Returns
    -------
    list of str
        In alphabetical order.
    """
    folder = Path(__file__).parent
    return sorted(
        path.parent.name for path in folder.glob("[!_.]*/*.py") if path.stem == path.parent.name
    )


def metric_path(name: str) -> Path:
    """Find the folder of a metric, which ``evaluate.load`` accepts.

    Parameters
    ----------
    name : str
        One of `metric_names`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UnknownMetricError
        If there is no such metric; the message lists those that exist.
    """
    folder = Path(__file__).parent / name
    # Without a list of all, which takes longer than many a score.
    if not name.isidentifier() or name.startswith("_") or not (folder / f"{name}.py").is_file():
        names = metric_names()
        nearest = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
        raise UnknownMetricError(f"no metric {name!r}{hint} Known metrics: {', '.join(names)}")
    return folder


def load_function(name: str) -> Callable[..., float]:
    """Import the plain function of a metric.

    Parameters
    ----------
    name : str
        One of `metric_names`.

    Returns
    -------
    callable
        ``function(references, predictions, **parameters) -> float``.

    Raises
    ------
    UnknownMetricError
        If there is no such metric.
    """
    metric_path(name)
    module = importlib.import_module(f"{__package__}.{name}.{name}")
    function: Callable[..., float] = getattr(module, name)
    return function


def load_metric(name: str, parameters: dict[str, Any] | None = None) -> evaluate.Metric:
    """Make the ``evaluate`` metric of a name, without a copy in evaluate's module cache.

    Parameters
    ----------
    name : str
        One of `metric_names`.
    parameters : dict, optional
        Parameters of every ``compute``, unless they are given there.

    Returns
    -------
    evaluate.Metric
        What ``evaluate.load(metric_path(name), parameters=parameters)`` gives.

    Raises
    ------
    UnknownMetricError
        If there is no such metric.
    """
    import inspect

    import evaluate

    module = inspect.getmodule(load_function(name))
    classes = (value for _, value in inspect.getmembers(module, inspect.isclass))
    metric_class: Callable[..., evaluate.Metric] = next(
        item
        for item in classes
        if issubclass(item, evaluate.Metric) and not inspect.isabstract(item)
    )
    return metric_class(parameters=parameters)


def metric_info(name: str) -> MetricCard:
    """Read what the card of a metric says about it.

    Parameters
    ----------
    name : str
        One of `metric_names`.

    Returns
    -------
    MetricCard
        Title, summary, direction and range.

    Raises
    ------
    UnknownMetricError
        If there is no such metric.
    MetricCardError
        If the card does not say it.
    """
    path = metric_path(name) / "README.md"
    fields = _front_matter(path)
    try:
        low, high = fields["range"]
        card = MetricCard(
            name=name,
            title=fields["title"],
            summary=fields["summary"],
            higher_is_better=fields["higher_is_better"],
            range=(_bound(low), _bound(high)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MetricCardError(
            f"{path}: the front matter needs title, summary, higher_is_better and "
            f"range: [low, high]; {type(error).__name__}: {error}"
        ) from error
    if not isinstance(card.higher_is_better, bool):
        raise MetricCardError(
            f"{path}: higher_is_better must be true or false; got {card.higher_is_better!r}"
        )
    return card


def _bound(value: Any) -> float | None:
    return None if value is None else float(value)


def _front_matter(path: Path) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        raise MetricCardError(f"{path}: missing; every metric needs a card")
    parts = path.read_text(encoding="utf-8").split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        raise MetricCardError(f"{path}: must begin with YAML between two lines of ---")
    try:
        fields = yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        raise MetricCardError(f"{path}: the front matter is not valid YAML; {error}") from error
    if not isinstance(fields, dict):
        raise MetricCardError(f"{path}: the front matter must be a mapping")
    return fields
