"""What there is to do so that a place holds given contents and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mlebench_data.hub.publish.contents import Contents, Item


@dataclass(frozen=True)
class Plan:
    """What there is to do at one place.

    Attributes
    ----------
    new, changed, same : tuple of Item
        Files that are not there, have other bytes there, and need not be sent.
    gone : tuple of str
        Paths there that shall not be there any more.
    tag : bool
        Whether the tag is still to be set.
    """

    new: tuple[Item, ...] = ()
    changed: tuple[Item, ...] = ()
    same: tuple[Item, ...] = ()
    gone: tuple[str, ...] = ()
    tag: bool = False

    @property
    def sent(self) -> tuple[Item, ...]:
        """What is to be sent."""
        return (*self.new, *self.changed)

    @property
    def size(self) -> int:
        """Bytes to be sent."""
        return sum(item.size for item in self.sent)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        return not self.sent and not self.gone and not self.tag


def compare(contents: Contents, there: Iterable[str], is_same: Callable[[Item], bool]) -> Plan:
    """Compare contents with what is at a place.

    Parameters
    ----------
    contents : Contents
        What shall be there.
    there : iterable of str
        Paths that are there.
    is_same : callable
        Tells whether the place has the very bytes of an item whose path is there.
    """
    paths = set(there)
    new: list[Item] = []
    changed: list[Item] = []
    same: list[Item] = []
    for item in contents.items:
        if item.path not in paths:
            new.append(item)
        else:
            (same if is_same(item) else changed).append(item)
    gone = sorted(paths - {item.path for item in contents.items})
    return Plan(tuple(new), tuple(changed), tuple(same), tuple(gone))
