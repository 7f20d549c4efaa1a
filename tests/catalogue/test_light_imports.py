"""What starts often starts fast: no heavy library before it is needed, nothing read at import."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"datasets", "docker", "evaluate", "numpy", "pandas", "pyarrow", "scipy", "sklearn"}


def _imported_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after running some code."""
    program = f"{code}\nimport sys\nprint('MODULES', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("MODULES "))
    return {name.partition(".")[0] for name in line.split()[1:]}


def test_importing_the_package_imports_nothing_else() -> None:
    assert _imported_by("import mlebench_data") & {*HEAVY, "pydantic", "yaml", "rich"} == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--json"],
        ["list", "--split", "open"],
        ["--help"],
        ["metrics", "list"],
        ["metrics", "info", "rmse"],
    ],
)
def test_verb_needs_no_heavy_library(arguments: list[str]) -> None:
    code = (
        "from mlebench_data.harness.cli import main\n"
        f"try:\n    assert main({arguments!r}) == 0\n"
        "except SystemExit as end:\n    assert end.code == 0"
    )
    assert _imported_by(code) & HEAVY == set()


def test_reading_the_catalogue_needs_no_heavy_library() -> None:
    code = "from mlebench_data.catalogue import load_catalogue\nassert load_catalogue()"
    assert _imported_by(code) & HEAVY == set()


def test_public_names_are_there() -> None:
    import mlebench_data

    assert sorted(dir(mlebench_data)) == sorted(mlebench_data.__all__)
    for name in mlebench_data.__all__:
        assert getattr(mlebench_data, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'unheard_of'"):
        _ = mlebench_data.unheard_of
