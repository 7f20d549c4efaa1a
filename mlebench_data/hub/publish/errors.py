"""The error of publishing."""

from __future__ import annotations

from mlebench_data.errors import MlebenchError


class PublishError(MlebenchError):
    """Something may not, or could not, be published."""
