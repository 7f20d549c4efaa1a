"""Errors of packing and restoring."""

from __future__ import annotations

from mlebench_data.errors import MlebenchError


class PackError(MlebenchError):
    """Prepared data cannot be packed into a dataset repository as it stands."""


class RestoreError(MlebenchError):
    """The public files cannot be restored to the place that was named."""
