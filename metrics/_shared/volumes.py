"""Volumes: the masks of several slices as sets of voxels, and the distance between two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shape = tuple[int, int, int]

# Points are looked up in the tree so many at a time.
CHUNK = 2048
# Points that lie together in a block of this size are ruled out together.
BLOCK = (4, 8, 8)
# So far along each axis, neighbours are looked for one by one before a tree is built,
REACH = (4, 8, 8)
# if there are no more points than this: of so many, most are far away.
FEW = 200_000
# A point may look at so many neighbours on average (and at some more where points are few).
LOOKS, FREE_LOOKS = 30, 200_000


@dataclass(frozen=True)
class Volume:
    """A set of voxels.

    Parameters
    ----------
    shape : tuple of int
        Slices, lines of a slice, pixels of a line.
    starts, ends : ndarray of int64
        Runs of voxels, numbered slice by slice and line by line: ascending and apart.
    """

    shape: Shape
    starts: Integers
    ends: Integers

    def count(self) -> int:
        """Return the number of voxels."""
        return int((self.ends - self.starts).sum())

    def voxels(self) -> Integers:
        """Return the numbers of the voxels in the set."""
        lengths = self.ends - self.starts
        behind = np.cumsum(lengths)
        return np.arange(int(lengths.sum())) + np.repeat(self.ends - behind, lengths)

    def equals(self, other: Volume) -> bool:
        """Tell whether both hold the same voxels and their slices have the same size."""
        return (
            self.shape[1:] == other.shape[1:]
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.ends, other.ends)
        )


def make_volume(shape: Shape, slices: Integers, starts: Integers, ends: Integers) -> Volume:
    """Unite masks to a volume.

    Parameters
    ----------
    shape : tuple of int
        Slices, lines of a slice, pixels of a line.
    slices : ndarray of int64, shape (n_runs,)
        Slice of each run.
    starts, ends : ndarray of int64, shape (n_runs,)
        Pixels of the slice, from 0, the end not included. Runs may overlap.
    """
    offset = slices * (shape[1] * shape[2])
    order = np.argsort(starts + offset, kind="stable")
    first, last = (starts + offset)[order], np.maximum.accumulate((ends + offset)[order])
    if not len(first):
        return Volume(shape, first, last)
    new = np.flatnonzero(first[1:] > last[:-1]) + 1
    return Volume(shape, first[np.r_[0, new]], last[np.r_[new - 1, len(last) - 1]])


def hausdorff_distance(first: Volume, second: Volume, scale: tuple[float, float, float]) -> float:
    """Distance of the voxel that is farthest from the other set.

    Parameters
    ----------
    first, second : Volume
        Sets that are not empty.
    scale : tuple of float
        Every axis is divided by this.

    Returns
    -------
    float
        0 for equal sets.
    """
    grid = _Grid(
        max(first.shape[0], second.shape[0]),
        max(first.shape[1], second.shape[1]),
        max(first.shape[2], second.shape[2]),
    )
    places = [grid.places(volume) for volume in (first, second)]
    inside = [grid.mark(place) for place in places]
    farthest = 0.0
    steps, lengths = grid.steps(scale)
    for own, other in ((0, 1), (1, 0)):
        outside = places[own][~inside[other][places[own]]]
        if len(outside) <= FEW:
            outside, reached = _look_around(outside, inside[other], steps, lengths)
            farthest = max(farthest, reached)
        if len(outside):
            # What is nearest to a point outside lies on the surface: a step towards the point
            # along any axis would else lead to a nearer voxel of the set.
            surface = grid.surface(places[other], inside[other])
            farthest = _farthest(grid.points(outside), grid.points(surface), scale, farthest)
    return farthest


def _look_around(
    outside: Integers, inside: npt.NDArray[np.bool_], steps: Integers, lengths: Floats
) -> tuple[Integers, float]:
    """Drop the voxels that have one of the other set near by; tell how near the last one was."""
    reached = 0.0
    looks = LOOKS * len(outside) + FREE_LOOKS
    for step, length in zip(steps.tolist(), lengths.tolist(), strict=True):
        if not len(outside) or looks < 0:
            break
        looks -= len(outside)
        alone = ~inside[outside + step]
        if not alone.all():
            outside, reached = outside[alone], length
    return outside, reached


class _Grid:
    """Numbers for voxels such that what is near a voxel at the edge is no other voxel."""

    def __init__(self, slices: int, lines: int, pixels: int) -> None:
        self.line = pixels + REACH[2]
        self.slice = self.line * (lines + REACH[1])
        self.first = self.slice * REACH[0] + self.line * REACH[1] + REACH[2]
        self.size = self.slice * slices + 2 * self.first

    def steps(self, scale: tuple[float, float, float]) -> tuple[Integers, Floats]:
        """Return the way to each neighbour within reach, the nearest first, and its length."""
        axes = [np.arange(-reach, reach + 1) for reach in REACH]
        offsets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        lengths = np.linalg.norm(offsets / scale, axis=1)
        # Beyond, there are neighbours as near that are out of reach.
        near = lengths < min((reach + 1) / size for reach, size in zip(REACH, scale, strict=True))
        order = np.flatnonzero(near)[np.argsort(lengths[near], kind="stable")]
        ways = offsets @ np.array([self.slice, self.line, 1])
        return ways[order], lengths[order]

    def places(self, volume: Volume) -> Integers:
        _, lines, pixels = volume.shape
        voxels = volume.voxels()
        line = voxels // pixels
        number = line // lines
        # z * slice + y * line + x, of what is counted through without gaps.
        return (
            voxels
            + line * (self.line - pixels)
            + number * (self.slice - self.line * lines)
            + self.first
        )

    def mark(self, places: Integers) -> npt.NDArray[np.bool_]:
        inside = np.zeros(self.size, dtype=np.bool_)
        inside[places] = True
        return inside

    def surface(self, places: Integers, inside: npt.NDArray[np.bool_]) -> Integers:
        for step in (1, self.line, self.slice):
            # What has been found inside in one direction is looked at in the next.
            enclosed = inside[places - step] & inside[places + step]
            if step == 1:
                kept, places = [places[~enclosed]], places[enclosed]
            else:
                kept.append(places[~enclosed])
                places = places[enclosed]
        return np.concatenate(kept)

    def points(self, places: Integers) -> Integers:
        number, rest = np.divmod(places - self.first, self.slice)
        line, pixel = np.divmod(rest, self.line)
        return np.stack([number, line, pixel], axis=1)


def _farthest(
    points: Integers, surface: Integers, scale: tuple[float, float, float], least: float
) -> float:
    """Return the largest distance of a point from the surface, or `least` if it is larger."""
    tree = cKDTree(surface / scale, compact_nodes=False, balanced_tree=False)
    if len(points) <= CHUNK:
        return max(least, float(tree.query(points / scale)[0].max()))
    # No point of a block is farther away than any other of its points and the block's diagonal.
    blocks = points // BLOCK
    spans = blocks.max(axis=0) + 1
    codes = (blocks[:, 0] * spans[1] + blocks[:, 1]) * spans[2] + blocks[:, 2]
    # Which point stands for its block does not matter.
    sample_of = np.full(int(spans.prod()), -1)
    sample_of[codes] = np.arange(len(codes))
    samples = sample_of[sample_of >= 0]
    distances = tree.query(points[samples] / scale)[0]
    farthest = max(least, float(distances.max()))
    diagonal = float(np.linalg.norm((np.array(BLOCK) - 1) / scale))
    # Rounding must not rule out a point that decides.
    limit_of = np.empty(len(sample_of))
    limit_of[sample_of >= 0] = distances + diagonal * (1 + 1e-9) + 1e-12
    limits = limit_of[codes]
    left = np.flatnonzero(limits > farthest)
    left = left[np.argsort(-limits[left], kind="stable")]
    for begin in range(0, len(left), CHUNK):
        some = left[begin : begin + CHUNK]
        if limits[some[0]] <= farthest:
            break
        farthest = max(farthest, float(tree.query(points[some] / scale)[0].max()))
    return farthest
