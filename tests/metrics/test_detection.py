"""Detection metrics equal plain loops over boxes, written from their definitions."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench_data.metrics.mean_average_precision_3d.boxes import rectangle_overlap
from mlebench_data.metrics.point_in_box_f1 import pairs
from mlebench_data.metrics.registry import load_function

SEEDS = st.integers(0, 2**32 - 1)
Box = tuple[Any, ...]


def scenes(random: np.random.Generator, most: int) -> list[list[Box]]:
    """Boxes of five scenes: class, confidence, numbers; equal ones and equal confidences occur."""
    grid = random.integers(0, 2)
    found = []
    for _ in range(5):
        boxes = []
        for _ in range(random.integers(1, most + 1)):
            numbers = random.uniform(0, 4, 4)
            numbers[2:] = numbers[:2] + random.uniform(0.5, 4, 2)
            if grid:
                numbers = np.round(numbers)
            confidence = round(float(random.uniform(0.1, 1)), 1 if grid else 6)
            boxes.append((str(random.choice(["a", "b"])), confidence, *map(float, numbers)))
        found.append(boxes)
    return found


def cells(boxes: list[list[Box]]) -> list[str]:
    return [" ".join(" ".join(map(str, box)) for box in scene) for scene in boxes]


def iou(first: Box, second: Box) -> float:
    """Overlap of class, confidence, x_min, y_min, x_max, y_max."""
    a, b = first[2:], second[2:]
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / (sum(sizes) - shared)


def step_average_precision(pairs: list[tuple[int, float]]) -> float:
    total, before = 0.0, 0.0
    positives = sum(label for label, _ in pairs)
    for limit in sorted({score for _, score in pairs}, reverse=True):
        ranked = [label for label, score in pairs if score >= limit]
        recall = sum(ranked) / positives
        total += (recall - before) * sum(ranked) / len(ranked)
        before = recall
    return total


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_mean_average_precision_2d(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, found = scenes(random, 3), scenes(random, 4)
    averages = []
    for name in sorted({box[0] for scene in truth for box in scene}):
        pairs: list[tuple[int, float]] = []
        for boxes, detections in zip(truth, found, strict=True):
            free = [box for box in boxes if box[0] == name]
            mine = sorted((d for d in detections if d[0] == name), key=lambda d: -d[1])
            if not free and not mine:
                pairs.append((0, 0.0))
            for detection in mine:
                overlaps = [iou(detection, box) for box in free]
                best = max(overlaps, default=0.0)
                right = best > 0.5
                if right:
                    del free[overlaps.index(best)]
                pairs.append((int(right), detection[1]))
            pairs += [(1, 0.0)] * len(free)
        averages.append(step_average_precision(pairs))
    score = load_function("mean_average_precision_2d")(cells(truth), cells(found))
    assert score == pytest.approx(np.mean(averages), rel=1e-12)


def coco_by_loops(truth: list[list[Box]], found: list[list[Box]], limit: float, most: int) -> float:
    averages = []
    for name in sorted({box[0] for scene in truth for box in scene}):
        ranked: list[tuple[float, bool]] = []
        positives = sum(box[0] == name for scene in truth for box in scene)
        for boxes, detections in zip(truth, found, strict=True):
            free = [box for box in boxes if box[0] == name]
            mine = sorted((d for d in detections if d[0] == name), key=lambda d: -d[1])[:most]
            for detection in mine:
                chosen, best = None, limit
                for number, box in enumerate(free):
                    if iou(detection, box) >= best:
                        chosen, best = number, iou(detection, box)
                if chosen is not None:
                    del free[chosen]
                ranked.append((detection[1], chosen is not None))
        ranked.sort(key=lambda item: -item[0])
        curve, right = [], 0
        for number, (_, hit) in enumerate(ranked, start=1):
            right += hit
            curve.append((right / positives, right / number))
        averages += [
            max((precision for recall, precision in curve if recall >= level), default=0.0)
            for level in np.linspace(0, 1, 101)
        ]
    return float(np.mean(averages))


@given(seed=SEEDS, limit=st.sampled_from([0.3, 0.4, 0.75]), most=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_coco_average_precision(seed: int, limit: float, most: int) -> None:
    random = np.random.default_rng(seed)
    truth, found = scenes(random, 3), scenes(random, 5)
    score = load_function("coco_average_precision")(
        cells(truth), cells(found), iou_thresholds=[limit], max_detections=most
    )
    assert score == pytest.approx(coco_by_loops(truth, found, limit, most), rel=1e-12)


def test_rows_of_one_picture_are_put_together() -> None:
    random = np.random.default_rng(0)
    truth, found = scenes(random, 3), scenes(random, 4)
    function = load_function("coco_average_precision")
    more = scenes(random, 2)
    together = [first + second for first, second in zip(found, more, strict=True)]
    score = function(cells(truth * 2), cells(found + more), images=[*range(5), *range(5)])
    assert score == function(cells(truth), cells(together))


def test_boxes_numbered_from_zero() -> None:
    function = load_function("coco_average_precision")
    truth = ["a 1 0 0 9 9 b 1 20 20 30 30", "b 1 0 0 9 9"]
    # The first box is never found; the first detection leaves its box to the second one.
    assert function(truth, truth, zero_ids="never_match") == pytest.approx(0.5)
    found = ["a 1 0 0 9 9", "b 1 0 0 9 9 b 0.9 0 0 9 9 b 0.8 0 0 9 9"]
    once = function(truth, found, iou_thresholds=[0.5])
    twice = function(truth, found, order=[1, 0], iou_thresholds=[0.5], zero_ids="never_match")
    assert once == pytest.approx((1 + 51 / 101) / 2)
    assert twice == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("cell", "counts"),
    [
        ("0.9 0.5 900 900 100 1000", False),
        ("0 0.5 0 0 200000 200000", False),
        ("0 0.5 1 1 2 2", True),
    ],
)
def test_detections_outside_the_range_of_areas_are_ignored(cell: str, counts: bool) -> None:
    function = load_function("coco_average_precision")
    truth = ["0 1 50 50 60 60"]
    score = function(truth, [f"{cell} 0 0.4 50 50 60 60"], class_tokens="numbers")
    assert score == pytest.approx(0.5 if counts else 1.0)


@given(
    left=st.lists(st.integers(0, 3), max_size=9),
    right=st.lists(st.integers(0, 3), max_size=9),
    batch=st.integers(1, 20),
)
@settings(max_examples=60, deadline=None)
def test_pairs_come_in_batches(left: list[int], right: list[int], batch: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "BATCH", batch)
        batches = list(pairs.pairs_within_groups(np.array(left, int), np.array(right, int)))
    found = [pair for some in batches for pair in zip(*map(np.ndarray.tolist, some), strict=True)]
    wanted = [(i, j) for i in range(len(left)) for j in range(len(right)) if left[i] == right[j]]
    assert found == wanted
    for some in batches:
        assert len(some[0]) <= batch or len(set(some[0].tolist())) == 1


def polygon_area(corners: list[tuple[float, float]]) -> float:
    following = corners[1:] + corners[:1]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, following, strict=True)) / 2


def rectangle(x: float, y: float, length: float, width: float, angle: float) -> list[Any]:
    cos, sin = math.cos(angle), math.sin(angle)
    signs = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    return [
        (
            x + a * length / 2 * cos - b * width / 2 * sin,
            y + a * length / 2 * sin + b * width / 2 * cos,
        )
        for a, b in signs
    ]


def clipped(corners: list[Any], box: list[Any]) -> list[Any]:
    """Clip a convex polygon by another, side by side (Sutherland and Hodgman)."""
    for start, end in zip(box, box[1:] + box[:1], strict=True):
        sides = [
            (end[0] - start[0]) * (y - start[1]) - (end[1] - start[1]) * (x - start[0])
            for x, y in corners
        ]
        result = []
        for i, (corner, side) in enumerate(zip(corners, sides, strict=True)):
            following, next_side = corners[(i + 1) % len(corners)], sides[(i + 1) % len(corners)]
            if side >= 0:
                result.append(corner)
            if side * next_side < 0:
                share = side / (side - next_side)
                result.append(
                    tuple(a + share * (b - a) for a, b in zip(corner, following, strict=True))
                )
        corners = result
        if not corners:
            return []
    return corners


@given(seed=SEEDS, turn=st.sampled_from([None, 0.0, math.pi / 2, math.pi, -math.pi / 4]))
@settings(max_examples=200, deadline=None)
def test_rectangle_overlap(seed: int, turn: float | None) -> None:
    random = np.random.default_rng(seed)
    centers = random.uniform(0, 3, (1, 2, 2))
    sizes = random.uniform(0.2, 4, (2, 1, 2))
    angles = random.uniform(-4, 4, (1, 2))
    if turn is not None:
        # Sides that lie on each other.
        centers, sizes = np.round(centers), np.ceil(sizes)
        angles = np.array([[turn, 0.0]])
    area = rectangle_overlap(centers, sizes[0], sizes[1], angles)[0]
    first, second = (
        rectangle(*centers[0, i], sizes[0, 0, i], sizes[1, 0, i], angles[0, i]) for i in range(2)
    )
    expected = polygon_area(clipped(first, second)) if clipped(first, second) else 0.0
    assert area == pytest.approx(expected, abs=1e-12)


def test_equal_rectangles_overlap_whole() -> None:
    random = np.random.default_rng(0)
    centers = np.repeat(random.uniform(-3000, 3000, (500, 1, 2)), 2, axis=1)
    lengths, widths = np.repeat(random.uniform(0.1, 20, (2, 500, 1)), 2, axis=2)
    angles = np.repeat(random.uniform(-4, 4, (500, 1)), 2, axis=1)
    areas = rectangle_overlap(centers, lengths, widths, angles)
    assert areas == pytest.approx((lengths * widths)[:, 0], rel=1e-13)


def iou_3d(first: Box, second: Box) -> float:
    area = rectangle_overlap(
        np.array([[first[2:4], second[2:4]]]),
        np.array([[first[6], second[6]]]),
        np.array([[first[5], second[5]]]),
        np.array([[first[8], second[8]]]),
    )[0]
    top = min(first[4] + first[7] / 2, second[4] + second[7] / 2)
    bottom = max(first[4] - first[7] / 2, second[4] - second[7] / 2)
    shared = area * max(0.0, top - bottom)
    return shared / (math.prod(first[5:8]) + math.prod(second[5:8]) - shared)


@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_mean_average_precision_3d(seed: int) -> None:
    random = np.random.default_rng(seed)

    def boxes(most: int) -> list[list[Box]]:
        return [
            [
                (str(random.choice(["a", "b"])), round(float(random.uniform()), 1),
                 *map(float, random.uniform(0, 1, 3)), *map(float, random.uniform(1, 3, 3)),
                 float(random.uniform(-3, 3)))
                for _ in range(random.integers(1, most + 1))
            ]
            for _ in range(4)
        ]  # fmt: skip

    def texts(some: list[list[Box]]) -> list[str]:
        return [" ".join(" ".join(map(str, [*b[1:], b[0]])) for b in scene) for scene in some]

    truth, found = boxes(4), boxes(6)
    limits = (0.1, 0.3, 0.5)
    values = []
    for (scene, detections), limit in itertools.product(zip(truth, found, strict=True), limits):
        averages = []
        for name in sorted({box[0] for box in scene}):
            mine = [box for box in scene if box[0] == name]
            used = [False] * len(mine)
            curve, right = [(0.0, 0.0)], 0
            ranked = sorted((d for d in detections if d[0] == name), key=lambda d: -d[1])
            for number, detection in enumerate(ranked, start=1):
                overlaps = [iou_3d(detection, box) for box in mine]
                best = int(np.argmax(overlaps))
                if overlaps[best] > limit and not used[best]:
                    used[best] = True
                    right += 1
                curve.append((right / len(mine), right / number))
            averages.append(
                sum(
                    (curve[k][0] - curve[k - 1][0]) * max(p for _, p in curve[k:])
                    for k in range(1, len(curve))
                )
            )
        values.append(np.mean(averages))
    score = load_function("mean_average_precision_3d")(texts(truth), texts(found), limits)
    assert score == pytest.approx(np.mean(values), rel=1e-12)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_point_in_box_f1(seed: int) -> None:
    random = np.random.default_rng(seed)
    right = wrong = missed = 0
    references, predictions = [], []
    for _ in range(4):
        boxes = [
            (str(random.choice(["x", "y"])), *random.integers(0, 5, 2), *random.integers(1, 5, 2))
            for _ in range(random.integers(0, 6))
        ]
        points = [
            (str(random.choice(["x", "y", "z"])), *random.integers(0, 9, 2))
            for _ in range(random.integers(0, 6))
        ]
        references.append(" ".join(" ".join(map(str, box)) for box in boxes))
        predictions.append(" ".join(" ".join(map(str, point)) for point in points))
        free = list(points)
        for name, x, y, width, height in boxes:
            for place, (label, px, py) in enumerate(free):
                if label == name and x < px < x + width and y < py < y + height:
                    del free[place]
                    right += 1
                    break
            else:
                missed += 1
        wrong += len(free)
    expected = 2 * right / (2 * right + wrong + missed) if right else 0.0
    score = load_function("point_in_box_f1")(references, predictions)
    assert score == pytest.approx(expected, rel=1e-12)


BOX_2D = "a 0.5 0 0 1 1"
BOX_3D = "0.5 0 0 0 1 1 1 0 a"


@pytest.mark.parametrize(
    ("name", "truth", "cell", "message"),
    [
        ("point_in_box_f1", "a 0 0 5 5", "a 1", r"groups of 3 tokens .* row 1 has 2 tokens"),
        ("point_in_box_f1", "a 0 0 5 5", "a 1 x", r"x and y must be numbers; row 1 holds 'x'"),
        ("point_in_box_f1", "a 0 0 5 5", "a  1", "single spaces between tokens; row 1"),
        ("point_in_box_f1", "a 0 0 5 5", " ", r"row 1 has 2 tokens"),
        ("mean_average_precision_2d", BOX_2D, "a nan 0 0 1 1", "confidence must be finite; row 1"),
        ("mean_average_precision_2d", BOX_2D, "a 1 0 0 1", "with blanks between them; row 1"),
        ("coco_average_precision", BOX_2D, "a 1 0 0 1", "row 1 has 5 tokens"),
        ("coco_average_precision", BOX_2D, "a 1 0 0 1 ", "single spaces between tokens; row 1"),
        ("mean_average_precision_3d", BOX_3D, BOX_3D + " ", "row 1 has 10 tokens"),
        (
            "mean_average_precision_3d",
            BOX_3D,
            "1 0 0 0 1 -1 1 0 a",
            "sizes must be positive; row 1",
        ),
        ("mean_average_precision_3d", BOX_3D, "1 0 inf 0 1 1 1 0 a", "must be finite; row 1"),
    ],
)
def test_malformed_cells_are_refused(name: str, truth: str, cell: str, message: str) -> None:
    function = load_function(name)
    with pytest.raises(ValueError, match=rf"^predictions: .*{message}") as caught:
        function([truth, truth], [truth if name != "point_in_box_f1" else "a 1 1", cell])
    assert caught.value.row == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "truth", "cell"),
    [
        ("point_in_box_f1", "a 0 0 5 5", "a nan inf"),
        ("point_in_box_f1", "a 0 0 5 5", ""),
        ("mean_average_precision_2d", BOX_2D, "a 1 nan inf -inf 1"),
        ("mean_average_precision_2d", BOX_2D, "   "),
        ("coco_average_precision", BOX_2D, "a nan nan inf -inf 1e308"),
        ("coco_average_precision", BOX_2D, "unknown 1 0 0 1 1"),
        ("mean_average_precision_3d", BOX_3D, "1 nan 0 0 -1 1 1 0 unknown"),
        ("mean_average_precision_3d", BOX_3D, "1 0 0 0 1e200 1e200 1e200 0 a"),
        ("mean_average_precision_3d", BOX_3D, "nan 9 9 9 1 1 1 0 a"),
        ("mean_average_precision_3d", BOX_3D, "  "),
    ],
)
def test_strange_boxes_match_nothing(name: str, truth: str, cell: str) -> None:
    score = load_function(name)([truth], [cell])
    # A true box that is not found ranks last in one of the metrics, but counts there.
    assert score == 0 or name == "mean_average_precision_2d"
    assert 0 <= score <= 1
