"""What machine a run was made on."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any


def describe_hardware() -> dict[str, Any]:
    """Return processor, memory and system of this machine.

    Returns
    -------
    dict
        `cpu_model` (str), `cpu_count` (int, logical), `memory_bytes` (int), `machine` and
        `system` (str); fit for JSON.
    """
    import psutil

    return {
        "cpu_model": _cpu_model(),
        "cpu_count": psutil.cpu_count(logical=True),
        "memory_bytes": psutil.virtual_memory().total,
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _cpu_model() -> str:
    # platform.processor() is empty on most Linux systems, where the kernel tells it here.
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip().lower() in ("model name", "cpu model", "hardware"):
                return value.strip()
    return platform.processor() or platform.machine()
