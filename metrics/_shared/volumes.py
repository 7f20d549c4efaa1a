"""Volumes: the masks of several slices as sets of voxels, and the distance between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Shape = tuple[int, int, int]

# Points are looked up in the tree so many at a time.
CHUNK = 512
# Voxels of a block of this size are ruled out together; then those of smaller ones.
BLOCK = (4, 8, 8)
SMALLER_BLOCKS = ((2, 4, 4), (1, 2, 2), (1, 1, 1))  # each divides the one before
# So far along each axis, neighbours are looked for one by one before blocks are compared,
REACH = BLOCK
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
        scale,
    )
    places = [grid.places(volume) for volume in (first, second)]
    inside = [grid.mark(place) for place in places]
    farthest = 0.0
    steps, lengths = grid.steps()
    for own, other in ((0, 1), (1, 0)):
        outside = places[own][~inside[other][places[own]]]
        if len(outside) <= FEW:
            outside, reached = _look_around(outside, inside[other], steps, lengths)
            farthest = max(farthest, reached)
        if len(outside):
            farthest = _search(grid, grid.mark(outside), inside[other], farthest)
    return farthest


def _look_around(
    outside: Integers, inside: Flags, steps: Integers, lengths: Floats
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
    """Numbers for voxels such that what is near a voxel at the edge is no other voxel.

    The numbers count through a box of whole blocks, with a layer of empty blocks before the first
    slice, line and pixel. What lies behind the last pixel of a line lies before the next line.
    """

    def __init__(
        self, slices: int, lines: int, pixels: int, scale: tuple[float, float, float]
    ) -> None:
        # One more layer behind the last slice, and another for what lies behind its last line.
        layers = (3, 1, 1)
        self.blocks = tuple(
            layer - (-length // size)
            for layer, length, size in zip(layers, (slices, lines, pixels), BLOCK, strict=True)
        )
        _, tall, wide = (number * size for number, size in zip(self.blocks, BLOCK, strict=True))
        self.line, self.slice = wide, wide * tall
        self.first = int(self.number(np.array(BLOCK)))
        self.size = int(np.prod(self.blocks)) * int(np.prod(BLOCK))
        self.scale = np.array(scale, dtype=np.float64)
        # Of the voxels of a block, from its first; those of each smaller block stand together.
        offsets = _lattice([range(size) for size in BLOCK])
        keys = [offsets // block @ np.array([64, 8, 1]) for block in SMALLER_BLOCKS]
        self.offsets = self.number(offsets[np.lexsort(keys[::-1])])

    def number(self, positions: Integers) -> Integers:
        """Return the numbers of positions, counted from the first voxel of the empty layers."""
        return np.asarray(positions @ np.array([self.slice, self.line, 1]), dtype=np.int64)

    def steps(self) -> tuple[Integers, Floats]:
        """Return the way to each neighbour within reach, the nearest first, and its length."""
        offsets = _lattice([range(-reach, reach + 1) for reach in REACH])
        lengths = np.linalg.norm(offsets / self.scale, axis=1)
        # Beyond, there are neighbours as near that are out of reach.
        near = lengths < ((np.array(REACH) + 1) / self.scale).min()
        order = np.flatnonzero(near)[np.argsort(lengths[near], kind="stable")]
        return self.number(offsets[order]), lengths[order]

    def places(self, volume: Volume) -> Integers:
        """Return the numbers of the voxels in a volume."""
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

    def mark(self, places: Integers) -> Flags:
        """Return for each voxel whether it is among those."""
        inside = np.zeros(self.size, dtype=np.bool_)
        inside[places] = True
        return inside

    def occupied(self, inside: Flags) -> Flags:
        """Return for each block whether it holds a voxel."""
        depth, tall, wide = self.blocks
        # A block is eight pixels wide, which makes one number of eight bytes.
        rows = inside.view(np.uint64).reshape(depth * BLOCK[0] * tall, BLOCK[1], wide)
        lines = np.bitwise_or.reduce(rows, axis=1).reshape(depth, BLOCK[0], tall, wide)
        return np.asarray(np.bitwise_or.reduce(lines, axis=1) != 0)

    def voxels(self, blocks: Flags, inside: Flags) -> Integers:
        """Return the numbers of the voxels in some blocks."""
        first = self.number(np.argwhere(blocks) * BLOCK)
        voxels = (first[:, None] + self.offsets).ravel()
        return np.asarray(voxels[inside[voxels]])

    def surface(self, places: Integers, inside: Flags) -> Integers:
        """Return those voxels that have a neighbour outside."""
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
        """Return slice, line and pixel of each voxel."""
        number, rest = np.divmod(places, self.slice)
        line, pixel = np.divmod(rest, self.line)
        return np.stack([number, line, pixel], axis=1)

    def groups(self, points: Integers, block: tuple[int, int, int]) -> Integers:
        """Return where, among points in the order of `voxels`, each block of a size begins."""
        z, y, x = (points[:, axis] // size for axis, size in enumerate(block))
        # Axis by axis, as numpy is slow along rows of three.
        changes = (z[1:] != z[:-1]) | (y[1:] != y[:-1]) | (x[1:] != x[:-1])
        return np.asarray(np.r_[0, np.flatnonzero(changes) + 1], dtype=np.int64)

    def diagonal(self, block: tuple[int, int, int]) -> float:
        """Return a distance that no two voxels of a block exceed, in spite of rounding."""
        return float(np.linalg.norm((np.array(block) - 1) / self.scale)) * (1 + 1e-9) + 1e-12


def _lattice(axes: list[range]) -> Integers:
    """Return all positions with these coordinates, the last axis the fastest."""
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def _search(grid: _Grid, outside: Flags, inside: Flags, least: float) -> float:
    """Return the largest distance of a voxel outside from those inside, or `least` if larger."""
    # Voxels are as far apart as their blocks, give or take a diagonal.
    diagonal = grid.diagonal(BLOCK)
    spacing = np.array(BLOCK) / grid.scale
    with_outside, with_inside = grid.occupied(outside), grid.occupied(inside)
    apart = distance_transform_edt(~with_inside, sampling=spacing)
    farthest = float(apart[with_outside].max())
    limits = apart + diagonal
    decide = with_outside & (limits > max(least, farthest - diagonal))
    if not decide.any():
        return least
    near = distance_transform_edt(~decide, sampling=spacing) <= farthest + 2 * diagonal
    # What is nearest to a point outside lies on the surface: a step towards the point along any
    # axis would else lead to a nearer voxel of the set.
    surface = grid.surface(grid.voxels(with_inside & near, inside), inside)
    tree = cKDTree(grid.points(surface) / grid.scale, compact_nodes=False, balanced_tree=False)
    points = grid.points(grid.voxels(decide, outside))
    limit = limits[tuple((points // BLOCK).T)]
    for block in (BLOCK, *SMALLER_BLOCKS):
        points, limit, least = _refine(grid, tree, points, limit, block, least)
        if not len(points):
            break
    return least


def _refine(
    grid: _Grid,
    tree: Any,
    points: Integers,
    limits: Floats,
    block: tuple[int, int, int],
    least: float,
) -> tuple[Integers, Floats, float]:
    """Look up one point of each block, and keep the blocks that may hold one farther away.

    Parameters
    ----------
    points : ndarray of int64, shape (n, 3)
        The points.
    limits : ndarray of float64, shape (n,)
        What their distances do not exceed, the same for all points of a block.
    block : tuple of int
        Size of a block.
    least : float
        The largest distance so far.

    Returns
    -------
    points, limits, least
        The same, of what is left.
    """
    # Any point may stand for its block.
    samples = grid.groups(points, block)
    sizes = np.diff(samples, append=len(points))
    # No point of a block is farther away than any other of its points and the block's diagonal.
    found = np.zeros(len(samples))
    order = np.argsort(-limits[samples], kind="stable")
    for begin in range(0, len(order), CHUNK):
        some = order[begin : begin + CHUNK]
        if limits[samples[some[0]]] <= least:
            break
        distances = tree.query(points[samples[some]] / grid.scale)[0]
        least = max(least, float(distances.max()))
        found[some] = distances + grid.diagonal(block)
    limits = np.minimum(limits, np.repeat(found, sizes))
    left = limits > least
    return points[left], limits[left], least
