from __future__ import annotations

from pathlib import Path

import pytest

from mlebench_data.metrics import registry

CARD = """---
title: Example
summary: An example.
higher_is_better: true
range: [0, null]
---
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the registry at a folder of one metric."""
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "registry.py"))
    for name in ("example", "_shared", "__pycache__", ".hidden", "no_module"):
        (tmp_path / name).mkdir()
    (tmp_path / "registry.py").touch()
    for name in ("example", "_shared", ".hidden"):
        (tmp_path / name / f"{name}.py").touch()
    (tmp_path / "example" / "README.md").write_text(CARD)
    return tmp_path


def test_metrics_are_the_folders_that_hold_their_module(folder: Path) -> None:
    assert registry.metric_names() == ["example"]
    assert registry.metric_path("example") == folder / "example"


def test_known_metrics() -> None:
    names = registry.metric_names()
    assert names == sorted(names)
    assert {"accuracy", "roc_auc", "log_loss", "rmse"} <= set(names)
    assert registry.load_function("accuracy")([1, 0], [1, 1]) == 0.5
    assert registry.metric_info("rmse").range == (0.0, None)
    assert not registry.metric_info("rmse").higher_is_better


@pytest.mark.parametrize(
    "look_up", [registry.metric_path, registry.load_function, registry.metric_info]
)
def test_unknown_name_suggests_the_nearest(look_up: object) -> None:
    with pytest.raises(registry.UnknownMetricError, match="did you mean 'accuracy'") as caught:
        look_up("acuracy")  # type: ignore[operator]
    assert all(name in str(caught.value) for name in registry.metric_names())


@pytest.mark.parametrize("name", ["", "_shared", "../metrics/rmse", "zzz", "registry"])
def test_unknown_name_without_a_near_one(name: str) -> None:
    with pytest.raises(registry.UnknownMetricError, match=r"no metric .* Known metrics: "):
        registry.load_function(name)


def test_card(folder: Path) -> None:
    card = registry.metric_info("example")
    assert card == registry.MetricCard("example", "Example", "An example.", True, (0.0, None))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# No front matter\n", "must begin with YAML"),
        ("---\ntitle: [\n---\n", "not valid YAML"),
        ("---\n- a\n---\n", "must be a mapping"),
        (CARD.replace("title: Example\n", ""), "KeyError: 'title'"),
        (CARD.replace("[0, null]", "[0, 1, 2]"), r"range: \[low, high\]; ValueError"),
        (CARD.replace("[0, null]", "[a, b]"), r"range: \[low, high\]; ValueError"),
        (CARD.replace("[0, null]", "5"), r"range: \[low, high\]; TypeError"),
        (CARD.replace("true", "upwards"), "higher_is_better must be true or false; got 'upwards'"),
    ],
)
def test_faulty_card_is_reported(folder: Path, text: str, message: str) -> None:
    card = folder / "example" / "README.md"
    card.write_text(text)
    with pytest.raises(registry.MetricCardError, match=message) as caught:
        registry.metric_info("example")
    assert str(card) in str(caught.value)
