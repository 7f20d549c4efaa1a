"""GPUs and language models of an attempt on a node."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence

import pytest

from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.cluster.node_gpus import node_gpus
from mlebench_data.harness.cluster.node_models import ModelOffer, served
from mlebench_data.harness.models.model_list import load_models
from mlebench_data.harness.models.proxy import ModelProxy
from mlebench_data.harness.runtimes.failures import LastingFailure
from mlebench_data.harness.runtimes.sandbox import Gpu, Limits

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'mlebench-data[ray]'")

GPUS = [Gpu(index, f"GPU-{name}", "model", 1) for index, name in enumerate("abcd")]


def visible() -> list[Gpu]:
    """Return what CUDA_VISIBLE_DEVICES names."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return [gpu for gpu in GPUS if listed is None or str(gpu.index) in listed.split(",")]


@pytest.mark.parametrize(
    ("count", "reserved", "had", "expected"),
    [
        (0, [], (), ""),
        (1, [2], (), "c"),
        (2, ["1", "3"], (), "bd"),
        (1, ["GPU-d"], (), "d"),
        (1, [2], ("GPU-a",), "a"),
        (2, [2, 3], ("GPU-b", "GPU-a"), "ab"),
    ],
)
def test_gpus_of_an_attempt(
    count: int,
    reserved: Sequence[int | str],
    had: tuple[str, ...],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
):
    # Ray sets the variable to what it has reserved for the task.
    listed = "3" if reserved == ["GPU-d"] else ",".join(map(str, reserved))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    monkeypatch.setattr(ray, "get_gpu_ids", lambda: list(reserved))
    monkeypatch.setattr("mlebench_data.harness.gpus.find_gpus", visible)
    found = node_gpus(Settings(Limits(time_seconds=1), gpus_per_run=count), had)
    assert "".join(gpu.uuid[-1] for gpu in found) == expected
    assert os.environ["CUDA_VISIBLE_DEVICES"] == listed


def test_gpus_that_ray_only_believes_in(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ray, "get_gpu_ids", lambda: [0])
    monkeypatch.setattr("mlebench_data.harness.gpus.find_gpus", list)
    with pytest.raises(LastingFailure, match="Ray was told of GPUs, but none"):
        node_gpus(Settings(Limits(time_seconds=1), gpus_per_run=1), ())


def test_only_the_keys_that_are_needed_go_to_nodes(tmp_path):
    environment = {"OPENAI_API_KEY": "of the provider", "AWS_SECRET_ACCESS_KEY": "other"}
    proxy = ModelProxy(
        load_models(None, environment), tmp_path, isolates=True, max_cost=2.0, environment={}
    )
    offer = ModelOffer.of(proxy, environment)
    assert offer.keys == {"OPENAI_API_KEY": "of the provider"}
    assert offer.max_cost == 2.0
    assert "of the provider" not in repr(offer)
    arrived = pickle.loads(pickle.dumps(offer))
    assert arrived == offer
    with served(None, tmp_path, isolates=True) as nothing:
        assert nothing is None
    assert list(tmp_path.iterdir()) == []
