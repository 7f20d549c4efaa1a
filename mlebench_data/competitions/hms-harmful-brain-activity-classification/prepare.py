"""The shares of the votes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlebench_data.recipe import Context

VOTES = ["seizure_vote", "lpd_vote", "gpd_vote", "lrda_vote", "grda_vote", "other_vote"]


def add_shares(context: Context) -> None:
    """Make the table of the shares of the experts who voted for each pattern."""
    table = context.table("test")[["eeg_id", *VOTES]].copy()
    table[VOTES] = table[VOTES].div(table[VOTES].sum(axis=1), axis=0)
    context.values["shares"] = table
