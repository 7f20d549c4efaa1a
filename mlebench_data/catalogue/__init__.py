"""The catalogue: read, validate and list competitions and splits."""

from mlebench_data.catalogue.catalogue import (
    Competition,
    competition_ids,
    load_catalogue,
    load_competition,
)
from mlebench_data.catalogue.splits import load_split, split_names

__all__ = [
    "Competition",
    "competition_ids",
    "load_catalogue",
    "load_competition",
    "load_split",
    "split_names",
]
