"""A Docker engine of the test's own, which it may stop and kill."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

IMAGE = "tiny"
#: What the image holds: enough for agents that are shell scripts.
PROGRAMS = ("sh", "timeout", "cp", "sleep", "cat", "ls", "env", "touch", "dd", "ln", "mkfifo")


def is_possible() -> bool:
    """Tell whether an engine can be started here."""
    programs = ("dockerd", "docker", "unshare")
    return os.geteuid() == 0 and all(shutil.which(name) for name in programs)


class PrivateEngine:
    """An engine beside the system's own, without a network.

    Parameters
    ----------
    folder : pathlib.Path
        Its data. The path must be short, for the socket lies in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = f"unix://{folder}/sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        # Of one that was killed; the engine refuses to start if the number is in use again.
        (self._folder / "pid").unlink(missing_ok=True)
        helper = self._folder / "exec" / "containerd" / "containerd.pid"
        if helper.is_file():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(helper.read_text()), signal.SIGKILL)
            helper.unlink()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # In a network namespace of its own: it would take the system engine's bridge.
                    "unshare", "--net", "--", "dockerd", "--host", self.address,
                    "--data-root", str(self._folder / "data"),
                    "--exec-root", str(self._folder / "exec"),
                    "--pidfile", str(self._folder / "pid"),
                    "--bridge", "none", "--iptables=false", "--ip6tables=false",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 60
        while self.docker("version", check=False).returncode:
            assert time.monotonic() < end, (self._folder / "log").read_text()[-2000:]
            assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal and wait until it has ended."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(60)

    def docker(self, *arguments: str, check: bool = True, stdin: bytes | None = None):
        """Run a command of its client."""
        return subprocess.run(
            ["docker", "--host", self.address, *arguments],
            input=stdin,
            capture_output=True,
            check=check,
        )

    def containers(self) -> list[str]:
        """Return the names of all containers."""
        return self.docker("ps", "-a", "--format", "{{.Names}}").stdout.decode().split()

    def make_image(self) -> None:
        """Make an image of a few programs of this machine."""
        self.docker("import", "-", IMAGE, stdin=_archive())


def _archive() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in ("tmp", "home", "dev", "proc", "sys"):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            folder.mode = 0o1777 if name == "tmp" else 0o755
            archive.addfile(folder)
        added = set()
        for name in PROGRAMS:
            found = shutil.which(name)
            assert found is not None, name
            archive.add(Path(found).resolve(), f"bin/{name}")
            listed = subprocess.run(["ldd", found], capture_output=True, text=True).stdout
            for library in (word for word in listed.split() if word.startswith("/")):
                if library not in added:
                    added.add(library)
                    archive.add(Path(library).resolve(), library.removeprefix("/"))
    return content.getvalue()
