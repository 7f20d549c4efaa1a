"""Where archives lie among the raw files: the part of `competition.yaml` that says so."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from mlebench_data.paths import RelativePath


class RawArchive(BaseModel):
    """An archive among the raw files, and the folder its members appear in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: RelativePath
    extract_to: RelativePath = "."
    url: str | None = None
    """Where the archive is found, if it does not belong to the competition's own data."""
