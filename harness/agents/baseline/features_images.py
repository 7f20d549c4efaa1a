"""Find each row's image and turn it into numbers: pixels, edges and colours."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from clock import Clock
from discover import DataFile, DataFolder, find_images, part_of
from journal import Journal

SIDE = 32
CELLS = 8
DIRECTIONS = 8


def labels_from_folders(files: list[DataFile], row_ids: list[str]) -> pd.DataFrame | None:
    """Make a train table of images that lie in one folder per class.

    Returns
    -------
    pandas.DataFrame or None
        Columns ``image`` (file name below the data folder) and ``folder`` (the class); None unless
        there are at least two such folders in the train part and the test part has images for
        most of the rows.
    """
    images = find_images(files)
    train = [file for file in images if part_of(file) == "train" and len(file.folders) >= 2]
    table = pd.DataFrame(
        {"image": [file.name for file in train], "folder": [file.folders[-1] for file in train]}
    )
    found = images_of_rows(images, "test", row_ids)
    if table["folder"].nunique() < 2 or sum(file is not None for file in found) < len(found) / 2:
        return None
    return table


def images_of_rows(images: list[DataFile], part: str, values: list[str]) -> list[DataFile | None]:
    """Find the image that each value names: by path, file name, or name without extension."""
    index: dict[str, DataFile] = {}
    # Images of the part itself hide those that lie in no part's folder.
    for file in sorted(images, key=lambda file: part_of(file) == part):
        if part_of(file) in (part, "both"):
            name = file.name.split("/")[-1]
            for key in (file.stem, name, f"{file.folders[-1]}/{name}" if file.folders else name):
                index[key] = file
            index[file.name] = file
    return [index.get(value.strip().lstrip("./")) for value in values]


def image_column(
    images: list[DataFile], train: pd.DataFrame, test: pd.DataFrame
) -> tuple[str, list[DataFile | None], list[DataFile | None]] | None:
    """Find the column that names images, and the images of the train and of the test rows."""
    for column in [name for name in train.columns if name in test.columns]:
        first = list(islice(train[column].dropna().astype(str), 300))
        hits = images_of_rows(images, "train", first)
        if first and sum(file is not None for file in hits) > 0.9 * len(first):
            return (
                column,
                images_of_rows(images, "train", train[column].astype(str).tolist()),
                images_of_rows(images, "test", test[column].astype(str).tolist()),
            )
    return None


def image_features(
    folder: DataFolder,
    rows: list[DataFile | None],
    clock: Clock,
    most_seconds: float,
    processors: int,
    journal: Journal,
) -> np.ndarray:
    """Describe images.

    Returns
    -------
    numpy.ndarray
        float32 of shape (rows, features); NaN for rows without a readable image and for those
        that came after ``most_seconds``.
    """
    until = clock.elapsed() + most_seconds
    unreadable: list[str] = []

    def load(file: DataFile | None) -> np.ndarray | None:
        if file is None or clock.elapsed() > until:
            return None
        try:
            return _pixels(folder.read(file))
        # Damaged images make Pillow raise nearly anything; they are counted and reported below.
        except Exception as error:
            unreadable.append(f"{file.name}: {type(error).__name__}: {error}")
            return None

    features: np.ndarray | None = None
    with ThreadPoolExecutor(max_workers=processors) as pool:
        for start in range(0, len(rows), 1024):
            loaded = enumerate(pool.map(load, rows[start : start + 1024]))
            known = {index: pixels for index, pixels in loaded if pixels is not None}
            if not known:
                continue
            described = _describe(np.stack(list(known.values())))
            if features is None:
                features = np.full((len(rows), described.shape[1]), np.nan, dtype=np.float32)
            features[[start + index for index in known]] = described
    if unreadable:
        journal.warn(f"{len(unreadable)} images cannot be read, the first one is {unreadable[0]}")
    if features is None:
        return np.full((len(rows), 1), np.nan, dtype=np.float32)
    return features


def _pixels(content: bytes) -> np.ndarray:
    """Decode an image to float32 of shape (SIDE, SIDE, 4): red, green, blue and width/height."""
    from PIL import Image  # Only here: Pillow may be absent where no images are needed.

    image: Any = Image.open(io.BytesIO(content))
    shape = np.log(image.width / image.height)
    # Large JPEG files are decoded at a fraction of their size, which is several times faster.
    image.draft("RGB", (4 * SIDE, 4 * SIDE))
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        deep = np.asarray(image, dtype=np.float32)
        span = float(deep.max() - deep.min()) or 1.0
        image = Image.fromarray(((deep - deep.min()) / span * 255).astype(np.uint8))
    image = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels = np.empty((SIDE, SIDE, 4), dtype=np.float32)
    pixels[..., :3] = np.asarray(image, dtype=np.float32) / 255
    pixels[..., 3] = shape
    return pixels


def _describe(batch: np.ndarray) -> np.ndarray:
    """Describe images of shape (n, SIDE, SIDE, 4) by shape (n, features)."""
    count = len(batch)
    colours = batch[..., :3]
    step = SIDE // 16
    small = colours.reshape(count, 16, step, 16, step, 3).mean(axis=(2, 4))
    levels = np.quantile(colours.reshape(count, -1, 3), (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98),
                         axis=1).transpose(1, 0, 2).reshape(count, -1)  # fmt: skip
    statistics = np.concatenate(
        [levels, colours.mean(axis=(1, 2)), colours.std(axis=(1, 2)), batch[:, 0, 0, 3:]], axis=1
    )
    parts = [small.reshape(count, -1), _edges(colours.mean(axis=3)), statistics]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _edges(grey: np.ndarray) -> np.ndarray:
    """Return histograms of edge directions (as HOG does, without overlapping blocks).

    Returns
    -------
    numpy.ndarray
        Shape (n, CELLS * CELLS * DIRECTIONS), each image's values of length 1.
    """
    count = len(grey)
    down, right = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, right)
    direction = np.floor((np.arctan2(down, right) % np.pi) / np.pi * DIRECTIONS).astype(int)
    cell = SIDE // CELLS
    histograms = [
        np.where(direction % DIRECTIONS == index, strength, 0)
        .reshape(count, CELLS, cell, CELLS, cell)
        .sum(axis=(2, 4))
        for index in range(DIRECTIONS)
    ]
    stacked = np.sqrt(np.stack(histograms, axis=-1).reshape(count, -1))
    length = np.linalg.norm(stacked, axis=1, keepdims=True)
    return np.asarray(stacked / np.maximum(length, 1e-6))
