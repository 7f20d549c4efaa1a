"""Sum up small text files that belong to single rows, such as ``train/<id>/geometry.xyz``."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
from clock import Clock
from discover import IMAGE_SUFFIXES, DataFile, DataFolder, part_of

TEXT_SUFFIXES = (".txt", ".xyz", ".csv", ".tsv", ".dat", ".cif", ".pdb", ".log")
LARGEST_BYTES = 1_000_000
MOST_KEYS = 24
MOST_PLACES = 12


def files_of_rows(
    files: list[DataFile], part: str, row_ids: list[str]
) -> dict[str, list[DataFile | None]]:
    """Find per-row text files of a part.

    Returns
    -------
    dict
        Kind of file (its name, or its extension if it is named after the row) -> one file, or
        None, per row. Kinds that less than half of the rows have are left out.
    """
    wanted = set(row_ids)
    found: dict[str, dict[str, DataFile]] = defaultdict(dict)
    for file in files:
        if file.suffix not in TEXT_SUFFIXES or file.suffix in IMAGE_SUFFIXES or not file.folders:
            continue
        if part_of(file) not in (part, "both") or file.size > LARGEST_BYTES:
            continue
        if file.stem in wanted:
            found[file.suffix][file.stem] = file
        elif file.folders[-1] in wanted:
            found[file.stem + file.suffix][file.folders[-1]] = file
    return {
        kind: [by_row.get(row) for row in row_ids]
        for kind, by_row in found.items()
        if sum(row in by_row for row in row_ids) > 0.5 * len(row_ids)
    }


def file_features(
    folder: DataFolder, rows: list[DataFile | None], clock: Clock, most_seconds: float
) -> dict[str, np.ndarray]:
    """Sum up one file per row: count, mean, spread and range of the numbers.

    Lines are grouped by the words they hold (``atom … Al``); within a group the numbers are taken
    by their place in the line.

    Returns
    -------
    dict
        Name of the feature -> float64 of shape (rows,), NaN where a file is missing, or where
        ``most_seconds`` were over.
    """
    until = clock.elapsed() + most_seconds
    summaries: list[dict[str, np.ndarray]] = []
    for file in rows:
        unread = file is None or clock.elapsed() > until
        summaries.append({} if unread or file is None else _groups(folder.read(file)))
    frequency = Counter(key for summary in summaries for key in summary)
    features: dict[str, np.ndarray] = {}
    for key, _ in frequency.most_common(MOST_KEYS):
        features[f"{key} lines"] = np.asarray(
            [np.nan if not summary else len(summary.get(key, ())) for summary in summaries], float
        )
        width = max(summary[key].shape[1] for summary in summaries if key in summary)
        measured = np.full((len(rows), 4, width), np.nan)
        for row, summary in enumerate(summaries):
            if key in summary and summary[key].shape[1] == width:
                values = summary[key]
                measured[row] = (
                    values.mean(axis=0), values.std(axis=0), values.min(axis=0), values.max(axis=0)
                )  # fmt: skip
        for place in range(width):
            for index, name in enumerate(("mean", "spread", "smallest", "largest")):
                features[f"{key} {name}[{place}]"] = measured[:, index, place]
    return features


def _groups(content: bytes) -> dict[str, np.ndarray]:
    """Return the numbers of a file by the words of their lines, shape (lines, places)."""
    groups: dict[str, list[list[float]]] = defaultdict(list)
    for line in content.decode("utf-8", errors="replace").splitlines():
        words: list[str] = []
        numbers: list[float] = []
        for token in re.split(r"[\s,;]+", line.strip()):
            try:
                numbers.append(float(token))
            except ValueError:
                words.append(token)
        if numbers:
            groups[" ".join(words[:4])].append(numbers[:MOST_PLACES])
    summary = {}
    for key, lines in groups.items():
        width = Counter(map(len, lines)).most_common(1)[0][0]
        values = np.asarray([line for line in lines if len(line) == width], dtype=float)
        summary[key] = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return summary
