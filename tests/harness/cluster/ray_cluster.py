"""Ray clusters on this machine: every node is a few processes of it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

#: Logical, so that more attempts run at a time than there are processors.
NODE_CPUS = 2


@dataclass(frozen=True)
class TestCluster:
    """A cluster, and where its nodes keep things."""

    __test__ = False

    ray: Any
    temporary: Path
    cache: Path

    @property
    def address(self) -> str:
        return str(self.ray.address)

    @property
    def scratch(self) -> list[Path]:
        """What nodes keep of attempts."""
        return sorted(self.temporary.glob("mlebench-cluster-*/*"))


@contextlib.contextmanager
def started_cluster(nodes: int) -> Iterator[TestCluster]:
    """Start a head that takes no work, and nodes that do."""
    from ray.cluster_utils import Cluster

    # Not below pytest's folders: paths of sockets must be short.
    temporary = Path(tempfile.mkdtemp(prefix="nodes-"))
    cache = temporary / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # What the tests' machine does besides must not end their tasks.
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        patch.setenv("TMPDIR", str(temporary))
        patch.setenv("MLEBENCH_CACHE", str(cache))
        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
        )
        try:
            for _ in range(nodes):
                cluster.add_node(num_cpus=NODE_CPUS)
            patch.undo()
            yield TestCluster(cluster, temporary, cache)
        finally:
            cluster.shutdown()
            shutil.rmtree(temporary, ignore_errors=True)
