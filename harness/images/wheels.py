"""Python packages for images that are built without a network: downloaded on the host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.harness.runtimes.docker_engine import engine_errors
from mlebench_data.harness.runtimes.failures import RuntimeFailure

if TYPE_CHECKING:
    from docker import DockerClient

#: What the newest wheels are made for, and what most are. An image with an older C library than
#: these would need others.
_PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")


def image_python(client: DockerClient, image: str) -> tuple[str, str]:
    """Return the version of an image's Python, such as "3.11", and the machine it is made for."""
    code = "import platform, sys; print('%d.%d' % sys.version_info[:2], platform.machine())"
    with engine_errors(f"run Python in {image}"):
        output = client.containers.run(
            image, ["python3", "-c", code], entrypoint=[], network_disabled=True, remove=True
        )
    version, machine = output.decode().split()
    return version, machine


def download_wheels(
    folder: Path,
    *,
    python: tuple[str, str],
    requirements: Path,
    without_dependencies: Sequence[str],
) -> None:
    """Download packages for another Python than this one.

    Parameters
    ----------
    folder : pathlib.Path
        Where they go. What is there already is taken first.
    python : tuple of str
        Version and machine, as of `image_python`.
    requirements : pathlib.Path
        A file of requirements.
    without_dependencies : sequence of str
        Requirements whose own dependencies are left out.

    Raises
    ------
    RuntimeFailure
        If pip fails; the message holds its last lines.
    """
    version, machine = python
    common = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"]
    common += ["--only-binary=:all:", "--dest", str(folder), "--find-links", str(folder)]
    common += ["--python-version", version]
    for platform in _PLATFORMS:
        common += ["--platform", f"{platform}_{machine}"]
    for wanted in (["--requirement", str(requirements)], ["--no-deps", *without_dependencies]):
        done = subprocess.run([*common, *wanted], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise RuntimeFailure(
                f"The packages of the image could not be downloaded:\n{last}\nIs a package index "
                "reachable, and is pip installed beside this package? A folder that was filled "
                "elsewhere can be named with --wheels."
            )
