"""Tiny synthetic competitions, laid out as the public folders of real ones."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Competition:
    """The public folder, and what the harness alone would know.

    Attributes
    ----------
    data
        The folder that the agent sees.
    answers
        The sample submission's columns with the truth.
    score
        Takes the answers and a submission; higher is better.
    """

    data: Path
    answers: pd.DataFrame
    score: Callable[[pd.DataFrame, pd.DataFrame], float]

    @property
    def sample_file(self) -> Path:
        """The sample submission."""
        return next(self.data.glob("sample*.csv"))


def accuracy(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Share of equal labels in the last column, spelled alike."""
    truth, labels = (table.iloc[:, -1].astype(str).to_numpy() for table in (answers, submission))
    return float((truth == labels).mean())


def area_under_curve(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Mean area under the ROC curve over the columns after the id."""
    from sklearn.metrics import roc_auc_score

    areas = [roc_auc_score(answers[name], submission[name]) for name in answers.columns[1:]]
    return float(np.mean(areas))


def negative_log_loss(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Mean logarithm of the probability given to the true class."""
    columns = list(answers.columns[1:])
    chosen = (answers[columns].to_numpy() * submission[columns].to_numpy()).sum(axis=1)
    return float(np.log(np.clip(chosen, 1e-15, 1)).mean())


def negative_error(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Minus the root mean squared error over all columns after the id."""
    difference = answers.iloc[:, 1:].to_numpy(float) - submission.iloc[:, 1:].to_numpy(float)
    return -float(np.sqrt((difference**2).mean()))


def write(
    folder: Path,
    train: pd.DataFrame,
    answers: pd.DataFrame,
    sample: pd.DataFrame,
    metric: str,
    test: pd.DataFrame | None = None,
) -> None:
    """Write the tables and a description of the metric."""
    folder.mkdir(parents=True, exist_ok=True)
    if not train.empty:
        train.to_csv(folder / "train.csv", index=False)
    if test is not None:
        test.to_csv(folder / "test.csv", index=False)
    sample.to_csv(folder / "sample_submission.csv", index=False)
    text = (
        f"# A competition\n\n## Evaluation\n\nScored by {metric}.\n\n## Data\n\nAccuracy unknown."
    )
    (folder / "description.md").write_text(text, encoding="utf-8")


def _table(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return features of several kinds, and a hidden number that depends on them."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "id": [f"{index // 3:04d}_{index % 3:02d}" for index in range(rows)],
            "width": random.normal(size=rows),
            "height": random.normal(size=rows) * 100,
            "colour": random.choice(["red", "green", "blue"], rows),
            "berth": [f"{random.choice(list('AB'))}/{index}/{random.choice(list('PS'))}"
                      for index in range(rows)],
            "asleep": random.choice([True, False], rows),
            "seen": pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d"),
            "constant": 7,
        }
    )  # fmt: skip
    hidden = (
        2 * frame["width"] + frame["height"] / 100 + 2 * (frame["colour"] == "red")
        - 1.5 * frame["asleep"] + frame["berth"].str.startswith("A")
    )  # fmt: skip
    frame.loc[random.random(rows) < 0.05, "width"] = np.nan
    frame.loc[random.random(rows) < 0.05, "colour"] = None
    return frame, hidden.to_numpy()


def _split(frame: pd.DataFrame, share: float = 0.7) -> tuple[pd.DataFrame, pd.DataFrame]:
    cut = int(len(frame) * share)
    return frame.iloc[:cut], frame.iloc[cut:]


def boolean_table(folder: Path) -> Competition:
    """Labels True and False, scored by accuracy."""
    frame, hidden = _table(300)
    train, test = _split(frame.assign(Moved=hidden > 1))
    answers = test[["id", "Moved"]]
    write(folder, train, answers, answers.assign(Moved=False), "classification accuracy",
          test.drop(columns="Moved"))  # fmt: skip
    return Competition(folder, answers, accuracy)


def probability_table(folder: Path) -> Competition:
    """One probability for a 0/1 target; the sample holds whole zeros."""
    frame, hidden = _table(300, seed=1)
    train, test = _split(frame.assign(paid=(hidden > 1).astype(int)))
    answers = test[["id", "paid"]]
    write(folder, train, answers, answers.assign(paid=0), "the area under the ROC curve",
          test.drop(columns="paid"))  # fmt: skip
    return Competition(folder, answers, area_under_curve)


def class_columns_table(folder: Path) -> Competition:
    """One probability column per class, named with a prefix that the train table lacks."""
    frame, hidden = _table(300, seed=2)
    kind = np.where(hidden < 0, "low", np.where(hidden > 2, "high", "middle"))
    train, test = _split(frame.assign(kind=kind))
    answers = test[["id"]].copy()
    for name in ("middle", "high", "low"):
        answers[f"kind_{name}"] = (test["kind"] == name).astype(int)
    sample = answers.assign(**dict.fromkeys(answers.columns[1:], 1 / 3))
    write(folder, train, answers, sample, "log loss", test.drop(columns="kind"))
    return Competition(folder, answers, negative_log_loss)


def integer_label_table(folder: Path) -> Competition:
    """Whole-number labels that do not start at 0."""
    frame, hidden = _table(300, seed=3)
    train, test = _split(frame.assign(Grade=np.digitize(hidden, [0, 2]) + 3))
    answers = test[["id", "Grade"]]
    write(folder, train, answers, answers.assign(Grade=9), "accuracy",
          test.drop(columns="Grade"))  # fmt: skip
    return Competition(folder, answers, accuracy)


def multi_label_text(folder: Path) -> Competition:
    """Two independent 0/1 columns that depend on words of a text."""
    random = np.random.default_rng(4)
    words = ["apple", "stone", "river", "cloud", "market", "silver", "engine", "rude", "foul"]
    texts = [" ".join(random.choice(words, 12)) for _ in range(260)]
    frame = pd.DataFrame({"id": range(260), "comment": texts})
    for target in ("rude", "foul"):
        frame[target] = [int(text.count(target) > 1) for text in texts]
    train, test = _split(frame)
    answers = test[["id", "rude", "foul"]]
    write(folder, train, answers, answers.assign(rude=0.5, foul=0.5), "mean column-wise ROC AUC",
          test[["id", "comment"]])  # fmt: skip
    return Competition(folder, answers, area_under_curve)


def author_text(folder: Path) -> Competition:
    """Probability columns named by the values of the train table's label."""
    random = np.random.default_rng(5)
    vocabularies = {
        "ABC": "the sea and wind upon a ship of old sailors",
        "DEF": "a house with the dark cellar and some ghosts",
        "GHI": "she said that love and the garden were hers",
    }
    authors = random.choice(list(vocabularies), 270)
    texts = [" ".join(random.choice(vocabularies[name].split(), 9)) + "." for name in authors]
    frame = pd.DataFrame({"id": [f"id{index}" for index in range(270)], "text": texts})
    train, test = _split(frame.assign(author=authors))
    answers = test[["id"]].copy()
    for name in vocabularies:
        answers[name] = (test["author"] == name).astype(int)
    sample = answers.assign(ABC=0.4, DEF=0.3, GHI=0.3)
    write(folder, train, answers, sample, "multi-class logarithmic loss", test[["id", "text"]])
    return Competition(folder, answers, negative_log_loss)


def json_records(folder: Path) -> Competition:
    """Tables as JSON records; a column that only the train table has must not be a feature."""
    random = np.random.default_rng(6)
    count = 260
    needy = random.random(count) < 0.5
    records: list[dict[str, Any]] = [
        {
            "request_id": f"t3_{index:x}z",
            "title": "please help my hungry family now" if needy[index] and random.random() < 0.8
            else f"some request number {index} without any reason",
            "votes": float(random.normal()),
            "places": ["a", "b"][: int(random.integers(3))],
            "edited_afterwards": bool(needy[index]),
            "received": bool(needy[index]),
        }
        for index in range(count)
    ]  # fmt: skip
    train, test = records[:180], records[180:]
    folder.mkdir(parents=True)
    hidden = ("edited_afterwards", "received")
    public = [{key: value for key, value in row.items() if key not in hidden} for row in test]
    (folder / "train.json").write_text(json.dumps(train), encoding="utf-8")
    (folder / "test.json").write_text(json.dumps(public), encoding="utf-8")
    with zipfile.ZipFile(folder / "train.zip", "w") as archive:
        archive.write(folder / "train.json", "train.json")
    answers = pd.DataFrame(
        {"request_id": [row["request_id"] for row in test],
         "received": [int(row["received"]) for row in test]}
    )  # fmt: skip
    answers.assign(received=0).to_csv(folder / "sampleSubmission.csv", index=False)
    (folder / "description.md").write_text("# Evaluation\n\nArea under the ROC curve.\n")
    return Competition(folder, answers, area_under_curve)


def regression_with_files(folder: Path) -> Competition:
    """Two targets that are never negative; most is told by a text file per row."""
    random = np.random.default_rng(7)
    count = 200
    tilt = random.random(count)
    size = random.integers(5, 30, count)
    frame = pd.DataFrame({"group": random.integers(1, 4, count)})
    frame["energy"] = tilt * 2 + 0.1 * frame["group"]
    frame["gap"] = size / 10
    frame = frame[["group", "energy", "gap"]]
    parts = dict(zip(("train", "test"), _split(frame), strict=True))
    for part, rows in list(parts.items()):
        # The ids of both parts start at 1, as in a real competition.
        parts[part] = rows.assign(id=range(1, len(rows) + 1))
        for name, row in zip(parts[part]["id"], rows.index, strict=True):
            lines = ["# made for a test", f"vector {tilt[row]:.5f} 0.0 1.0"]
            lines += [f"atom {place} {random.random():.3f} Al" for place in range(size[row])]
            file = folder / part / str(name) / "geometry.xyz"
            file.parent.mkdir(parents=True)
            file.write_text("\n".join(lines))
    answers = parts["test"][["id", "energy", "gap"]]
    write(folder, parts["train"], answers, answers.assign(energy=0.5, gap=1.0),
          "the root mean squared logarithmic error", parts["test"][["id", "group"]])  # fmt: skip
    return Competition(folder, answers, negative_error)


def _picture(random: np.random.Generator, kind: int) -> bytes:
    """Draw a PNG: kind 0 has a horizontal bar, 1 a vertical one, 2 a square."""
    from PIL import Image

    pixels = random.integers(0, 60, (16, 16, 3))
    place = int(random.integers(2, 10))
    across = slice(place, place + 3)
    pixels[(across, slice(None)) if kind == 0 else (slice(None), across) if kind == 1
           else (across, slice(2, 8))] += 150  # fmt: skip
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def pictures_in_folders(folder: Path) -> Competition:
    """No train table: one folder of pictures per class; labels are whole numbers."""
    random = np.random.default_rng(8)
    kinds = random.integers(0, 3, 150)
    (folder / "test").mkdir(parents=True)
    for index, kind in enumerate(kinds):
        place = folder / "test" if index >= 100 else folder / "train" / str(kind)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index}.png").write_bytes(_picture(random, int(kind)))
    answers = pd.DataFrame({"id": range(100, 150), "label": kinds[100:]})
    write(folder, pd.DataFrame(), answers, answers.assign(label=0), "accuracy")
    return Competition(folder, answers, accuracy)


def pictures_in_archives(folder: Path) -> Competition:
    """Pictures at the root of zip archives, labels in a table, ids that are file names."""
    random = np.random.default_rng(9)
    kinds = random.integers(0, 2, 150)
    names = [f"{index:x}f.png" for index in range(150)]
    folder.mkdir(parents=True)
    for part, indices in (("train", range(100)), ("test", range(100, 150))):
        with zipfile.ZipFile(folder / f"{part}.zip", "w") as archive:
            for index in indices:
                archive.writestr(names[index], _picture(random, int(kinds[index])))
    frame = pd.DataFrame({"id": names, "has_bar": kinds})
    write(folder, frame[:100], frame[100:], frame[100:].assign(has_bar=0.5), "ROC AUC")
    return Competition(folder, frame[100:], area_under_curve)


KINDS: list[Callable[[Path], Competition]] = [
    boolean_table,
    probability_table,
    class_columns_table,
    integer_label_table,
    multi_label_text,
    author_text,
    json_records,
    regression_with_files,
    pictures_in_folders,
    pictures_in_archives,
]
