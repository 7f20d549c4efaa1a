"""Metrics of masks equal plain computations on drawn masks, written from their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import directed_hausdorff
from sklearn.metrics import fbeta_score

from mlebench_data.metrics.dice.run_lengths import pixel_counts, read_runs, shared_areas
from mlebench_data.metrics.dice_hausdorff import volumes as volumes_module
from mlebench_data.metrics.dice_hausdorff.volumes import hausdorff_distance, make_volume
from mlebench_data.metrics.registry import load_function

SEEDS = st.integers(0, 2**32 - 1)
Mask = npt.NDArray[np.bool_]
LENIENT: dict[str, Any] = {"odd_counts": "broadcast", "beyond": "cut"}
METRICS = ["dice", "global_dice", "precision_over_iou", "mask_f_beta", "dice_hausdorff"]


def encode(mask: Mask) -> str:
    """Write the true pixels of a flat mask, pixel by pixel or run by run."""
    runs: list[list[int]] = []
    for pixel in np.flatnonzero(mask).tolist():
        if runs and sum(runs[-1]) == pixel + 1:
            runs[-1][1] += 1
        else:
            runs.append([pixel + 1, 1])
    return " ".join(f"{start} {length}" for start, length in runs)


def draw(random: np.random.Generator, rows: int, pixels: int) -> list[Mask]:
    """Masks of all densities, empty and full ones among them."""
    densities = random.choice([0.0, 0.1, 0.5, 0.9, 1.0], rows)
    return [random.random(pixels) < density for density in densities]


def pairs(seed: int, pixels: int = 30) -> tuple[list[Mask], list[Mask]]:
    random = np.random.default_rng(seed)
    truth = draw(random, 6, pixels)
    near = [mask ^ (random.random(pixels) < 0.1) for mask in truth]
    far = draw(random, 6, pixels)
    return truth, [near[i] if random.random() < 0.5 else far[i] for i in range(6)]


def score(name: str, truth: list[Mask], found: list[Mask], **parameters: Any) -> float:
    return load_function(name)(list(map(encode, truth)), list(map(encode, found)), **parameters)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_dice(seed: int) -> None:
    truth, found = pairs(seed)
    each = [
        2 * (t & f).sum() / (t.sum() + f.sum()) if (t | f).any() else 1.0
        for t, f in zip(truth, found, strict=True)
    ]
    assert score("dice", truth, found) == pytest.approx(np.mean(each), rel=1e-12)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_global_dice(seed: int) -> None:
    truth, found = pairs(seed)
    t, f = np.concatenate(truth), np.concatenate(found)
    expected = 2 * (t & f).sum() / (t.sum() + f.sum()) if (t | f).any() else 1.0
    assert score("global_dice", truth, found) == pytest.approx(expected, rel=1e-12)


@given(seed=SEEDS, beta=st.sampled_from([0.5, 1.0, 2.0]))
@settings(max_examples=60, deadline=None)
def test_mask_f_beta(seed: int, beta: float) -> None:
    truth, found = pairs(seed)
    each = [
        fbeta_score(t, f, beta=beta, zero_division=0.0) for t, f in zip(truth, found, strict=True)
    ]
    result = score("mask_f_beta", truth, found, beta=beta)
    assert result == pytest.approx(np.mean(each), rel=1e-12)


@given(seed=SEEDS, whole=st.booleans())
@settings(max_examples=60, deadline=None)
def test_precision_over_iou(seed: int, whole: bool) -> None:
    truth, found = pairs(seed)
    each = []
    for t, f in zip(truth, found, strict=True):
        if not t.any():
            each.append(float(not f.any()))
            continue
        if whole and not f.any():
            f = np.ones_like(f)
        overlap = (t & f).sum() / (t | f).sum()
        each.append(np.mean([overlap > limit for limit in np.arange(0.5, 1.0, 0.05)]))
    choice = "whole_image" if whole else "wrong"
    result = score(
        "precision_over_iou", truth, found, empty_predictions=choice, heights=6, widths=5
    )
    assert result == pytest.approx(np.mean(each), rel=1e-12)


def points(volume: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    return np.argwhere(volume) / volume.shape


@given(seed=SEEDS, order=st.sampled_from(["row_major", "column_major"]))
@settings(max_examples=60, deadline=None)
def test_dice_hausdorff(seed: int, order: Any) -> None:
    random = np.random.default_rng(seed)
    height, width = (int(size) for size in random.integers(1, 7, 2))
    # Two volumes of several slices, two masks for each slice, all rows shuffled.
    ids = [f"{name}_slice_{k}" for name, n in (("b", 3), ("a", 2)) for k in range(n)] * 2
    ids = [ids[i] for i in random.permutation(len(ids))]
    truth = draw(random, len(ids), height * width)
    flips = [random.random(height * width) < 0.1 for _ in ids]
    found = [mask ^ flip for mask, flip in zip(truth, flips, strict=True)]

    dices = [
        2 * (t & f).sum() / (t.sum() + f.sum())
        for t, f in zip(truth, found, strict=True)
        if (t | f).any()
    ]
    distances = []
    layout: Any = "C" if order == "row_major" else "F"
    for name, count in (("a", 2), ("b", 3)):
        stacks = []
        for masks in (truth, found):
            stack = np.zeros((count, height, width), dtype=bool)
            for row, mask in zip(ids, masks, strict=True):
                if row.startswith(name):
                    stack[int(row[-1])] |= mask.reshape((height, width), order=layout)
            stacks.append(stack)
        first, second = stacks
        if not first.any() and not second.any():
            continue
        if not first.any() or not second.any() or second.sum() > 10 * first.sum():
            distances.append(1.0)
            continue
        a, b = points(first), points(second)
        distances.append(max(directed_hausdorff(a, b)[0], directed_hausdorff(b, a)[0]) / 3**0.5)
    expected = 0.4 * np.mean(dices) + 0.6 * (1 - np.mean(distances)) if dices else float("nan")
    result = score(
        "dice_hausdorff",
        truth,
        found,
        ids=ids,
        heights=height,
        widths=width,
        pixel_order=order,
        nothing_to_average="nan",
    )
    assert result == pytest.approx(expected, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("seed", range(4))
def test_distance_of_large_sets(seed: int) -> None:
    """So many voxels that whole blocks are ruled out at once, and slices of different size."""
    random = np.random.default_rng(seed)
    volumes, clouds = [], []
    for shape in ((24, 40, 50), (20, 44, 46)):
        inside = np.zeros(shape, dtype=bool)
        for _ in range(6):
            z, y, x = (random.integers(0, size) for size in shape)
            inside[z : z + 9, y : y + 18, x : x + 14] = True
        inside |= random.random(shape) < 0.0005
        clouds.append(np.argwhere(inside) / (24, 40, 50))
        voxels = np.flatnonzero(inside)
        plane = shape[1] * shape[2]
        volumes.append(make_volume(shape, voxels // plane, voxels % plane, voxels % plane + 1))
    assert [volume.count() for volume in volumes] == [len(cloud) for cloud in clouds]
    expected = max(directed_hausdorff(*clouds)[0], directed_hausdorff(*clouds[::-1])[0])
    for few in (volumes_module.FEW, -1):
        # Neighbours are looked at first, or only blocks are compared.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(volumes_module, "FEW", few)
            for two in (volumes, volumes[::-1]):
                distance = hausdorff_distance(*two, (24, 40, 50))
                assert distance == pytest.approx(expected, rel=1e-12)


# Parsing


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("mask", "problem"),
    [
        ("1 2 x 1", "must be whole numbers with blanks between them"),
        ("1 2.0", "must be whole numbers with blanks between them"),
        ("1 " + "9" * 30, "must be whole numbers with blanks between them"),
        ("-", "must be whole numbers with blanks between them"),
        ("1", "must be pairs of a start and a length"),
        ("1 1 3 1 5", "must be pairs of a start and a length"),
        ("0 1", "starts and lengths must be 1 or more"),
        ("1 0", "starts and lengths must be 1 or more"),
        ("-3 5", "starts and lengths must be 1 or more"),
        ("5 1 3 1", "starts must ascend"),
        ("1 3 2 1", "runs must not overlap"),
        ("2 1 2 1", "runs must not overlap"),
        ("4 10", "runs must not reach beyond the last pixel"),
        ("13 1", "runs must not reach beyond the last pixel"),
        (f"12 {2**63 - 1}", "runs must not reach beyond the last pixel"),
    ],
)
def test_malformed_masks_are_refused(metric: str, mask: str, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"^predictions: {problem}; row 1") as caught:
        load_function(metric)(["1 2", "3 1", ""], ["1 2", mask, ""], heights=3, widths=4)
    assert caught.value.row == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("mask", "pixels"),
    [
        ("7", []),
        ("2 3 8", [1, 2, 3, 7, 8, 9]),
        ("11 9", [10, 11]),
        ("12 9 12 9", None),
        # Behind the last pixel, runs may overlap.
        ("11 5 13 9 13 1 400 3", [10, 11]),
        (f"11 {2**63 - 1} {2**63 - 1} {2**63 - 1}", [10, 11]),
        (" 3\t2 ", [2, 3]),
        ("+3 1", [2]),
    ],
)
def test_lenient_reading(mask: str, pixels: list[int] | None) -> None:
    cells = np.array(["1 1", mask, "2 2"], dtype=object)
    sizes = pixel_counts(3, [4, 4, 4], 3)
    if pixels is None:
        with pytest.raises(ValueError, match="runs must not overlap"):
            read_runs("predictions", cells, sizes, **LENIENT)
        return
    runs = read_runs("predictions", cells, sizes, **LENIENT)
    own = runs.rows == 1
    spans = zip(runs.starts[own].tolist(), runs.ends[own].tolist(), strict=True)
    assert [pixel for start, end in spans for pixel in range(start, end)] == pixels
    assert runs.areas().tolist() == [1, len(pixels), 2]


@pytest.mark.parametrize("mask", ["0", "-7", "1 2 3 4 5", "3 4 0", "3 0 8"])
def test_lenient_reading_has_limits(mask: str) -> None:
    cells = np.array(["1 1", mask], dtype=object)
    with pytest.raises(ValueError, match=r"^predictions: .*row 1"):
        read_runs("predictions", cells, pixel_counts(3, 4, 2), **LENIENT)


@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_arithmetic_of_runs(seed: int) -> None:
    truth, found = pairs(seed)
    runs = [read_runs("x", np.array(list(map(encode, m)), dtype=object)) for m in (truth, found)]
    expected = [int((t & f).sum()) for t, f in zip(truth, found, strict=True)]
    assert shared_areas(*runs).tolist() == expected
    assert runs[0].areas().tolist() == [int(mask.sum()) for mask in truth]


# Parameters


@pytest.mark.parametrize(
    ("metric", "parameters", "problem"),
    [
        ("dice", {"odd_counts": "x"}, "odd_counts: must be 'refuse' or 'broadcast'; got 'x'"),
        ("dice", {"beyond": "x"}, "beyond: must be 'refuse' or 'cut'; got 'x'"),
        ("dice", {"heights": 0, "widths": 3}, "heights: must lie in "),
        ("dice", {"heights": 3, "widths": [3.5, 3]}, "widths: must be whole; row 0"),
        ("dice", {"heights": 3, "widths": [3]}, "widths: must have 2 values; got 1"),
        ("dice", {"heights": 2**30, "widths": 2**30}, "heights: must be of a smaller image"),
        ("mask_f_beta", {"beta": 0}, "beta: must be positive and finite"),
        ("precision_over_iou", {"step": 0}, "step: must lead from lowest to highest"),
        ("precision_over_iou", {"empty_predictions": "x"}, "empty_predictions: must be"),
        ("precision_over_iou", {"empty_predictions": "whole_image"}, "heights: are needed"),
        ("dice_hausdorff", {"pixel_order": "x"}, "pixel_order: must be one of "),
        ("dice_hausdorff", {"nothing_to_average": "x"}, "nothing_to_average: must be one of "),
        ("dice_hausdorff", {"ids": ["a"]}, "ids: must have 2 rows; got 1"),
        ("dice_hausdorff", {"predicted_ids": [1, 2]}, "predicted_ids: must be text; row 0 holds 1"),
        (
            "dice_hausdorff",
            {"ids": ["a_slice_1", "a_slice_2"], "heights": [3, 4]},
            "references: must belong to slices of one size in each volume; row 1",
        ),
    ],
)
def test_wrong_parameters(metric: str, parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        load_function(metric)(["1 2", ""], ["1 2", ""], **parameters)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    "written",
    ["1 2 10 3", "  1 2  10 3 ", "1 2\t10\n3", "1 +2 1_0 003", "1 2 10\u2003\u0663"],
    ids=repr,
)
def test_numbers_may_be_written_in_any_way_that_python_reads(written: str) -> None:
    cells = np.array(["", written, " ", "7 1"], dtype=object)
    runs = read_runs("predictions", cells)
    assert runs.rows.tolist() == [1, 1, 3]
    assert runs.starts.tolist() == [0, 9, 6]
    assert runs.ends.tolist() == [2, 12, 7]


@pytest.mark.parametrize("number", ["9" * 18, "9" * 19, "0" * 30 + "5"])
def test_long_numbers(number: str) -> None:
    cells = np.array([f"{number} 1"], dtype=object)
    if int(number) >= 2**63:
        with pytest.raises(ValueError, match="must be whole numbers"):
            read_runs("predictions", cells)
    else:
        runs = read_runs("predictions", cells, np.array([20]), beyond="cut")
        assert runs.starts.tolist() == ([4] if int(number) == 5 else [])


def test_empty_token_is_the_whole_text() -> None:
    metric = load_function("global_dice")
    assert metric(["1 2", "-"], ["1 2", "-"], empty_token="-") == 1.0
    with pytest.raises(ValueError, match="row 1 holds '- '"):
        metric(["1 2", "-"], ["1 2", "- "], empty_token="-")


def test_fewer_predictions_than_references() -> None:
    metric = load_function("dice_hausdorff")
    ids = ["a_slice_1", "a_slice_2", "b_slice_1"]
    options: dict[str, Any] = {"ids": ids, "heights": 3, "widths": 3}
    references = ["1 1", "1 1", "1 1"]
    with pytest.raises(ValueError, match="predictions: must have the shape"):
        metric(references, references[:2], **options)
    assert metric(references, references[:2], fewer_predictions="allow", **options) == 1.0
    # The true volume keeps its second slice, half the volume away.
    assert metric(references, ["1 1"], fewer_predictions="allow", **options) == pytest.approx(
        0.4 + 0.6 * (1 - 0.5 / 3**0.5)
    )


def test_nothing_to_average() -> None:
    metric = load_function("dice_hausdorff")
    with pytest.raises(ValueError, match="references: must hold a mask that is not empty"):
        metric(["", ""], ["", ""])
    assert np.isnan(metric(["", ""], ["", ""], nothing_to_average="nan"))
    assert np.isnan(metric([], [], nothing_to_average="nan"))
    assert np.isnan(metric(["1 1"], [], nothing_to_average="nan", fewer_predictions="allow"))
    with pytest.raises(ValueError, match="predictions: must not be empty"):
        metric(["1 1"], [], nothing_to_average="nan")
    # All predicted rows are in one volume, the true volume of that place is empty as well.
    ids = {"ids": ["a_slice_1", "b_slice_1"], "predicted_ids": ["a_slice_1", "a_slice_2"]}
    with pytest.raises(ValueError, match="predictions: must hold a volume to compare"):
        metric(["", "1 1"], ["", ""], **ids)
