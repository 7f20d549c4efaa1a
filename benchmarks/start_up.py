"""Measure what starting costs: importing the package, and the command line's help and list.

Prints the median of several runs of whole processes, in seconds, and the ratio to an empty Python
process of the same run, which is what compares between machines.

    python benchmarks/start_up.py [RUNS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

CASES = {
    "python -c pass": ["-c", "pass"],
    "import mlebench_data": ["-c", "import mlebench_data"],
    "mlebench --help": ["-m", "mlebench_data.harness.cli", "--help"],
    "mlebench list": ["-m", "mlebench_data.harness.cli", "list"],
    "mlebench check": ["-m", "mlebench_data.harness.cli", "check"],
}


def seconds(arguments: list[str]) -> float:
    """Return the wall-clock time of one process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    for arguments in CASES.values():
        seconds(arguments)  # fills the file cache and the byte-code cache
    # Interleaved, so that a slow moment of the machine hits all cases alike.
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(runs):
        for name, arguments in CASES.items():
            times[name].append(seconds(arguments))
    base = statistics.median(times["python -c pass"])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:<22} {median:6.3f} s   {median / base:5.1f} x python -c pass")


if __name__ == "__main__":
    main()
