"""Dice coefficient of masks, combined with the Hausdorff distance of the volumes they make up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import datasets
import evaluate
import numpy as np
import numpy.typing as npt
import pandas as pd

from .direct_metric import DirectMetric
from .run_lengths import (
    Beyond,
    Integers,
    OddCounts,
    Runs,
    mask_cells,
    read_mask_pairs,
    shared_areas,
    sizes,
)
from .validation import MetricInputError, require_rows, require_same_shape
from .volumes import Volume, hausdorff_distance, make_volume

PixelOrder = Literal["row_major", "column_major"]


def dice_hausdorff(
    references: Any,
    predictions: Any,
    *,
    ids: Any = None,
    predicted_ids: Any = None,
    heights: Any = 266,
    widths: Any = 266,
    separator: str = "_slice_",
    dice_weight: float = 0.4,
    largest_ratio: float = 10.0,
    pixel_order: PixelOrder = "row_major",
    odd_counts: OddCounts = "refuse",
    beyond: Beyond = "refuse",
    nothing_to_average: Literal["refuse", "nan"] = "refuse",
    fewer_predictions: Literal["refuse", "allow"] = "refuse",
) -> float:
    """Mean Dice coefficient of masks and mean Hausdorff distance of volumes, as one number.

    ``dice_weight * dice + (1 - dice_weight) * (1 - distance)``. Masks that are empty on both sides
    do not count. Higher is better.

    Parameters
    ----------
    references : array-like of str, shape (n,)
        True masks as run lengths: ``start length start length ...``, pixels numbered from 1. Blank
        text is an empty mask.
    predictions : array-like of str, shape (n,)
        Predicted masks, pixels numbered likewise.
    ids : array-like of str, shape (n,), optional
        Slice of each row: the name of its volume, `separator`, and the place in it. Masks of one
        slice are united, and slices are stacked in the order of their ids. By default every row is
        a volume of its own.
    predicted_ids : array-like of str, shape (n,), optional
        The slices of the predicted masks where they are not `ids`. Volumes are paired in the order
        of their names, as far as both sides have some.
    heights, widths : int or array-like of shape (n,)
        Size of the images in pixels.
    separator : str
        Ends the name of the volume in an id.
    dice_weight : float
        Between 0 and 1.
    largest_ratio : float
        A volume with more than so many times the true number of voxels has the distance 1.
    pixel_order : {"row_major", "column_major"}
        Whether pixels are counted along the rows of an image or down its columns.
    odd_counts : {"refuse", "broadcast"}
        What becomes of a mask with an odd count of numbers. ``"broadcast"``: one number is an empty
        mask, and three numbers ``a n b`` are the runs ``a n`` and ``b n``.
    beyond : {"refuse", "cut"}
        What becomes of pixels behind the last one. ``"cut"``: they are dropped.
    nothing_to_average : {"refuse", "nan"}
        ``"nan"``: the score is NaN where there are no rows, or all masks are empty.
    fewer_predictions : {"refuse", "allow"}
        ``"allow"``: the predictions may end before the references do. Masks of the rows that lack
        one do not count, but the true volumes hold them.

    Returns
    -------
    float
        In [0, 1], or NaN.

    Raises
    ------
    MetricInputError
        If a mask is missing or cannot be read, its runs do not ascend or overlap, slices of a
        volume differ in size, or the lengths differ.

    References
    ----------
    UW-Madison GI Tract Image Segmentation (2022), evaluation of the competition; the distance is
    `scipy.spatial.distance.directed_hausdorff` in both directions.

    Examples
    --------
    >>> references = ["1 4", "10 1 267 3", ""]
    >>> predictions = ["1 4", "267 3", ""]
    >>> round(dice_hausdorff(references, predictions), 6)
    0.966824
    >>> ids = ["a_slice_1", "a_slice_2", "b_slice_1"]
    >>> round(dice_hausdorff(references, predictions, ids=ids), 6)
    0.96222
    """
    _require_choice("nothing_to_average", nothing_to_average, ("refuse", "nan"))
    _require_choice("fewer_predictions", fewer_predictions, ("refuse", "allow"))
    _require_choice("pixel_order", pixel_order, ("row_major", "column_major"))
    if (
        nothing_to_average == "nan"
        and _has_no_rows(predictions)
        and (fewer_predictions == "allow" or _has_no_rows(references))
    ):
        return float("nan")
    submitted = _number_of_rows(predictions)
    if fewer_predictions == "allow" and submitted < _number_of_rows(references):
        lacking = _number_of_rows(references) - submitted
        predictions = [*mask_cells("predictions", predictions), *[""] * lacking]
    true_cells = mask_cells("references", references)
    predicted_cells = mask_cells("predictions", predictions)
    require_same_shape(true_cells, predicted_cells)
    truth, predicted = read_mask_pairs(
        true_cells, predicted_cells, heights, widths, odd_counts=odd_counts, beyond=beyond
    )
    tall, wide = sizes("heights", heights, truth.count), sizes("widths", widths, truth.count)
    total = truth.areas() + predicted.areas()
    counted = (total > 0) & (np.arange(truth.count) < submitted)
    if not counted.any():
        return _nothing("references", "must hold a mask that is not empty", nothing_to_average)
    dice = float(np.mean(2 * shared_areas(truth, predicted)[counted] / total[counted]))

    lines, pixels = (tall, wide) if pixel_order == "row_major" else (wide, tall)
    true_stacks = _stack("references", "ids", ids, separator, lines, pixels)
    stacks = true_stacks
    if predicted_ids is not None or submitted < truth.count:
        name, own_ids = ("predicted_ids", predicted_ids)
        if predicted_ids is None:
            name, own_ids = "ids", None if ids is None else mask_cells("ids", ids)[:submitted]
        stacks = _stack(
            "predictions", name, own_ids, separator, lines[:submitted], pixels[:submitted]
        )
    pairs = zip(_volumes(truth, true_stacks), _volumes(predicted, stacks), strict=False)
    distances = [_distance(first, second, largest_ratio) for first, second in pairs]
    known = [distance for distance in distances if distance is not None]
    if not known:
        return _nothing("predictions", "must hold a volume to compare", nothing_to_average)
    return dice_weight * dice + (1 - dice_weight) * (1 - float(np.mean(known)))


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise MetricInputError(name, f"must be one of {choices}; got {value!r}")


def _number_of_rows(values: Any) -> int:
    return len(values) if hasattr(values, "__len__") and not isinstance(values, (str, dict)) else 1


def _has_no_rows(values: Any) -> bool:
    return _number_of_rows(values) == 0


def _nothing(argument: str, rule: str, nothing_to_average: str) -> float:
    if nothing_to_average == "refuse":
        raise MetricInputError(argument, rule)
    return float("nan")


@dataclass(frozen=True)
class _Stacks:
    """Where each row lies: its volume and slice, and the shape of each volume."""

    volumes: Integers
    slices: Integers
    shapes: list[tuple[int, int, int]]


def _stack(
    argument: str, name: str, ids: Any, separator: str, lines: Integers, pixels: Integers
) -> _Stacks:
    """Find the volume and the slice of each row."""
    count = len(lines)
    if ids is None:
        volumes, slices = np.arange(count), np.zeros(count, dtype=np.int64)
        first, numbers = volumes, np.ones(count, dtype=np.int64)
    else:
        cells = mask_cells(name, ids)
        if len(cells) != count:
            raise MetricInputError(name, f"must have {count} rows; got {len(cells)}")
        codes, distinct = pd.factorize(cells, sort=True)
        names = np.array([text.partition(separator)[0] for text in distinct], dtype=object)
        volume_of, volume_names = pd.factorize(names, sort=True)
        numbers = np.bincount(volume_of, minlength=len(volume_names))
        order = np.argsort(volume_of, kind="stable")
        place = np.empty(len(distinct), dtype=np.int64)
        place[order] = np.arange(len(distinct)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        volumes, slices = volume_of[codes], place[codes]
        first = np.unique(volumes, return_index=True)[1]
        same = (lines == lines[first][volumes]) & (pixels == pixels[first][volumes])
        require_rows(argument, "must belong to slices of one size in each volume", cells, same)
    shapes = np.stack([numbers, lines[first], pixels[first]], axis=1).tolist()
    return _Stacks(volumes, slices, [(depth, tall, wide) for depth, tall, wide in shapes])


def _volumes(masks: Runs, stacks: _Stacks) -> list[Volume]:
    """Unite the masks of each volume."""
    of_run = stacks.volumes[masks.rows]
    order = np.argsort(of_run, kind="stable")
    cuts = np.searchsorted(of_run[order], np.arange(1, len(stacks.shapes)))
    parts: list[npt.NDArray[np.intp]] = np.split(order, cuts)
    return [
        make_volume(shape, stacks.slices[masks.rows[part]], masks.starts[part], masks.ends[part])
        for shape, part in zip(stacks.shapes, parts, strict=True)
    ]


def _distance(truth: Volume, predicted: Volume, largest_ratio: float) -> float | None:
    """Distance of two volumes between 0 and 1; None if both are empty."""
    true_count, count = truth.count(), predicted.count()
    if not true_count and not count:
        return None
    if truth.equals(predicted):
        return 0.0
    if not true_count or not count or count > largest_ratio * true_count:
        return 1.0
    return hausdorff_distance(truth, predicted, truth.shape) / 3**0.5


class DiceHausdorff(DirectMetric):
    """Dice coefficient and Hausdorff distance for ``evaluate``."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=dice_hausdorff.__doc__,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, *, predictions: Any, references: Any, **parameters: Any) -> dict[str, float]:
        return {"dice_hausdorff": dice_hausdorff(references, predictions, **parameters)}
