"""Run lengths: masks as text in, sorted runs of pixels out, and arithmetic without any mask."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .validation import MetricInputError, finite_numbers, label_vector, require_rows

Integers = npt.NDArray[np.int64]
OddCounts = Literal["refuse", "broadcast"]
"""What becomes of rows with an odd count of numbers."""
Beyond = Literal["refuse", "cut"]
"""What becomes of runs that reach beyond the last pixel."""

# No image has more pixels. Sums over millions of rows stay within 64 bits.
LARGEST_IMAGE = 2**40
# Whole numbers of so many digits fit 64 bits.
LONGEST_NUMBER = 18


@dataclass(frozen=True)
class Runs:
    """The masks of all rows, as runs of neighbouring pixels.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_runs,)
        Row of each run, ascending.
    starts, ends : ndarray of int64, shape (n_runs,)
        First pixel of each run and the one behind its last, from 0. Within a row they ascend and do
        not overlap.
    count : int
        Number of rows, those with an empty mask included.
    """

    rows: Integers
    starts: Integers
    ends: Integers
    count: int

    def areas(self) -> Integers:
        """Return the number of pixels of each row's mask."""
        return _sum_by_row(self.rows, self.ends - self.starts, self.count)


def mask_cells(argument: str, values: Any) -> npt.NDArray[Any]:
    """Check that an array-like holds text.

    Parameters
    ----------
    argument : str
        Name used in errors.
    values : array-like of str, shape (n,)
        Masks.

    Returns
    -------
    ndarray of str objects, shape (n,)
        The text.

    Raises
    ------
    MetricInputError
        If a row holds something else, or there are none.
    """
    cells = label_vector(argument, values)
    if cells.dtype.kind != "O" or not isinstance(cells[0], str):
        raise MetricInputError(argument, f"must be text; row 0 holds {cells.tolist()[0]!r}", 0)
    return cells


def read_runs(
    argument: str,
    cells: npt.NDArray[Any],
    pixels: Integers | None = None,
    *,
    odd_counts: OddCounts = "refuse",
    beyond: Beyond = "refuse",
    empty_token: str | None = None,
) -> Runs:
    """Read masks written as ``start length start length ...``, pixels numbered from 1.

    Parameters
    ----------
    argument : str
        Name used in errors.
    cells : ndarray of str objects, shape (n,)
        Masks, from `mask_cells`; text of blanks only is an empty one.
    pixels : ndarray of int64, shape (n,), optional
        Number of pixels of each row's image. By default it is not limited.
    odd_counts : {"refuse", "broadcast"}
        ``"broadcast"``: a single number is an empty mask, and three numbers ``a n b`` are the runs
        ``a n`` and ``b n``, which is what numpy makes of unequal numbers of starts and lengths.
    beyond : {"refuse", "cut"}
        ``"cut"``: pixels behind the last one are dropped, and may be named several times.
    empty_token : str, optional
        Text that stands for an empty mask.

    Returns
    -------
    Runs
        The masks.

    Raises
    ------
    MetricInputError
        If a row does not hold whole numbers; if their count is odd; if a start or a length is not
        positive; if the runs of a row do not ascend, overlap, or reach beyond the last pixel; if
        the number of rows is not that of `pixels`.
    """
    if beyond not in ("refuse", "cut"):
        raise MetricInputError("beyond", f"must be 'refuse' or 'cut'; got {beyond!r}")
    if pixels is not None and len(pixels) != len(cells):
        raise MetricInputError(argument, f"must have {len(pixels)} rows; got {len(cells)}")
    numbers, counts = _whole_numbers(argument, cells, empty_token)
    numbers, counts = _make_even(argument, cells, numbers, counts, odd_counts)
    starts, lengths = numbers[::2], numbers[1::2]
    rows = np.repeat(np.arange(len(cells)), counts // 2)

    def require(rule: str, good: npt.NDArray[np.bool_], of_rows: Integers) -> None:
        if not good.all():
            good_rows = np.ones(len(cells), dtype=np.bool_)
            good_rows[of_rows[~good]] = False
            require_rows(argument, rule, cells, good_rows)

    require("starts and lengths must be 1 or more", (starts > 0) & (lengths > 0), rows)
    same_row = rows[1:] == rows[:-1]
    require("starts must ascend", ~same_row | (starts[1:] >= starts[:-1]), rows[1:])
    limits = np.full(len(cells), LARGEST_IMAGE) if pixels is None else pixels
    limit = limits[rows]
    starts = np.minimum(starts - 1, limit)
    # Compared this way round, no sum can exceed 64 bits.
    if beyond == "refuse":
        require("runs must not reach beyond the last pixel", lengths <= limit - starts, rows)
    ends = starts + np.minimum(lengths, limit - starts)
    require("runs must not overlap", ~same_row | (starts[1:] >= ends[:-1]), rows[1:])
    inside = starts < ends
    return Runs(rows[inside], starts[inside], ends[inside], len(cells))


def read_mask_pairs(
    references: npt.NDArray[Any],
    predictions: npt.NDArray[Any],
    heights: Any = None,
    widths: Any = None,
    *,
    odd_counts: OddCounts = "refuse",
    beyond: Beyond = "refuse",
    empty_token: str | None = None,
) -> tuple[Runs, Runs]:
    """Read true and predicted masks of the same images.

    Parameters
    ----------
    references, predictions : ndarray of str objects, shape (n,)
        Masks, from `mask_cells`.
    heights, widths : int or array-like of shape (n,), optional
        Size of the images in pixels.
    odd_counts, beyond, empty_token
        As in `read_runs`.

    Returns
    -------
    truth, predicted : Runs
        The masks.

    Raises
    ------
    MetricInputError
        As from `read_runs` and `pixel_counts`.
    """
    pixels = pixel_counts(heights, widths, len(references))
    truth, predicted = (
        read_runs(
            name, cells, pixels, odd_counts=odd_counts, beyond=beyond, empty_token=empty_token
        )
        for name, cells in (("references", references), ("predictions", predictions))
    )
    return truth, predicted


def pixel_counts(heights: Any, widths: Any, count: int) -> Integers | None:
    """Multiply the sizes of images, if they are given.

    Parameters
    ----------
    heights, widths : int, array-like of shape (n,), or None
        Sizes in pixels, for all rows or each.
    count : int
        Number of rows.

    Returns
    -------
    ndarray of int64, shape (n,), or None
        Pixels of each image; None if a size is None.

    Raises
    ------
    MetricInputError
        If a size is no positive whole number, or an image is too large.
    """
    if heights is None or widths is None:
        return None
    tall, wide = (sizes(name, v, count) for name, v in (("heights", heights), ("widths", widths)))
    require_rows("heights", "must be of a smaller image", tall, tall <= LARGEST_IMAGE // wide)
    return tall * wide


def sizes(argument: str, values: Any, count: int) -> Integers:
    """Check sizes in pixels: one for all rows, or one for each.

    Parameters
    ----------
    argument : str
        Name used in errors.
    values : int or array-like of shape (n,)
        Whole numbers from 1, also as floats.
    count : int
        Number of rows.

    Returns
    -------
    ndarray of int64, shape (n,)
        The sizes.

    Raises
    ------
    MetricInputError
        If a size is no such number, or there is another number of them.
    """
    each = finite_numbers(
        argument, [values] if np.ndim(values) == 0 else values, low=1, high=LARGEST_IMAGE
    )
    require_rows(argument, "must be whole", each, each % 1 == 0)
    if np.ndim(values) != 0 and len(each) != count:
        raise MetricInputError(argument, f"must have {count} values; got {len(each)}")
    return np.broadcast_to(each.astype(np.int64), (count,)).copy()


def shared_areas(first: Runs, second: Runs) -> Integers:
    """Count the pixels that two masks share, row by row.

    Parameters
    ----------
    first, second : Runs
        Masks of equally many rows.

    Returns
    -------
    ndarray of int64, shape (n,)
        Pixels in both masks.
    """
    extents = np.zeros(first.count, dtype=np.int64)
    for runs in (first, second):
        # The last run of a row, which stays, has the largest end.
        extents[runs.rows] = np.maximum(extents[runs.rows], runs.ends)
    # One line of pixels holds the images of all rows, one behind the other.
    offsets = np.cumsum(extents) - extents
    starts = second.starts + offsets[second.rows]
    ends = second.ends + offsets[second.rows]
    before = np.r_[0, np.cumsum(ends - starts)]

    def covered(places: Integers) -> Integers:
        """Count pixels of the second mask before each place."""
        number = np.searchsorted(starts, places)
        last = np.r_[0, ends][number]
        return np.asarray(before[number] - np.clip(last - places, 0, None), dtype=np.int64)

    offset = offsets[first.rows]
    shared = covered(first.ends + offset) - covered(first.starts + offset)
    return _sum_by_row(first.rows, shared, first.count)


def _sum_by_row(rows: Integers, values: Integers, count: int) -> Integers:
    ends = np.searchsorted(rows, np.arange(count + 1))
    return np.asarray(np.diff(np.r_[0, np.cumsum(values)][ends]), dtype=np.int64)


def _whole_numbers(
    argument: str, cells: npt.NDArray[Any], empty_token: str | None
) -> tuple[Integers, Integers]:
    """Read the numbers of all rows, and how many each has."""
    kept = ["" if cell == empty_token else cell for cell in cells.tolist()]
    plain = _plain_numbers(kept)
    if plain is not None:
        return plain
    tokens = [cell.split() for cell in kept]
    counts = np.fromiter(map(len, tokens), np.int64, len(tokens))
    try:
        flat = np.fromiter(map(int, chain.from_iterable(tokens)), np.int64, int(counts.sum()))
    except (ValueError, OverflowError):
        good = np.fromiter(map(_are_whole, tokens), np.bool_, len(tokens))
        require_rows(argument, "must be whole numbers with blanks between them", cells, good)
        raise
    return flat, counts


def _plain_numbers(cells: list[str]) -> tuple[Integers, Integers] | None:
    """Read cells of nothing but digits and spaces all at once; None if there are others."""
    text = "\n".join(["", *cells, ""])
    if not text.isascii():
        return None
    characters = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    # What is below "0" wraps round to large numbers.
    is_digit = characters - ord("0") < 10
    is_break = characters == ord("\n")
    breaks = np.flatnonzero(is_break)
    if len(breaks) != len(cells) + 1 or not (is_digit | is_break | (characters == ord(" "))).all():
        return None
    edges = np.flatnonzero(is_digit[1:] != is_digit[:-1])
    starts, ends = edges[::2], edges[1::2]
    if (ends - starts).max(initial=0) > LONGEST_NUMBER:
        return None
    counts = np.diff(np.searchsorted(starts, breaks))
    if not len(starts):
        return np.zeros(0, dtype=np.int64), counts
    return np.fromstring(text, dtype=np.int64, sep=" "), counts


def _are_whole(tokens: list[str]) -> bool:
    try:
        np.fromiter(map(int, tokens), np.int64, len(tokens))
    except (ValueError, OverflowError):
        return False
    return True


def _make_even(
    argument: str, cells: npt.NDArray[Any], numbers: Integers, counts: Integers, odd: OddCounts
) -> tuple[Integers, Integers]:
    """Refuse rows with a start that has no length, or deal with them as numpy does."""
    if odd not in ("refuse", "broadcast"):
        raise MetricInputError("odd_counts", f"must be 'refuse' or 'broadcast'; got {odd!r}")
    good = counts % 2 == 0
    if odd == "broadcast":
        good |= (counts == 1) | (counts == 3)
    require_rows(argument, "must be pairs of a start and a length", cells, good)
    if not (counts % 2).any():
        return numbers, counts
    ends = np.cumsum(counts)
    alone, three = ends[counts == 1] - 1, ends[counts == 3]
    positive = np.ones(len(cells), dtype=np.bool_)
    positive[counts == 1] = numbers[alone] > 0
    require_rows(argument, "starts and lengths must be 1 or more", cells, positive)
    keep = np.ones(len(numbers), dtype=np.bool_)
    keep[alone] = False
    # The only length serves the second start too.
    numbers = np.insert(numbers, three, numbers[three - 2])
    keep = np.insert(keep, three, True)
    return numbers[keep], counts - (counts == 1) + (counts == 3)
