"""Measure packing and restoring against tar and cp, on images of full size made here.

    python benchmarks/hub.py FOLDER [CASE...]

Makes 50,000 images of 30 to 90 kB (3 GB: one pixel, and noise behind it) in FOLDER, kept for the
next call, and prints for each case the seconds of both sides, measured in turns in one run, and
the most memory that ours took. Everything is on the disk of FOLDER. Cases:

pack     `mlebench pack` against `tar -c` of the same prepared tree
restore  `mlebench restore` with an empty cache against `tar -x` of the same tree
link     `mlebench restore` with a full cache against `cp -al` of the same tree
stream   first row of `load_dataset(..., streaming=True)` from `mlebench serve`, in a new process
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlebench_data.catalogue import load_competition
from mlebench_data.hub import new_key
from mlebench_data.prepare import prepare

COMPETITION = "aptos2019-blindness-detection"
IMAGES = 50_000
SMALLEST, LARGEST = 30_000, 90_000
TURNS = 5


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds, seconds of all processors, bytes of memory at the highest."""

    seconds: float
    processor: float
    memory: int


def measure(*command: str | Path, **environment: str) -> Cost:
    """Run a command once."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} failed with {process.returncode}")
    # Kilobytes on Linux, bytes on macOS.
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, memory)


def clear(*places: Path) -> None:
    """Remove what a case has made, and let the disk come to rest."""
    for place in places:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    subprocess.run(["sync"], check=True)


def compare(
    case: str, ours: Callable[[], Cost], name: str, theirs: Callable[[], Cost], *made: Path
) -> None:
    """Measure both sides in turns, and print the shortest times and each turn's ratio."""
    costs: list[tuple[Cost, Cost]] = []
    for _ in range(TURNS):
        clear(*made)
        other = theirs()
        clear(*made)
        costs.append((ours(), other))
    clear(*made)
    own = [mine for mine, _ in costs]
    others = [other for _, other in costs]
    best = min(cost.seconds for cost in own) / min(cost.seconds for cost in others)
    turns = " ".join(f"{mine.seconds / other.seconds:.2f}" for mine, other in costs)
    print(
        f"{case:<8} {_best(own)}   {name} {_best(others)}   ratio {best:.2f} (turns {turns})   "
        f"{max(cost.memory for cost in own) / 1e6:.0f} MB",
        flush=True,
    )


def _best(costs: list[Cost]) -> str:
    """Return the shortest times: others are what else the machine does."""
    seconds = min(cost.seconds for cost in costs)
    processor = min(cost.processor for cost in costs)
    return f"{seconds:6.2f} s ({processor:.2f} s of processors)"


def mlebench(verb: str, *arguments: str | Path) -> list[str | Path]:
    """Return the command line of a verb."""
    return [sys.executable, "-m", "mlebench_data.harness.cli", verb, *arguments]


class Places:
    """Where everything lies in the folder of this benchmark."""

    def __init__(self, folder: Path) -> None:
        self.raw = folder / "hub-raw"
        self.data = folder / "hub-data"
        self.prepared = self.data / COMPETITION / "v1"
        self.key = folder / "hub.key"
        self.repositories = folder / "hub-repositories"
        self.repository = self.repositories / COMPETITION
        self.tar = folder / "hub.tar"
        self.out = folder / "hub-out"
        self.cache = folder / "hub-cache"

    def pack_command(self, out: Path) -> list[str | Path]:
        """Return the command that packs the prepared tree."""
        options = ["--data-dir", self.data, "--key-file", self.key]
        return mlebench("pack", COMPETITION, "--out", out, *options)

    def restore_command(self) -> list[str | Path]:
        """Return the command that restores the public tree."""
        return mlebench("restore", COMPETITION, "--from", self.repositories, "--out", self.out)

    def make(self) -> None:
        """Make the images and prepare them."""
        if not self.raw.exists():
            make_images(self.raw)
        if not self.key.exists():
            new_key(self.key)
        prepare(load_competition(COMPETITION), data_dir=self.data, raw=self.raw, skip_lock=True)


def one_pixel() -> bytes:
    """Return a picture of one pixel, as PNG."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\x80")),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def make_images(folder: Path) -> None:
    """Make the raw data."""
    import pandas as pd

    (folder / "train_images").mkdir(parents=True)
    generator = np.random.default_rng(1)
    picture = one_pixel()
    ids = [generator.bytes(6).hex() for _ in range(IMAGES)]
    for name, size in zip(ids, generator.integers(SMALLEST, LARGEST, IMAGES), strict=True):
        (folder / "train_images" / f"{name}.png").write_bytes(picture + generator.bytes(int(size)))
    labels = generator.integers(0, 5, IMAGES)
    pd.DataFrame({"id_code": ids, "diagnosis": labels}).to_csv(folder / "train.csv", index=False)


def case_pack(places: Places) -> None:
    """Pack the prepared tree."""
    compare(
        "pack",
        lambda: measure(*places.pack_command(places.out)),
        "tar -c",
        lambda: measure("tar", "-C", places.prepared, "-cf", places.tar, "."),
        places.out,
        places.tar,
    )


def need_repository(places: Places) -> None:
    """Pack once, for the cases that only read."""
    if not places.repository.exists():
        measure(*places.pack_command(places.repository))


def case_restore(places: Places) -> None:
    """Restore with nothing in the cache."""
    need_repository(places)
    tar = places.tar
    measure("tar", "-C", places.prepared / "public", "-cf", tar, ".")

    def extract() -> Cost:
        places.out.mkdir()
        return measure("tar", "-C", places.out, "-xf", tar)

    def restore() -> Cost:
        return measure(*places.restore_command(), MLEBENCH_CACHE=str(places.cache))

    compare("restore", restore, "tar -x", extract, places.out, places.cache)
    clear(tar)


def case_link(places: Places) -> None:
    """Restore with everything in the cache."""
    need_repository(places)
    environment = {"MLEBENCH_CACHE": str(places.cache)}
    clear(places.cache, places.out)
    measure(*places.restore_command(), **environment)
    compare(
        "link",
        lambda: measure(*places.restore_command(), **environment),
        "cp -al",
        lambda: measure("cp", "-al", places.prepared / "public", places.out),
        places.out,
    )
    clear(places.cache)


# Threads of pyarrow still read ahead when the row is there; a regular exit may abort in them.
FIRST_ROW = """
import os, time
from datasets import load_dataset
started = time.perf_counter()
row = next(iter(load_dataset("mlebench/{name}", split="train", streaming=True)))
seconds = time.perf_counter() - started
print(f"stream   {{seconds:6.2f}} s   first row: {{', '.join(row)}}", flush=True)
os._exit(0)
"""


@contextmanager
def serving(places: Places) -> Iterator[str]:
    """Run `mlebench serve` over the repositories, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = mlebench("serve", places.repositories, "--port", str(port))
    server = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None:
                raise SystemExit(f"`mlebench serve` ended with {server.returncode}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def case_stream(places: Places) -> None:
    """Read one row over HTTP, with caches that are empty."""
    need_repository(places)
    program = FIRST_ROW.format(name=COMPETITION)
    with serving(places) as address:
        for _ in range(TURNS):
            clear(places.cache)
            subprocess.run(
                [sys.executable, "-c", program],
                check=True,
                env={**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(places.cache)},
            )
    clear(places.cache)


CASES = {"pack": case_pack, "restore": case_restore, "link": case_link, "stream": case_stream}


def main() -> None:
    if len(sys.argv) < 2 or set(sys.argv[2:]) - set(CASES):
        raise SystemExit(__doc__)
    places = Places(Path(sys.argv[1]))
    places.make()
    for name in sys.argv[2:] or CASES:
        CASES[name](places)


if __name__ == "__main__":
    main()
