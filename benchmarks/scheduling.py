"""Measure what the harness adds to an agent's own time: attempts that copy the sample submission.

    python benchmarks/scheduling.py FOLDER [--attempts 200 2000] [--docker 0]

For each number of attempts, one at a time in the local runtime: seconds per attempt, scoring
included, beside the time of the same command started directly; then the same for Docker, beside
`docker run --rm` of the same command, if a number of attempts is given for it. FOLDER holds data
and runs; it is made, and what an earlier measurement left in it is removed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMPETITION = "wine-recognition"
COMMAND = 'cp "$DATA_DIR/sample_submission.csv" "$SUBMISSION_DIR/submission.csv"'
AGENT = f"""
name: copy
description: Copies the sample submission.
command: ["/bin/sh", "-c", '{COMMAND}']
"""


def mlebench(*arguments: object) -> float:
    """Run the command line; return its wall-clock time in seconds."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "mlebench_data.harness.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - started


def directly(folder: Path, prefix: list[str], runs: int) -> float:
    """Return the median time of the agent's command without a harness."""
    times = []
    data = folder / "data" / COMPETITION / "v1" / "public"
    target = folder / "direct"
    target.mkdir(exist_ok=True)
    target.chmod(0o777)  # containers run as another user
    for _ in range(runs):
        (target / "submission.csv").unlink(missing_ok=True)
        started = time.perf_counter()
        subprocess.run(
            [*prefix, "/bin/sh", "-c", COMMAND],
            check=True,
            env={"DATA_DIR": str(data), "SUBMISSION_DIR": str(target), "PATH": "/usr/bin:/bin"}
            if not prefix
            else None,
        )
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def measure(folder: Path, runtime: str, attempts: int, base: float) -> None:
    """Print one line for a number of attempts."""
    out = folder / f"{runtime}-{attempts}"
    common = [
        "run", "--agent", folder / "agent", "--competition", COMPETITION, "--runtime", runtime,
        "--data-dir", folder / "data", "--out", out, "--time-limit", "60s",
    ]  # fmt: skip
    # The first attempt pays for starting, reading and checking all that is the same for all.
    start = mlebench(*common, "--seeds", 1)
    total = mlebench(*common, "--seeds", 1 + attempts)
    each = (total - start) / attempts
    print(
        f"{runtime:<7} {attempts:5d} attempts   {each * 1e3:8.1f} ms each   "
        f"command alone {base * 1e3:7.1f} ms   harness {(each - base) * 1e3:8.1f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--attempts", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--docker", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    for name in ("agent", "direct", *(path.name for path in folder.glob("*-[0-9]*"))):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "agent").mkdir(parents=True)
    (folder / "agent" / "agent.yaml").write_text(AGENT, encoding="utf-8")
    mlebench("prepare", COMPETITION, "--data-dir", folder / "data")
    base = directly(folder, [], 50)
    for attempts in arguments.attempts:
        measure(folder, "local", attempts, base)
    if arguments.docker:
        from mlebench_data.harness.images.images import image_reference

        data = folder / "data" / COMPETITION / "v1" / "public"
        prefix = [
            "docker", "run", "--rm", "--network", "none",
            "-v", f"{data}:/home/data:ro", "-v", f"{folder / 'direct'}:/home/submission",
            "-e", "DATA_DIR=/home/data", "-e", "SUBMISSION_DIR=/home/submission",
            image_reference("base"),
        ]  # fmt: skip
        measure(folder, "docker", arguments.docker, directly(folder, prefix, 10))


if __name__ == "__main__":
    main()
