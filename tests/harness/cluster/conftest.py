"""A cluster of two nodes for all tests that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ray_cluster import TestCluster, started_cluster


@pytest.fixture(scope="package")
def cluster() -> Iterator[TestCluster]:
    """Two nodes."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'mlebench-data[ray]'")
    with started_cluster(2) as found:
        yield found
