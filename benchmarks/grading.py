"""Measure grading on data made here, at the size of the real test sets.

    python benchmarks/grading.py [CASE...]

For each case, prints the seconds of reading both files and of scoring (pairing of rows, checks,
metric) in one run, and the ratio scoring / reading, which is what compares between machines. Cases:

auc       100,000 rows of probabilities: ROC AUC
tokens    603,420 rows of space-separated tags: mean F1
text      993,465 rows of text: accuracy
masks     1,000 run-length encoded masks: mean precision over thresholds of overlap
boxes     4,536 scenes with 28 boxes each in space: mean average precision
evaluate  1,000,000 rows in memory: a metric's `compute` against its plain function
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlebench_data import get, grade
from mlebench_data.grading.answers import read_answers
from mlebench_data.grading.submission import read_submission
from mlebench_data.metrics.registry import load_function, load_metric

Tables = tuple[pd.DataFrame, pd.DataFrame]


def timed(what: Callable[[], object], repeats: int = 1) -> float:
    """Return the fewest seconds that a call takes."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        what()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def ids(generator: np.random.Generator, count: int, width: int) -> list[str]:
    """Return random hexadecimal ids."""
    return [generator.bytes(width // 2).hex() for _ in range(count)]


def words(generator: np.random.Generator, count: int) -> np.ndarray:
    """Return pseudo words of 2 to 9 letters."""
    letters = "".join(generator.choice(list("etaoinshrdlu"), 9 * count))
    lengths = generator.integers(2, 10, count).tolist()
    return np.array([letters[9 * i : 9 * i + n] for i, n in enumerate(lengths)], dtype=object)


def make_auc(generator: np.random.Generator) -> Tables:
    """Probabilities that know something of the labels."""
    labels = generator.integers(0, 2, 100_000)
    scores = 1 / (1 + np.exp(-generator.normal(2 * labels - 1, 1)))
    rows = np.arange(900_000, 1_000_000)
    return (
        pd.DataFrame({"id": rows, "target": labels}),
        pd.DataFrame({"id": rows, "target": scores}),
    )


def make_tokens(generator: np.random.Generator, rows: int = 603_420) -> Tables:
    """Up to five tags of 40,000, four in five of them predicted."""
    vocabulary = np.unique(words(generator, 50_000))[:40_000]
    counts = generator.integers(1, 6, rows)
    weights = 1 / np.arange(1, len(vocabulary) + 1)
    drawn = generator.choice(len(vocabulary), counts.sum(), p=weights / weights.sum())
    other = np.where(generator.random(len(drawn)) < 0.8, drawn, drawn[::-1])
    ends = np.cumsum(counts).tolist()
    numbers = np.arange(rows)
    tables = []
    for tags in (vocabulary[drawn].tolist(), vocabulary[other].tolist()):
        cells = [
            " ".join(dict.fromkeys(tags[a:b])) for a, b in zip([0, *ends[:-1]], ends, strict=True)
        ]
        tables.append(pd.DataFrame({"Id": numbers, "Tags": cells}))
    return tables[0], tables[1]


def make_text(generator: np.random.Generator, rows: int = 993_465) -> Tables:
    """Words in sentences of fifteen, one in a hundred of them wrong."""
    names = [f"{row // 15}_{row % 15}" for row in range(rows)]
    vocabulary = words(generator, 60_000)
    truth = vocabulary[generator.integers(0, len(vocabulary), rows)]
    guess = np.where(generator.random(rows) < 0.99, truth, "wrong")
    return pd.DataFrame({"id": names, "after": truth}), pd.DataFrame({"id": names, "after": guess})


def make_masks(generator: np.random.Generator, rows: int = 1_000) -> Tables:
    """Discs in pictures of 101 x 101 pixels, those of the prediction a little aside."""
    places = np.stack(np.meshgrid(np.arange(101), np.arange(101), indexing="ij"))

    def runs(centre: np.ndarray, radius: float) -> str:
        inside = np.hypot(*(places - centre[:, None, None])) < radius
        edges = np.flatnonzero(np.diff(np.r_[0, inside.T.ravel(), 0])) + 1
        return " ".join(str(n) for a, b in edges.reshape(-1, 2) for n in (a, b - a))

    centres = generator.uniform(20, 80, (rows, 2))
    radii = generator.uniform(0, 40, rows)
    names = ids(generator, rows, 10)
    truth = [runs(c, r) for c, r in zip(centres, radii, strict=True)]
    guess = [runs(c + 2, r) for c, r in zip(centres, radii, strict=True)]
    return pd.DataFrame({"id": names, "rle_mask": truth}), pd.DataFrame(
        {"id": names, "rle_mask": guess}
    )


def make_boxes(generator: np.random.Generator, scenes: int = 4_536, each: int = 28) -> Tables:
    """Cars and pedestrians; the prediction has each a little aside, and as many that are not."""
    shape = (scenes, each)
    centres = generator.normal(0, 35, (*shape, 3)) + generator.uniform(500, 3000, (scenes, 1, 3))
    sizes = generator.uniform([1.5, 4, 1.4], [2.2, 5.5, 2], (*shape, 3))
    turns = generator.uniform(-np.pi, np.pi, shape)
    kinds = np.where(generator.random(shape) < 0.9, "car", "pedestrian")

    def cells(centres: np.ndarray, confidence: np.ndarray) -> list[str]:
        numbers = np.concatenate([confidence[..., None], centres, sizes, turns[..., None]], -1)
        return [
            " ".join(
                " ".join([*(f"{number:.4f}" for number in box), kind])
                for box, kind in zip(boxes, names, strict=True)
            )
            for boxes, names in zip(numbers.tolist(), kinds.tolist(), strict=True)
        ]

    aside = centres + generator.normal(0, 0.3, centres.shape)
    found = cells(aside, generator.beta(5, 2, shape))
    false = cells(aside + 40, generator.beta(2, 5, shape))
    names = ids(generator, scenes, 64)
    truth = cells(centres, np.ones(shape))
    guess = [f"{a} {b}" for a, b in zip(found, false, strict=True)]
    return pd.DataFrame({"Id": names, "PredictionString": truth}), pd.DataFrame(
        {"Id": names, "PredictionString": guess}
    )


CASES: dict[str, tuple[str, Callable[[np.random.Generator], Tables]]] = {
    "auc": ("tabular-playground-series-may-2022", make_auc),
    "tokens": ("facebook-recruiting-iii-keyword-extraction", make_tokens),
    "text": ("text-normalization-challenge-english-language", make_text),
    "masks": ("tgs-salt-identification-challenge", make_masks),
    "boxes": ("3d-object-detection-for-autonomous-vehicles", make_boxes),
}


def case(name: str, folder: Path) -> None:
    """Read and score the files of one case."""
    competition = get(CASES[name][0])
    version = competition.versions[0]
    schema = competition.version(version).submission
    truth, guess = CASES[name][1](np.random.default_rng(0))
    answers, submission = folder / f"{name}-answers.csv", folder / f"{name}-submission.csv"
    truth.to_csv(answers, index=False)
    guess.to_csv(submission, index=False)
    tables: list[Any] = []
    reading = timed(
        lambda: tables.extend(
            [read_submission(submission, schema), read_answers(competition, version, answers)]
        )
    )
    # The metric's module is imported once for any number of gradings.
    load_function(competition.version(version).metric.name)
    reports: list[Any] = []
    scoring = timed(
        lambda: reports.append(grade(competition, tables[0], answers=tables[1], version=version))
    )
    (report,) = reports
    if report.status != "valid":
        raise SystemExit(f"{name}: {report.status}: {report.reason}")
    print(
        f"{name:<9} {len(truth):>9,} rows   read {reading:6.2f} s   score {scoring:6.2f} s   "
        f"ratio {scoring / reading:6.2f}   ({report.metric} {report.score})"
    )


def case_evaluate(rows: int = 1_000_000) -> None:
    """Compare a metric's `compute` with its function, on numbers and on text."""
    generator = np.random.default_rng(0)
    numbers = generator.random((2, rows))
    text = words(generator, 1_000)[generator.integers(0, 1_000, (2, rows))]
    for name, (references, predictions) in (("rmse", numbers), ("accuracy", text)):
        function, metric = load_function(name), load_metric(name)
        plain = timed(lambda f=function, r=references, p=predictions: f(r, p), 5)
        through = timed(
            lambda m=metric, r=references, p=predictions: m.compute(references=r, predictions=p), 5
        )
        print(
            f"evaluate  {rows:>9,} rows   {name:<8} function {1000 * plain:7.1f} ms   "
            f"compute {1000 * through:7.1f} ms   ratio {through / plain:5.2f}"
        )


def main() -> None:
    chosen = sys.argv[1:] or [*CASES, "evaluate"]
    if set(chosen) - {*CASES, "evaluate"}:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            if name == "evaluate":
                case_evaluate()
            else:
                case(name, Path(folder))


if __name__ == "__main__":
    main()
