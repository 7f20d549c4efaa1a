"""Checks of what evaluations need from a machine, each with what to do about it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands.output import size
from mlebench_data.harness.doctor_libraries import extras, hugging_face, models
from mlebench_data.harness.finding import Finding, Level

#: Free space below which a folder is hardly of use.
_LITTLE_SPACE = 20 << 30
_PROBE_MEMORY = 64 << 20
_PROBE = (
    "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true"
)


def examine(data_dir: Path, key_file: Path | None = None) -> Iterator[Finding]:
    """Look at everything, one area after the other.

    Parameters
    ----------
    data_dir : pathlib.Path
        The data folder.
    key_file : pathlib.Path, optional
        The master key, if it is not in its usual place.

    Yields
    ------
    Finding
        One or more for each area. A check that fails is a finding too.
    """
    checks: Sequence[tuple[str, Callable[[], Iterator[Finding]]]] = (
        ("engine", engine),
        ("images", images),
        ("limits", limits),
        ("gpus", gpus),
        ("disk", partial(disk, data_dir)),
        ("data", partial(prepared_data, data_dir)),
        ("source", source),
        ("key", partial(key, key_file)),
        ("extras", extras),
        ("models", models),
        ("hugging face", hugging_face),
        ("clock", clock),
        ("leftovers", leftovers),
    )
    for area, check in checks:
        try:
            yield from check()
        except MlebenchError as error:
            yield Finding(area, "problem", str(error))
        except Exception as error:  # a broken check must not hide the others
            text = f"could not be examined: {type(error).__name__}: {error}"
            yield Finding(area, "problem", text, "Please report this with the message.")


def engine() -> Iterator[Finding]:
    """Look for the Docker engine, and whether it holds limits."""
    from mlebench_data.harness.runtimes.docker_engine import connection
    from mlebench_data.harness.runtimes.failures import RuntimeFailure

    try:
        with connection() as client:
            info = client.info()
            version = client.version().get("Version")
    except RuntimeFailure as failure:
        yield Finding(
            "engine",
            "note",
            f"no container engine answers: {failure}",
            "Without one, only `--runtime local` is left, which isolates nothing.",
        )
        return
    yield Finding(
        "engine",
        "ok",
        f"Docker {version} on {info.get('OperatingSystem')}, cgroup v{info.get('CgroupVersion')}, "
        f"{info.get('Driver')}, {info.get('NCPU')} CPUs, {size(info.get('MemTotal') or 0)}",
    )
    missing = [
        name
        for name, word in (
            ("MemoryLimit", "memory"),
            ("SwapLimit", "swap"),
            ("PidsLimit", "processes"),
            ("CpuCfsQuota", "CPU"),
        )
        if info.get(name) is False
    ]
    if missing:
        yield Finding(
            "engine",
            "problem",
            f"the engine cannot limit: {', '.join(missing)}",
            "Turn the cgroup controllers on (for swap: kernel parameter swapaccount=1).",
        )
    for warning in info.get("Warnings") or []:
        yield Finding("engine", "note", str(warning))
    root = Path(str(info.get("DockerRootDir", "/nonexistent")))
    if root.is_dir():
        yield _space("engine", root)


def images() -> Iterator[Finding]:
    """Look for the images of the package."""
    from mlebench_data.harness.images.images import image_names, image_reference
    from mlebench_data.harness.runtimes.docker_engine import connection
    from mlebench_data.harness.runtimes.failures import RuntimeFailure

    try:
        with connection() as client:
            present = {tag for image in client.images.list() for tag in image.tags}
    except RuntimeFailure:
        # Told where the engine is looked for.
        return
    for name in image_names():
        reference = image_reference(name)
        if reference in present:
            yield Finding("images", "ok", f"{name}: {reference}")
        else:
            level: Level = "problem" if name == "base" else "note"
            yield Finding(
                "images", level, f"{name}: not built", f"Run `mlebench images build {name}`."
            )


def limits() -> Iterator[Finding]:
    """Start a container with a memory limit and see whether it holds."""
    import docker.errors

    from mlebench_data.harness.images.images import image_reference
    from mlebench_data.harness.runtimes.docker_engine import connection
    from mlebench_data.harness.runtimes.failures import RuntimeFailure

    try:
        with connection() as client:
            told = client.containers.run(
                image_reference("base"),
                ["/bin/sh", "-c", _PROBE],
                remove=True,
                network_mode="none",
                mem_limit=_PROBE_MEMORY,
            )
    except (RuntimeFailure, docker.errors.ImageNotFound):
        # Told where engine and images are looked for.
        return
    except (docker.errors.ContainerError, docker.errors.APIError) as error:
        yield Finding(
            "limits", "problem", f"no container can be started: {error}", "See the engine's log."
        )
        return
    if str(_PROBE_MEMORY).encode() in told.split():
        yield Finding("limits", "ok", "a container's memory limit is in force")
    else:
        yield Finding(
            "limits",
            "problem",
            "a container does not see its memory limit",
            "Turn the memory controller of the cgroups on and restart the engine.",
        )


def gpus() -> Iterator[Finding]:
    """Look for GPUs, and whether containers can have them."""
    from mlebench_data.harness.gpus import container_gpu_problem, find_gpus
    from mlebench_data.harness.runtimes.failures import RuntimeFailure

    found = find_gpus()
    if not found:
        yield Finding("gpus", "ok", "none found (nvidia-smi), so --gpus-per-run must stay 0")
        return
    for gpu in found:
        yield Finding("gpus", "ok", f"{gpu.index}: {gpu.name}, {size(gpu.memory_bytes)}")
    try:
        problem = container_gpu_problem()
    except RuntimeFailure:
        return
    if problem is not None:
        yield Finding(
            "gpus",
            "problem",
            problem,
            "Install the NVIDIA container toolkit and restart the engine; `--runtime local` "
            "does without.",
        )


def disk(data_dir: Path) -> Iterator[Finding]:
    """Look at the space where data and caches lie."""
    from mlebench_data.hub.cache import default_cache_folder

    yield _space("disk", data_dir)
    cache = default_cache_folder()
    if _device(cache) != _device(data_dir):
        yield _space("disk", cache)


def prepared_data(data_dir: Path) -> Iterator[Finding]:
    """Look at what is prepared, without reading it."""
    from mlebench_data.catalogue import load_catalogue
    from mlebench_data.prepare.layout import version_folder
    from mlebench_data.prepare.manifest import FILE_NAME

    catalogue = load_catalogue()
    ready = [
        competition.id
        for competition in catalogue
        if (version_folder(data_dir, competition.id, competition.versions[0]) / FILE_NAME).is_file()
    ]
    text = f"{len(ready)} of {len(catalogue)} competitions are prepared in {data_dir}"
    yield Finding(
        "data",
        "ok" if ready else "note",
        text,
        "" if ready else "Begin with `mlebench prepare --split open`, which needs no download.",
    )


def source() -> Iterator[Finding]:
    """Say where data would be loaded from by name."""
    from mlebench_data.hub.sources import default_source

    where, why = default_source()
    yield Finding("source", "ok", f"{where} ({why})")


def key(key_file: Path | None) -> Iterator[Finding]:
    """Look for the key that opens sealed answers."""
    from mlebench_data.errors import KeyFileError
    from mlebench_data.hub.keys import default_key_path, find_key

    try:
        found = find_key(key_file)
    except KeyFileError as error:
        there = key_file is not None or default_key_path().exists()
        yield Finding("key", "problem" if there else "note", str(error))
        return
    yield Finding("key", "ok", f"fingerprint {found.key_id}")


def clock() -> Iterator[Finding]:
    """Look whether the clock can be right."""
    newest = Path(__file__).stat().st_mtime
    now = time.time()
    if now < newest - 86400:
        yield Finding(
            "clock",
            "problem",
            f"the clock ({time.strftime('%Y-%m-%d', time.gmtime(now))}) stands before this "
            "package was installed",
            "Set the clock: certificates and time limits depend on it.",
        )
    else:
        yield Finding("clock", "ok", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)))


def leftovers() -> Iterator[Finding]:
    """Look for containers of harnesses that are gone."""
    from mlebench_data.harness.runtimes.docker import orphans
    from mlebench_data.harness.runtimes.failures import RuntimeFailure

    try:
        found = orphans()
    except RuntimeFailure:
        return
    for text in found:
        yield Finding(
            "leftovers",
            "note",
            text,
            "Repeat its `mlebench run` command to take it over, or remove it with "
            "`mlebench doctor --clean`.",
        )
    if not found:
        yield Finding("leftovers", "ok", "none")


def _space(area: str, folder: Path) -> Finding:
    there = _existing(folder)
    usage = shutil.disk_usage(there)
    text = f"{folder}: {size(usage.free)} free of {size(usage.total)}"
    if not os.access(there, os.W_OK):
        return Finding(area, "problem", f"{folder} cannot be written", "Choose another folder.")
    if usage.free < _LITTLE_SPACE:
        return Finding(area, "note", text, "All competitions together need some 3.3 TB.")
    return Finding(area, "ok", text)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _device(folder: Path) -> int:
    return _existing(folder).stat().st_dev
