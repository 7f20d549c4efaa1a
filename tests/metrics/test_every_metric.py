"""What every metric must do, whatever it measures."""

from __future__ import annotations

import copy
import doctest
import importlib
import pickle
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import evaluate
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlebench_data.metrics.registry import load_function, metric_info, metric_names, metric_path

SECTIONS = ["Definition", "Inputs", "Parameters", "Edge cases", "Competitions", "Source", "Example"]


@dataclass(frozen=True)
class Metric:
    """A metric with the rows that the examples of its docstring define."""

    name: str
    function: Callable[..., float]
    module: ModuleType
    path: Path
    references: list[Any]
    predictions: list[Any]

    @property
    def score(self) -> float:
        return self.function(self.references, self.predictions)


@pytest.fixture(scope="session", params=metric_names())
def metric(request: pytest.FixtureRequest) -> Metric:
    name = request.param
    function = load_function(name)
    rows: dict[str, Any] = {}
    for example in doctest.DocTestParser().get_examples(function.__doc__ or ""):
        if example.source.startswith(("references =", "predictions =")):
            exec(example.source, rows)
    return Metric(
        name,
        function,
        importlib.import_module(function.__module__),
        metric_path(name),
        rows["references"],
        rows["predictions"],
    )


@pytest.fixture(scope="session")
def evaluate_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give evaluate an empty home and no network, although it is imported already."""
    home = tmp_path_factory.mktemp("hf_home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(home))
        patch.setenv("HF_EVALUATE_OFFLINE", "1")
        patch.setattr(evaluate.config, "HF_EVALUATE_OFFLINE", True)
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", home / "modules")
        patch.setattr(evaluate.config, "HF_METRICS_CACHE", home / "metrics")
        patch.setattr(sys, "path", sys.path.copy())
        # Another home's modules would be found first.
        for name in [name for name in sys.modules if name.startswith("evaluate_modules")]:
            patch.delitem(sys.modules, name)
        yield home
        for name in [name for name in sys.modules if name.startswith("evaluate_modules")]:
            del sys.modules[name]


@pytest.fixture(scope="session")
def loaded(metric: Metric, evaluate_home: Path) -> Any:
    return evaluate.load(str(metric.path))


def as_pandas(rows: list[Any]) -> Any:
    # A shuffled index must not matter: rows count by position.
    index = list(range(len(rows)))[::-1]
    return pd.DataFrame(rows, index) if isinstance(rows[0], list) else pd.Series(rows, index)


def as_arrow_table(rows: list[Any]) -> Any:
    if not isinstance(rows[0], list):
        return pa.chunked_array([rows[:1], rows[1:]])
    columns = list(zip(*rows, strict=True))
    return pa.table(columns, names=[f"class_{i}" for i in range(len(columns))])


CONTAINERS = {
    "tuple": tuple,
    "numpy": np.array,
    "numpy object": lambda rows: np.array(rows, dtype=object),
    "numpy column order": lambda rows: np.asfortranarray(rows),
    "pandas": as_pandas,
    "arrow array": pa.array,
    "arrow table": as_arrow_table,
    "rows of arrays": lambda rows: [np.array(row) for row in rows],
}


def with_value(rows: list[Any], value: Any) -> list[Any]:
    """Replace one value of the second row."""
    changed = copy.deepcopy(rows)
    if isinstance(changed[1], list):
        changed[1][0] = value
    else:
        changed[1] = value
    return changed


# The folder


def test_folder_holds_what_belongs_to_it(metric: Metric) -> None:
    own = {"__init__.py", "README.md", f"{metric.name}.py"}
    files = {path.name for path in metric.path.iterdir() if path.name != "__pycache__"}
    assert own <= files
    for name in files - own:
        assert (metric.path / name).readlink() == Path("../_shared") / name
        assert (metric.path / name).is_file()


def test_imports_suit_the_loader(metric: Metric) -> None:
    for name in ("direct_metric", "validation"):
        source = (metric.path / f"{name}.py").read_text()
        assert not re.search(r"^\s*(from\s+\.|import\s+\.|from\s+mlebench)", source, re.MULTILINE)
    source = (metric.path / f"{metric.name}.py").read_text()
    assert not re.search(r"^import .*,", source, re.MULTILINE)
    assert "mlebench" not in source


def test_card_is_complete(metric: Metric) -> None:
    text = (metric.path / "README.md").read_text()
    info = metric_info(metric.name)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert re.search(r"^tags:\n- evaluate\n- metric$", text, re.MULTILINE)
    assert re.search(r"^description: >-\n  \S", text, re.MULTILINE)
    direction = "Higher" if info.higher_is_better else "Lower"
    assert f"{direction} is better." in text
    assert f"{direction} is better." in " ".join((metric.function.__doc__ or "").split())
    assert f"# {info.title}\n" in text
    assert info.summary.endswith(".")
    low, high = info.range
    assert (low is None or low <= metric.score) and (high is None or metric.score <= high)


def test_card_example_prints_what_it_says(
    metric: Metric, loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(metric.path.parents[1])
    text = (metric.path / "README.md").read_text()
    test = doctest.DocTestParser().get_doctest(text, {}, metric.name, "README.md", 0)
    result = doctest.DocTestRunner().run(test)
    assert result.attempted >= 3
    assert result.failed == 0


# The function


def test_docstring_examples(metric: Metric) -> None:
    result = doctest.testmod(metric.module)
    assert result.attempted >= 3
    assert result.failed == 0


def test_result_is_a_float(metric: Metric) -> None:
    assert type(metric.score) is float


def test_order_of_rows_does_not_matter(metric: Metric) -> None:
    pairs = list(zip(metric.references, metric.predictions, strict=True)) * 5
    random.Random(0).shuffle(pairs)
    references, predictions = zip(*pairs, strict=True)
    assert metric.function(references, predictions) == pytest.approx(metric.score, rel=1e-13)


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers_give_the_same_score(metric: Metric, container: str) -> None:
    convert = CONTAINERS[container]
    score = metric.function(convert(metric.references), convert(metric.predictions))
    assert score == metric.score


def test_arguments_stay_unchanged(metric: Metric) -> None:
    references, predictions = np.array(metric.references), np.array(metric.predictions)
    references.flags.writeable = predictions.flags.writeable = False
    assert metric.function(references, predictions) == metric.score


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), float("inf"), pd.NA, pd.NaT, [1.0], {}, b"1", 1j, Ellipsis],
    ids=repr,
)
@pytest.mark.parametrize("argument", ["references", "predictions"])
def test_unusable_values_are_refused(metric: Metric, argument: str, value: Any) -> None:
    rows = {"references": metric.references, "predictions": metric.predictions}
    rows[argument] = with_value(rows[argument], value)
    with pytest.raises(ValueError, match=f"^{argument}: ") as caught:
        metric.function(**rows)
    assert caught.value.argument == argument  # type: ignore[attr-defined]


@pytest.mark.parametrize("argument", ["references", "predictions"])
def test_row_at_fault_is_named(metric: Metric, argument: str) -> None:
    rows = {"references": metric.references, "predictions": metric.predictions}
    rows[argument] = with_value(rows[argument], float("nan"))
    with pytest.raises(ValueError, match=r"row 1.* holds nan \(1 such row\)") as caught:
        metric.function(**rows)
    assert caught.value.row == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("argument", ["references", "predictions"])
@pytest.mark.parametrize("shape", ["scalar", "text", "mapping", "cube", "empty", "ragged"])
def test_wrong_shapes_are_refused(metric: Metric, argument: str, shape: str) -> None:
    rows: dict[str, Any] = {"references": metric.references, "predictions": metric.predictions}
    rows[argument] = {
        "scalar": 1.0,
        "text": "1",
        "mapping": {"a": 1.0},
        "cube": np.ones((len(metric.references), 2, 2)),
        "empty": [],
        "ragged": [[1.0, 0.0], *[[1.0]] * (len(metric.references) - 1)],
    }[shape]
    with pytest.raises(ValueError, match=f"^{argument}: "):
        metric.function(**rows)


def test_lengths_must_agree(metric: Metric) -> None:
    with pytest.raises(ValueError, match=r"^predictions: must have"):
        metric.function(metric.references, metric.predictions[:-1])
    with pytest.raises(ValueError, match=r"^predictions: must have"):
        metric.function(metric.references[:-1], metric.predictions)


def test_error_survives_pickling(metric: Metric) -> None:
    with pytest.raises(ValueError) as caught:
        metric.function(metric.references, [])
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.argument, again.row) == (str(caught.value), "predictions", None)


def test_unknown_parameter_is_refused(metric: Metric, loaded: Any) -> None:
    for call in (metric.function, loaded.compute):
        with pytest.raises(TypeError, match=rf"{metric.name}\(\) got an unexpected .*'no_such'"):
            call(references=metric.references, predictions=metric.predictions, no_such=1)


# The class, as evaluate loads it


def test_compute_equals_the_function(metric: Metric, loaded: Any) -> None:
    result = loaded.compute(predictions=metric.predictions, references=metric.references)
    assert result == {metric.name: metric.score}
    assert type(result[metric.name]) is float
    assert loaded.name == metric.name
    assert loaded.description and metric.name in repr(loaded)


def test_copied_folder_loads(metric: Metric, evaluate_home: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(metric.path, tmp_path / metric.name)
    assert not any(path.is_symlink() for path in copied.iterdir())
    loaded = evaluate.load(str(copied))
    result = loaded.compute(predictions=metric.predictions, references=metric.references)
    assert result == {metric.name: metric.score}


def test_threads_may_share_an_instance(metric: Metric, loaded: Any) -> None:
    def rotated(turn: int) -> list[Any]:
        start = turn % len(metric.predictions)
        return metric.predictions[start:] + metric.predictions[:start]

    def compute(turn: int) -> tuple[float, float]:
        direct = loaded.compute(predictions=rotated(turn), references=metric.references)
        loaded.add_batch(predictions=rotated(turn), references=metric.references)
        return direct[metric.name], loaded.compute()[metric.name]

    turns = list(range(64))
    with ThreadPoolExecutor(8) as pool:
        scores = list(pool.map(compute, turns))
    expected = [metric.function(metric.references, rotated(turn)) for turn in turns]
    assert scores == [(score, score) for score in expected]


def test_added_rows_belong_to_their_thread(metric: Metric, loaded: Any) -> None:
    loaded.add_batch(predictions=metric.predictions, references=metric.references)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(len, loaded).result() == 0
        with pytest.raises(ValueError, match="nothing to score"):
            pool.submit(loaded.compute).result()
    assert loaded.compute() == {metric.name: metric.score}


def test_nothing_is_stored(metric: Metric, loaded: Any, evaluate_home: Path) -> None:
    loaded.add_batch(predictions=metric.predictions, references=metric.references)
    loaded.compute()
    with pytest.raises(ValueError):
        loaded.compute(predictions=metric.predictions, references=[])
    assert not (evaluate_home / "metrics").exists()


def test_rows_can_be_added(metric: Metric, loaded: Any) -> None:
    references, predictions = np.array(metric.references), np.array(metric.predictions)
    loaded.add_batch(predictions=predictions[:2], references=references[:2])
    # The rows were copied: a caller may use its buffer again.
    predictions[:2] = predictions[:2][::-1].copy()
    for prediction, reference in zip(metric.predictions[2:], metric.references[2:], strict=True):
        loaded.add(prediction=prediction, reference=reference)
    assert len(loaded) == len(metric.references)
    assert loaded.compute() == {metric.name: metric.score}
    assert len(loaded) == 0


def test_added_rows_come_before_given_ones(metric: Metric, loaded: Any) -> None:
    loaded.add_batch(predictions=metric.predictions[:1], references=metric.references[:1])
    result = loaded.compute(
        predictions=as_pandas(metric.predictions[1:]), references=metric.references[1:]
    )
    assert result == {metric.name: metric.score}


def test_added_rows_are_forgotten_after_an_error(metric: Metric, loaded: Any) -> None:
    loaded.add(prediction=None, reference=None)
    with pytest.raises(ValueError):
        loaded.compute()
    with pytest.raises(ValueError, match="nothing to score"):
        loaded.compute()


def test_incomplete_rows_are_refused(metric: Metric, loaded: Any) -> None:
    with pytest.raises(ValueError, match="references: missing"):
        loaded.compute(predictions=metric.predictions)
    with pytest.raises(ValueError, match="predictions: missing"):
        loaded.compute(references=metric.references)
    with pytest.raises(ValueError, match="one row per reference"):
        loaded.add_batch(predictions=metric.predictions[1:], references=metric.references)


def test_combine(metric: Metric, loaded: Any) -> None:
    combined = evaluate.combine({"first": loaded, "second": str(metric.path)})
    expected = {f"{which}_{metric.name}": metric.score for which in ("first", "second")}
    rows = {"predictions": metric.predictions, "references": metric.references}
    assert combined.compute(**rows) == expected
    combined.add_batch(**rows)
    assert combined.compute() == expected


def test_metric_can_be_copied(metric: Metric, loaded: Any) -> None:
    for again in (copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
        result = again.compute(predictions=metric.predictions, references=metric.references)
        assert result == {metric.name: metric.score}


def test_options_without_a_meaning_are_refused(metric: Metric, evaluate_home: Path) -> None:
    with pytest.raises(ValueError, match="num_process: must be 1, got 2"):
        evaluate.load(str(metric.path), num_process=2)
    with pytest.raises(ValueError, match="config_name: there are no configurations; got 'x'"):
        evaluate.load(str(metric.path), config_name="x")


def test_different_metrics_combine(evaluate_home: Path) -> None:
    combined = evaluate.combine([str(metric_path(name)) for name in ("roc_auc", "log_loss")])
    result = combined.compute(references=[0, 1, 1], predictions=[0.2, 0.4, 0.9])
    assert set(result) == {"roc_auc", "log_loss"}
    assert result["roc_auc"] == 1.0
