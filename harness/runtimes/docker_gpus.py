"""GPUs for containers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from mlebench_data.harness.runtimes.sandbox import Gpu

#: A runtime that is the engine's default for all containers shows GPUs as this variable of the
#: image says, unless the container's own says otherwise.
_VISIBLE = "NVIDIA_VISIBLE_DEVICES"


def gpu_variables(gpus: Sequence[Gpu]) -> dict[str, str]:
    """Return the variables that show a container these GPUs and no others."""
    return {_VISIBLE: ",".join(gpu.uuid for gpu in gpus) or "void"}


def gpu_requests(gpus: Sequence[Gpu], *, by_interface: bool) -> list[dict[str, Any]]:
    """Return the device requests of a container that gets these GPUs, by their identifiers.

    Parameters
    ----------
    gpus : sequence of Gpu
        May be empty; then there is nothing to request.
    by_interface : bool
        Whether the engine knows GPUs by the Container Device Interface only, as Podman does.
    """
    if not gpus:
        return []
    if by_interface:
        return [{"driver": "cdi", "device_ids": [f"nvidia.com/gpu={gpu.uuid}" for gpu in gpus]}]
    return [{"device_ids": [gpu.uuid for gpu in gpus], "capabilities": [["gpu"]]}]


def gives_gpus(info: Mapping[str, Any]) -> bool:
    """Tell whether an engine can give GPUs to containers.

    Parameters
    ----------
    info : mapping
        What the engine says of itself.
    """
    if any("nvidia" in name for name in info.get("Runtimes") or {}):
        return True
    # Newer engines list the devices that the Container Device Interface names.
    devices = info.get("DiscoveredDevices") or []
    if any(str(device.get("ID", "")).startswith("nvidia.com/gpu") for device in devices):
        return True
    # An engine of this machine takes the toolkit's hook from the path, and does not say so.
    return any(map(shutil.which, ("nvidia-container-runtime-hook", "nvidia-container-cli")))
