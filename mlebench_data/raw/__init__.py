"""Raw data: the files of a competition as downloaded, archives within."""

from mlebench_data.raw.location import RawArchive
from mlebench_data.raw.tree import RawTree

__all__ = ["RawArchive", "RawTree"]
