"""The graphics processors of this machine."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.runtimes.sandbox import Gpu

_QUERY = ("index", "uuid", "name", "memory.total")
_SECONDS = 60
_MEBIBYTE = 1024**2
#: Restricts a program, and so this harness, to some of the machine's GPUs; Slurm sets it for a job.
_VARIABLE = "CUDA_VISIBLE_DEVICES"


class GpuError(MlebenchError):
    """What is there to tell about GPUs cannot."""


def find_gpus() -> list[Gpu]:
    """Return the GPUs that this process may use.

    `nvidia-smi` tells them, or else the driver's library, by the package `nvidia-ml-py` if it is
    installed. Where `CUDA_VISIBLE_DEVICES` is set, as by a cluster for its job, only those that it
    names are returned.

    Returns
    -------
    list of Gpu
        By index; empty where there is no driver.

    Raises
    ------
    GpuError
        If a driver is there and fails, or `CUDA_VISIBLE_DEVICES` names what is not there.
    """
    program = shutil.which("nvidia-smi")
    if program is not None:
        found = _from_program(program)
    elif importlib.util.find_spec("pynvml") is not None:
        found = _from_library()
    else:
        found = []
    return _visible(sorted(found, key=lambda gpu: gpu.index), os.environ.get(_VARIABLE))


def driver_version() -> str | None:
    """Return the version of the GPUs' driver, None where there is none that answers."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        lines = _ask(program, ("driver_version",))
    except GpuError:
        return None
    return lines[0][0] if lines else None


def container_gpu_problem() -> str | None:
    """Return why the Docker engine cannot give this machine's GPUs to containers, None if it can.

    Raises
    ------
    RuntimeFailure
        If no engine answers.
    """
    from mlebench_data.harness.runtimes.docker import DockerRuntime
    from mlebench_data.harness.runtimes.failures import LastingFailure

    runtime = DockerRuntime()
    try:
        runtime.check_gpus()
    except LastingFailure as failure:
        return str(failure).partition(". ")[0]
    return None


def _ask(program: str, names: Sequence[str]) -> list[list[str]]:
    """Return one list of values for each GPU."""
    try:
        done = subprocess.run(
            [program, f"--query-gpu={','.join(names)}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GpuError(f"{program} cannot be asked for GPUs: {error}.") from error
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).split())
        # Where the driver is fine and there is nothing to drive.
        if "no devices were found" in said.lower():
            return []
        raise GpuError(
            f"{program} fails with exit code {done.returncode}: {said or 'it says nothing'}. "
            "Mend the driver's installation (after an update, the machine must often be restarted)."
        )
    lines = list(csv.reader(done.stdout.splitlines(), skipinitialspace=True))
    return [[value.strip() for value in line] for line in lines if line]


def _from_program(program: str) -> list[Gpu]:
    found = []
    for line in _ask(program, _QUERY):
        try:
            index, uuid, name, memory = line
            # Some GPUs share the machine's memory and have none of their own to tell.
            size = float(memory) * _MEBIBYTE if memory[:1].isdigit() else 0
            found.append(Gpu(int(index), uuid, name, int(size)))
        except ValueError as error:
            raise GpuError(
                f"{program} describes a GPU as {line}, not as {', '.join(_QUERY)}."
            ) from error
    return found


def _from_library() -> list[Gpu]:
    # By name, for its package is not needed where there is the program.
    pynvml = importlib.import_module("pynvml")

    def text(value: str | bytes) -> str:
        return value.decode() if isinstance(value, bytes) else value

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        return []
    except pynvml.NVMLError as error:
        raise GpuError(f"The GPUs' driver cannot be asked: {error}.") from error
    try:
        handles = [
            pynvml.nvmlDeviceGetHandleByIndex(number)
            for number in range(pynvml.nvmlDeviceGetCount())
        ]
        return [
            Gpu(
                number,
                text(pynvml.nvmlDeviceGetUUID(handle)),
                text(pynvml.nvmlDeviceGetName(handle)),
                int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
            )
            for number, handle in enumerate(handles)
        ]
    except pynvml.NVMLError as error:
        raise GpuError(f"The GPUs' driver cannot be asked: {error}.") from error
    finally:
        pynvml.nvmlShutdown()


def _visible(found: list[Gpu], listed: str | None) -> list[Gpu]:
    """Return those that a list of indices or (beginnings of) identifiers names."""
    if listed is None:
        return found
    chosen: list[Gpu] = []
    for name in filter(None, map(str.strip, listed.split(","))):
        # The programs that read the variable stop there too.
        if name == "-1" or name.lower() in ("none", "void", "nodevfiles"):
            break
        matching = [
            gpu for gpu in found if (name.isdigit() and gpu.index == int(name))
            or (not name.isdigit() and gpu.uuid.startswith(name))
        ]  # fmt: skip
        if len(matching) != 1:
            there = ", ".join(f"{gpu.index} ({gpu.uuid})" for gpu in found) or "none"
            raise GpuError(
                f"{_VARIABLE} names {name!r}, which is no GPU of this machine (it has {there}). "
                "Name whole GPUs, by index or identifier, or unset it."
            )
        if matching[0] not in chosen:
            chosen.append(matching[0])
    return chosen
