"""Write files so that nobody ever finds half of one."""

from __future__ import annotations

from pathlib import Path


def write_bytes(content: bytes, target: Path) -> None:
    """Write a file at once, so that whoever stops the agent finds the old or the new one."""
    partial = target.with_name(f".{target.name}.partial")
    partial.write_bytes(content)
    partial.replace(target)
