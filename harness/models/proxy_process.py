"""The process of the language-model proxy: started, given orders, started again if it ends."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlebench_data.harness.runtimes.failures import LastingFailure, RuntimeFailure

#: Seconds that it has to come up; importing LiteLLM takes most of it.
_START_SECONDS = 180.0
_ANSWER_SECONDS = 60.0
_LONGEST_PAUSE = 30.0

#: The folder comes last in the path, for the modules in it are none of the proxy's.
_CODE = (
    "import runpy, sys; sys.path.append(sys.argv.pop(1)); "
    "runpy.run_module('litellm_server', run_name='__main__')"
)

logger = logging.getLogger(__name__)


class ProxyProcess:
    """Keeps a proxy running and hands orders to it, through its standard input and output.

    Parameters
    ----------
    python : str
        A Python that has LiteLLM.
    folder : pathlib.Path
        Its working folder, which gets `proxy.log`.
    environment : mapping of str to str
        Its environment.
    first_order : callable
        Told the port of the process before (None for the first), returns what a new process is told
        to begin with.
    standing_orders : callable
        Returns orders that a new process is given as soon as it serves.
    over_budget : callable
        Told the label of an attempt that has spent what it may.
    """

    def __init__(
        self,
        python: str,
        folder: Path,
        environment: Mapping[str, str],
        *,
        first_order: Callable[[int | None], dict[str, Any]],
        standing_orders: Callable[[], list[dict[str, Any]]],
        over_budget: Callable[[str], None],
    ) -> None:
        #: What it told when it began to serve; None while it does not.
        self.ready: dict[str, Any] | None = None
        self._python = python
        self._folder = folder
        self._environment = dict(environment)
        self._first_order = first_order
        self._standing_orders = standing_orders
        self._over_budget = over_budget
        self._numbers = itertools.count()
        #: Answers to what was asked, None until there is one.
        self._answers: dict[int, dict[str, Any] | None] = {}
        self._changed = threading.Condition(threading.RLock())
        self._process: subprocess.Popen[str] | None = None
        self._failure: str | None = None
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._port: int | None = None

    def start(self) -> None:
        """Start it and wait until it serves.

        Raises
        ------
        LastingFailure
            If it does not come up; the message holds the end of its log.
        """
        self._stopping.clear()
        self._keeper = threading.Thread(target=self._keep, name="model-proxy", daemon=True)
        self._keeper.start()
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        with self._changed:
            process = self._process
            self._changed.notify_all()
        if process is not None:
            _end(process)
        if self._keeper is not None:
            self._keeper.join(10)

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have an order done; again by a new process where one ends meanwhile.

        Raises
        ------
        RuntimeFailure
            If it does not answer.
        """
        while True:
            self._wait_until_ready()
            with self._changed:
                process, number = self._process, next(self._numbers)
                self._answers[number] = None
                try:
                    if process is None or not _send(process, {**order, "number": number}):
                        self._changed.wait(0.2)
                        continue
                    last = time.monotonic() + _ANSWER_SECONDS
                    while self._process is process:
                        answer = self._answers[number]
                        if answer is not None:
                            return answer
                        if time.monotonic() >= last:
                            raise RuntimeFailure(
                                "The language-model proxy did not answer for "
                                f"{_ANSWER_SECONDS:.0f} s."
                            )
                        self._changed.wait(0.2)
                finally:
                    del self._answers[number]

    def _keep(self) -> None:
        """Run it; once it has served, again and again."""
        pause = 1.0
        has_served = False
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self._run_once()
            except OSError as error:
                self._failure = str(error)
            with self._changed:
                has_served = has_served or self.ready is not None
                self.ready = None
                self._process = None
                self._changed.notify_all()
            if self._stopping.is_set() or not has_served:
                return
            pause = 1.0 if time.monotonic() - begun > 60 else min(pause * 2, _LONGEST_PAUSE)
            logger.warning("The language-model proxy ended; it is started again")
            self._stopping.wait(pause)

    def _run_once(self) -> None:
        """Run it to its end, taking what it tells."""
        with (self._folder / "proxy.log").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [self._python, "-c", _CODE, str(Path(__file__).parent)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        with self._changed:
            self._process = process
            self._failure = None
        if self._stopping.is_set():
            _end(process)
        # The same port again after a crash: agents keep their address.
        _send(process, self._first_order(self._port))
        assert process.stdout is not None and process.stdin is not None
        with process.stdout:
            for line in process.stdout:
                self._take(process, json.loads(line))
        process.wait()
        with contextlib.suppress(OSError):
            process.stdin.close()

    def _take(self, process: subprocess.Popen[str], told: dict[str, Any]) -> None:
        if "over_budget" in told:
            self._over_budget(told["over_budget"])
            return
        if "ready" in told:
            for order in self._standing_orders():
                # Nobody waits for the answers.
                _send(process, {**order, "number": next(self._numbers)})
        with self._changed:
            if "ready" in told:
                self._port = told["port"]
                self.ready = told
            elif "failed" in told:
                self._failure = told["failed"]
            elif told["number"] in self._answers:
                self._answers[told["number"]] = told
            self._changed.notify_all()

    def _wait_until_ready(self) -> None:
        last = time.monotonic() + _START_SECONDS
        with self._changed:
            while self.ready is None:
                if self._stopping.is_set():
                    raise RuntimeFailure("The language-model proxy was stopped.")
                if self._keeper is None or not self._keeper.is_alive():
                    raise LastingFailure(self._explain())
                if time.monotonic() >= last:
                    raise RuntimeFailure(self._explain())
                self._changed.wait(0.2)

    def _explain(self) -> str:
        path = self._folder / "proxy.log"
        lines: list[str] = []
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
        reason = self._failure or "it ended, or took too long to start"
        return "\n".join(
            [f"The language-model proxy does not come up: {reason}. The end of {path}:", *lines]
        )


def _send(process: subprocess.Popen[str], order: dict[str, Any]) -> bool:
    """Give an order; return whether there was still somebody to take it."""
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
    except (OSError, ValueError):
        return False
    return True


def _end(process: subprocess.Popen[str]) -> None:
    """End the process: it ends by itself once nobody gives it orders any more."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # what was not sent is not wanted any more
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
