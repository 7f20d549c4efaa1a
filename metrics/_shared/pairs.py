"""All pairs of two lists whose members belong to the same group."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]

# So many pairs are held in memory at once (more only if one member alone has more).
BATCH = 100_000


def pairs_within_groups(
    left_groups: Positions, right_groups: Positions
) -> Iterator[tuple[Positions, Positions]]:
    """Give every pair of positions whose groups are equal, in batches.

    Parameters
    ----------
    left_groups, right_groups : ndarray of int64, shapes (n,) and (m,)
        Group of each member.

    Yields
    ------
    left, right : ndarray of int64
        Positions, pairwise: sorted by left, then by right. All pairs of one left position are in
        one batch.
    """
    by_group = np.argsort(right_groups, kind="stable")
    in_order = right_groups[by_group]
    first = np.searchsorted(in_order, left_groups)
    number = np.searchsorted(in_order, left_groups, side="right") - first
    ends = np.cumsum(number)
    begin = 0
    while begin < len(left_groups):
        limit = (ends[begin - 1] if begin else 0) + BATCH
        end = max(begin + 1, int(np.searchsorted(ends, limit, side="right")))
        count = number[begin:end]
        left = np.repeat(np.arange(begin, end), count)
        starts = np.cumsum(count) - count
        right = by_group[np.arange(len(left)) - np.repeat(starts - first[begin:end], count)]
        if len(left):
            yield left, right
        begin = end


def greedy_matching(left: Positions, right: Positions) -> tuple[Positions, Positions]:
    """Let each left member take the first right member that is still free.

    Parameters
    ----------
    left, right : ndarray of int64, shape (p,)
        The pairs that may be made: left members in the order in which they choose, and for each,
        all together, the right members in the order in which it wants them.

    Returns
    -------
    left, right : ndarray of int64
        The pairs that are made.
    """
    _, of_left, times_of_left = np.unique(left, return_inverse=True, return_counts=True)
    _, of_right, times_of_right = np.unique(right, return_inverse=True, return_counts=True)
    # Most members have nobody else to choose; only the others are walked through.
    made = (times_of_left[of_left] == 1) & (times_of_right[of_right] == 1)
    taken: set[int] = set()
    rest = np.flatnonzero(~made)
    if not len(rest):
        return left, right
    choosers, wanted = of_left[rest], of_right[rest].tolist()
    starts = np.flatnonzero(np.r_[True, choosers[1:] != choosers[:-1]])
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rest)], strict=True):
        for place in range(start, end):
            if wanted[place] not in taken:
                taken.add(wanted[place])
                made[rest[place]] = True
                break
    return left[made], right[made]
