"""Preparation: from the raw files of a competition to its public and private trees."""

from mlebench_data.prepare.build import PrepareResult, prepare
from mlebench_data.prepare.layout import default_data_dir, raw_folder, version_folder
from mlebench_data.prepare.manifest import Manifest

__all__ = [
    "Manifest",
    "PrepareResult",
    "default_data_dir",
    "prepare",
    "raw_folder",
    "version_folder",
]
