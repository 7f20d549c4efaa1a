"""The validator of one attempt: answers over HTTP whether a file has the right format."""

from __future__ import annotations

import json
import selectors
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import Message
from importlib import resources
from io import BufferedIOBase
from pathlib import Path

from mlebench_data.catalogue import Competition
from mlebench_data.harness.collect import MAX_BYTES
from mlebench_data.harness.limited.client import PROCESSES
from mlebench_data.harness.remove_tree import remove_tree
from mlebench_data.harness.validator.checking import Checker, Verdict
from mlebench_data.harness.validator.handler import PortServer, SocketServer
from mlebench_data.harness.validator.places import CLIENT, FOLDER, RECORD, SCRIPT, SOCKET, WORK
from mlebench_data.harness.validator.upload import BadUploadError, receive

#: Seconds for which a request waits for its turn, and for which a file may be under way.
_LONGEST_WAIT = 120.0
_UPLOAD_SECONDS = 600.0
_LAST_WAIT = 10.0
#: Seconds of checking that an agent may have at once, and what it gains in each second of its time.
_MOST_CREDIT = 60.0
_CREDIT_RATE = 1 / 3
#: An agent that asks all the time must not fill the disk.
_MOST_RECORDS = 10_000


class ValidatorServer:
    """Answers the agent of one attempt while it runs.

    Parameters
    ----------
    folder : pathlib.Path
        The attempt's folder.
    competition : Competition
        The competition.
    version : str
        Its data version.
    sample : pathlib.Path or None
        The public sample submission; without it, row ids are not looked at.
    by_port : bool
        Whether it listens on a port of this machine, for agents that are not isolated, instead of
        on a Unix socket.
    """

    def __init__(
        self,
        folder: Path,
        competition: Competition,
        version: str,
        sample: Path | None,
        *,
        by_port: bool = False,
    ) -> None:
        self.folder = folder.resolve() / FOLDER
        self._record = folder.resolve() / RECORD
        self._work = folder.resolve() / WORK
        self._checker = Checker(competition, version, sample)
        self._by_port = by_port
        self._one_at_a_time = threading.Lock()
        self._credit = _MOST_CREDIT
        self._credit_time = time.monotonic()
        self._stopping = threading.Event()
        self._server: SocketServer | PortServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> ValidatorServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to answer; an earlier harness may have answered the same agent before."""
        # While the agent works, what checks and grades gets ready.
        PROCESSES.start()
        remove_tree(self._work)
        self.folder.mkdir(exist_ok=True)
        # For the sandbox' user, whatever the umask here.
        self.folder.chmod(0o755)
        for name in (SCRIPT, CLIENT):
            # Never replaced: they are mounted in the sandbox that is taken over.
            if not (self.folder / name).exists():
                source = resources.files(__package__) / "sandbox" / name
                (self.folder / name).write_bytes(source.read_bytes())
                (self.folder / name).chmod(0o755)
        self._server = self._listen()
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="validator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, at once."""
        if self._server is None or self._thread is None:
            return
        self._stopping.set()
        self._checker.stop()
        self._waker.close()
        self._thread.join()
        self._woken.close()
        self._server.server_close()
        (self.folder / SOCKET).unlink(missing_ok=True)
        self._server = None
        # Its agent is gone, so a request that is still under way ends at once.
        if self._one_at_a_time.acquire(timeout=_LAST_WAIT):
            remove_tree(self._work)
            self._one_at_a_time.release()

    @property
    def answered(self) -> bool:
        """Whether the agent was ever told a verdict, by this or an earlier harness."""
        return self._record.exists()

    def variables(self) -> Mapping[str, str]:
        """Return the variables by which an agent that is not isolated finds the validator."""
        if self._server is None or not self._by_port:
            return {}
        host, port = self._server.socket.getsockname()
        return {
            "VALIDATE_URL": f"http://{host}:{port}/validate",
            "VALIDATE_SUBMISSION": str(self.folder / SCRIPT),
            "VALIDATE_FOLDER": str(self.folder),
        }

    def validate(self, headers: Message, body: BufferedIOBase) -> Verdict:
        """Answer one request, after those before it.

        Raises
        ------
        BadUploadError
            If it holds no file that can be checked.
        """
        if not self._one_at_a_time.acquire(timeout=_LONGEST_WAIT):
            raise BadUploadError(429, "other submissions are being checked; try again later")
        try:
            if self._stopping.wait(self._pause()):
                return Verdict(None, "the attempt is over")
            self._work.mkdir()
            path = self._work / "submission.csv"
            receive(body, headers, path, max_bytes=MAX_BYTES, seconds=_UPLOAD_SECONDS)
            start = time.monotonic()
            verdict = self._checker.check(path)
            self._credit -= time.monotonic() - start
            if verdict.valid is not None:
                self._note(verdict)
            return verdict
        finally:
            remove_tree(self._work)
            self._one_at_a_time.release()

    def _pause(self) -> float:
        """Return the seconds until the agent may have something checked again."""
        now = time.monotonic()
        gained = (now - self._credit_time) * _CREDIT_RATE
        self._credit = min(self._credit + gained, _MOST_CREDIT)
        self._credit_time = now
        return max(-self._credit, 0.0) / _CREDIT_RATE

    def _note(self, verdict: Verdict) -> None:
        """Write down what the agent is told, before it is."""
        line = {
            "time": datetime.now(UTC).isoformat(),
            "valid": verdict.valid,
            "reason": verdict.reason,
        }
        with self._record.open("a+", encoding="utf-8") as stream:
            stream.seek(0)
            if sum(1 for _ in stream) < _MOST_RECORDS:
                stream.write(json.dumps(line) + "\n")

    def _listen(self) -> SocketServer | PortServer:
        if self._by_port:
            return PortServer(self.validate, ("127.0.0.1", 0))
        path = self.folder / SOCKET
        path.unlink(missing_ok=True)
        with _short(self.folder) as folder:
            server = SocketServer(self.validate, str(folder / SOCKET))
        # The agent's user is another one; the attempt's folder is not shown to it.
        path.chmod(0o666)
        return server

    def _serve(self) -> None:
        assert self._server is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                self._server.handle_request()


@contextmanager
def _short(folder: Path) -> Iterator[Path]:
    """Give a folder a short path for a while: that of a Unix socket has some 100 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="mlebench-") as place:
        link = Path(place) / "v"
        link.symlink_to(folder)
        yield link
