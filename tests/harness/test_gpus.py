"""Finding GPUs, with programs and libraries that tell what a machine with GPUs would."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from mlebench_data.harness.gpus import GpuError, driver_version, find_gpus
from mlebench_data.harness.runtimes.sandbox import Gpu

GIGABYTE = 1024**3

TWO = """0, GPU-aaaa-1, NVIDIA A10, 23028
1, GPU-bbbb-2, "NVIDIA, with a comma", 81559
"""


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts an nvidia-smi on the path that prints a text."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def make(output: str, code: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        (tmp_path / "output").write_text(output)
        program.write_text(
            "#!/bin/sh\n"
            "case $1 in --query-gpu=driver_version) echo 555.42; exit;; esac\n"
            '[ "$1 $2" = "--query-gpu=index,uuid,name,memory.total '
            '--format=csv,noheader,nounits" ] || exit 99\n'
            f'while IFS= read -r line; do echo "$line"; done < {tmp_path / "output"}\n'
            f"exit {code}\n"
        )
        program.chmod(0o755)

    return make


def test_two_gpus(smi):
    smi(TWO)
    assert find_gpus() == [
        Gpu(0, "GPU-aaaa-1", "NVIDIA A10", 23028 * 1024**2),
        Gpu(1, "GPU-bbbb-2", "NVIDIA, with a comma", 81559 * 1024**2),
    ]
    assert driver_version() == "555.42"


@pytest.mark.parametrize(
    ("listed", "indices"),
    [
        ("1", [1]),
        ("1,0", [1, 0]),
        ("GPU-bb", [1]),
        (" 0 , 0", [0]),
        ("", []),
        ("-1", []),
        ("0,-1,1", [0]),
        ("NoDevFiles", []),
    ],
)
def test_only_what_the_variable_names(smi, monkeypatch: pytest.MonkeyPatch, listed, indices):
    smi(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert [gpu.index for gpu in find_gpus()] == indices


@pytest.mark.parametrize("listed", ["2", "GPU-", "MIG-GPU-aaaa-1/1/0", "x"])
def test_variable_that_names_what_is_not_there(smi, monkeypatch: pytest.MonkeyPatch, listed):
    smi(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    with pytest.raises(GpuError, match=f"names '{listed}'.*0 .GPU-aaaa-1.*unset it"):
        find_gpus()


def test_gpu_without_memory_of_its_own(smi):
    smi("0, GPU-c, NVIDIA GB10, [N/A]\n")
    assert find_gpus() == [Gpu(0, "GPU-c", "NVIDIA GB10", 0)]


@pytest.mark.parametrize(
    ("output", "code"), [("", 0), ("No devices were found\n", 6), ("No devices were found\n", 0)]
)
def test_driver_without_gpus(smi, output, code):
    if (output, code) == ("No devices were found\n", 0):
        smi(output)
        with pytest.raises(GpuError, match="describes a GPU as"):
            find_gpus()
        return
    smi(output, code)
    assert find_gpus() == []


def test_broken_driver(smi):
    smi("NVIDIA-SMI has failed because it couldn't communicate with the driver\n", 9)
    with pytest.raises(GpuError, match=r"exit code 9: NVIDIA-SMI has failed.*Mend the driver"):
        find_gpus()


def test_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert find_gpus() == []
    assert driver_version() is None


@pytest.mark.parametrize("kind", [str, str.encode])
def test_driver_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind):
    library = types.ModuleType("pynvml")
    library.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    library.NVMLError = type("NVMLError", (Exception,), {})
    library.NVMLError_LibraryNotFound = type("NotFound", (library.NVMLError,), {})
    library.nvmlInit = library.nvmlShutdown = lambda: None
    library.nvmlDeviceGetCount = lambda: 2
    library.nvmlDeviceGetHandleByIndex = lambda number: number
    library.nvmlDeviceGetUUID = lambda handle: kind(f"GPU-{handle}")
    library.nvmlDeviceGetName = lambda handle: kind("A10")
    library.nvmlDeviceGetMemoryInfo = lambda handle: types.SimpleNamespace(total=24 * GIGABYTE)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert find_gpus() == [Gpu(n, f"GPU-{n}", "A10", 24 * GIGABYTE) for n in (0, 1)]

    def fails() -> None:
        raise library.NVMLError_LibraryNotFound

    library.nvmlInit = fails
    assert find_gpus() == []

    def broken() -> None:
        raise library.NVMLError("versions differ")

    library.nvmlInit = broken
    with pytest.raises(GpuError, match="versions differ"):
        find_gpus()
