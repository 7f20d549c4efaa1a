"""Named sets of resources, so that runs can be compared: see the YAML files of this folder."""

from __future__ import annotations

from mlebench_data.harness.profiles.profile import (
    Profile,
    deviations,
    load_profile,
    profile_names,
)

__all__ = ["Profile", "deviations", "load_profile", "profile_names"]
