"""Overlap of boxes, pair by pair, without a loop over the pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def corner_box_iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of axis-aligned boxes given by two corners.

    Parameters
    ----------
    first, second : ndarray of float64, shape (n, 4)
        Pairs of boxes: x_min, y_min, x_max, y_max.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where the union has no positive area or a corner is not a number.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        low = np.maximum(first[:, :2], second[:, :2])
        high = np.minimum(first[:, 2:], second[:, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        union = (
            (first[:, 2:] - first[:, :2]).prod(axis=1)
            + (second[:, 2:] - second[:, :2]).prod(axis=1)
            - shared
        )
        return np.where(union > 0, np.divide(shared, union, where=union > 0, out=union * 0), 0.0)


def rectangle_overlap(centers: Floats, lengths: Floats, widths: Floats, angles: Floats) -> Floats:
    """Area that two rectangles of any direction share, for each of n pairs.

    The first rectangle is seen from the second, which then is an axis-aligned box. The area below
    each side of the first is integrated over the box: the side is cut where it leaves the box to
    the left and right, and clamped where it leaves it above and below.

    Parameters
    ----------
    centers : ndarray of float64, shape (n, 2, 2)
        Pair, rectangle, x and y of the centre.
    lengths, widths : ndarray of float64, shape (n, 2)
        Pair, rectangle: side along the angle and across it, not negative.
    angles : ndarray of float64, shape (n, 2)
        Pair, rectangle: direction of the length against the x axis, in radians.

    Returns
    -------
    ndarray of float64, shape (n,)
        The areas.
    """
    cos, sin = np.cos(angles[:, 1]), np.sin(angles[:, 1])
    offset = centers[:, 0] - centers[:, 1]
    x = offset[:, 0] * cos + offset[:, 1] * sin
    y = offset[:, 1] * cos - offset[:, 0] * sin
    turn = angles[:, 0] - angles[:, 1]
    along = np.stack([np.cos(turn), np.sin(turn)], axis=1) * (lengths[:, :1] / 2)
    across = np.stack([-np.sin(turn), np.cos(turn)], axis=1) * (widths[:, :1] / 2)
    half_length, half_width = lengths[:, 1] / 2, widths[:, 1] / 2
    area = np.zeros(len(centers))
    signs = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    corners = [
        (x + a * along[:, 0] + b * across[:, 0], y + a * along[:, 1] + b * across[:, 1])
        for a, b in signs
    ]
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        area += _area_below(start, end, half_length, half_width)
    # The corners go round counter-clockwise, so that the upper sides run to the left.
    return np.clip(-area, 0, None)


def _area_below(
    start: tuple[Floats, Floats], end: tuple[Floats, Floats], half_x: Floats, half_y: Floats
) -> Floats:
    """Integral of y dx along segments, x cut to and y clamped to a box around the origin."""
    x0, y0 = start
    dx, dy = end[0] - x0, end[1] - y0
    with np.errstate(divide="ignore", invalid="ignore"):
        # Parameters at which the segment enters and leaves the box; NaN and infinity where it is
        # parallel to a side, which the clips below turn into its ends.
        cuts_x = np.sort(np.nan_to_num(np.stack([-half_x - x0, half_x - x0]) / dx), axis=0)
        cuts_y = np.sort(np.nan_to_num(np.stack([-half_y - y0, half_y - y0]) / dy), axis=0)
    first = np.clip(cuts_x[0], 0, 1)
    last = np.clip(cuts_x[1], first, 1)
    places = np.stack(
        [first, np.clip(cuts_y[0], first, last), np.clip(cuts_y[1], first, last), last]
    )
    heights = np.clip(y0 + places * dy, -half_y, half_y)
    means, lengths = (heights[1:] + heights[:-1]) / 2, np.diff(places, axis=0)
    return np.asarray((means * lengths).sum(axis=0) * dx, dtype=np.float64)


def size_box_iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of axis-aligned boxes given by a corner and their size.

    Parameters
    ----------
    first, second : ndarray of float64, shape (n, 4)
        Pairs of boxes: x_min, y_min, width, height.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where they share no area. As in pycocotools, also for boxes of negative size.
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        # fmin and fmax, as there: a number comes before what is none.
        high = np.fmin(first[:, 2:] + first[:, :2], second[:, 2:] + second[:, :2])
        sides = high - np.fmax(first[:, :2], second[:, :2])
        shared = sides[:, 0] * sides[:, 1]
        union = first[:, 2] * first[:, 3] + second[:, 2] * second[:, 3] - shared
        return np.where((sides > 0).all(axis=1), shared / union, 0.0)
