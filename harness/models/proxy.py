"""The language-model proxy as the harness sees it: started, kept alive, ended with the run."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.models.model_list import ModelList
from mlebench_data.harness.runtimes.base import LastingFailure, ModelAccess, RuntimeFailure

FOLDER = ".models"
USAGE = "usage.json"
#: Names a Python that has LiteLLM, if this one has not.
PYTHON_VARIABLE = "MLEBENCH_LLM_PYTHON"
#: Port in a sandbox.
PORT = 4000

#: Seconds that the proxy has to come up; importing LiteLLM takes most of it.
_START_SECONDS = 180.0
_ANSWER_SECONDS = 60.0
_LONGEST_PAUSE = 30.0
#: Variables that would make LiteLLM another than the one that is described here.
_FOREIGN = (
    "LITELLM_",
    "DATABASE_",
    "DIRECT_URL",
    "REDIS_",
    "CONFIG_FILE_PATH",
    "WORKER_CONFIG",
    "STORE_MODEL_IN_DB",
    "PROXY_",
    "SERVER_ROOT_PATH",
    "PROMETHEUS_",
    "OTEL_",
)

logger = logging.getLogger(__name__)


@dataclass
class _Guest:
    """An attempt that may ask."""

    key: str
    label: str
    file: Path
    over_budget: bool = False


class ModelProxy:
    """Serves language models to the attempts of a run. A context manager: inside, it runs.

    Parameters
    ----------
    models : ModelList
        What it offers.
    run_folder : pathlib.Path
        Folder of the run. What a later harness needs to serve the same agents lies in its
        `.models`: the secret from which keys are derived, and the socket.
    isolates : bool
        Whether attempts run where they have a loopback interface of their own. The others reach
        the proxy at a port of this machine.
    max_cost : float, optional
        What each attempt may spend, in USD.
    python : str, optional
        A Python that has LiteLLM; this one by default.
    environment : mapping of str to str
        Where the keys of the providers are.
    """

    def __init__(
        self,
        models: ModelList,
        run_folder: Path,
        *,
        isolates: bool,
        max_cost: float | None = None,
        python: str | None = None,
        environment: Mapping[str, str],
    ) -> None:
        self.models = models
        self.isolates = isolates
        self.max_cost = max_cost
        self._python = python or environment.get(PYTHON_VARIABLE) or sys.executable
        self._environment = dict(environment)
        self._folder = run_folder.resolve() / FOLDER
        self._guests: dict[str, _Guest] = {}
        self._numbers = itertools.count()
        #: Answers to what was asked, None until there is one.
        self._answers: dict[int, dict[str, Any] | None] = {}
        self._changed = threading.Condition(threading.RLock())
        self._process: subprocess.Popen[str] | None = None
        self._ready: dict[str, Any] | None = None
        self._failure: str | None = None
        self._stopping = threading.Event()
        self._secret = b""
        self._keeper: threading.Thread | None = None
        self._port: int | None = None

    @property
    def socket(self) -> Path:
        """The socket, alone in its folder."""
        return self._folder / "socket" / "proxy"

    @property
    def unpriced(self) -> list[str]:
        """Models that no price is known of, once the proxy has started."""
        with self._changed:
            return [] if self._ready is None else list(self._ready["unpriced"])

    def check(self) -> None:
        """Make sure, before anything starts, that the proxy can be started.

        Raises
        ------
        MlebenchError
            If its Python has no LiteLLM.
        """
        code = "from importlib.util import find_spec as f; print(all(map(f,('litellm','uvicorn'))))"
        try:
            done = subprocess.run(
                [self._python, "-c", code], capture_output=True, text=True, timeout=60
            )
            found = done.stdout.strip() == "True"
        except (OSError, subprocess.SubprocessError) as error:
            raise MlebenchError(f"{self._python} cannot be run: {error}.") from error
        if not found:
            raise MlebenchError(
                f"The language-model proxy needs LiteLLM, which {self._python} does not have. "
                "Install it with `pip install 'mlebench-data[llm]'`, or into an environment of its "
                f"own (`pip install 'litellm[proxy]'`) whose Python {PYTHON_VARIABLE} names."
            )

    def start(self) -> None:
        """Start the proxy and wait until it serves.

        Raises
        ------
        MlebenchError
            If it does not come up; the message holds the end of its log. Also if there is a limit
            to the cost and a model's price is unknown.
        """
        self._stopping.clear()
        self._make_folders()
        self._keeper = threading.Thread(target=self._keep, name="model-proxy", daemon=True)
        self._keeper.start()
        try:
            ready = self._wait_until_ready()
            unpriced = ready["unpriced"]
            if self.max_cost is not None and unpriced:
                raise MlebenchError(
                    f"--max-cost: no price is known for {', '.join(unpriced)}. Write it in the "
                    "model's `model_info`: `input_cost_per_token` and `output_cost_per_token`, in "
                    "USD."
                )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the proxy."""
        self._stopping.set()
        with self._changed:
            process = self._process
            self._changed.notify_all()
        if process is not None:
            _end(process)
        if self._keeper is not None:
            self._keeper.join(10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def access(self, label: str, folder: Path) -> ModelAccess:
        """Let an attempt ask, and say how it reaches the proxy.

        Counting goes on from the `usage.json` in the attempt's folder, if there is one.

        Parameters
        ----------
        label : str
            The attempt. The same label has the same key in every harness of this run.
        folder : pathlib.Path
            Its folder, which gets `usage.json`.

        Raises
        ------
        RuntimeFailure
            If the proxy does not answer.
        """
        guest = _Guest(self._key(label), label, folder.resolve() / USAGE)
        with self._changed:
            self._guests[label] = guest
        try:
            self._ask(self._admission(guest))
        except BaseException:
            with self._changed:
                self._guests.pop(label, None)
            raise
        port = PORT if self.isolates else self._port
        address = f"http://127.0.0.1:{port}"
        return ModelAccess(
            environment={
                "OPENAI_API_KEY": guest.key,
                "OPENAI_BASE_URL": f"{address}/v1",
                "OPENAI_API_BASE": f"{address}/v1",
                "ANTHROPIC_API_KEY": guest.key,
                "ANTHROPIC_BASE_URL": address,
            },
            over_budget=lambda: guest.over_budget,
            socket=self.socket if self.isolates else None,
            port=PORT,
        )

    def usage(self, label: str, folder: Path) -> dict[str, Any] | None:
        """Return what an attempt has used so far, as it stands in its `usage.json`."""
        with self._changed:
            guest = self._guests.get(label)
        file = folder / USAGE if guest is None else guest.file
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def revoke(self, label: str, folder: Path) -> dict[str, Any] | None:
        """Let an attempt ask no more; return what it has used."""
        with self._changed:
            guest = self._guests.pop(label, None)
        if guest is None:
            return self.usage(label, folder)
        try:
            answer = self._ask({"do": "revoke", "key": guest.key})
        except RuntimeFailure as error:
            # What was written last still counts.
            logger.warning("The use of language models by %s may be incomplete: %s", label, error)
            return self.usage(label, folder)
        return answer.get("usage") or self.usage(label, folder)

    # -- the process ------------------------------------------------------------------------

    def _make_folders(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        # The secret, the log and the configuration are nobody else's business.
        self._folder.chmod(0o700)
        self.socket.parent.mkdir(exist_ok=True)
        self.socket.parent.chmod(0o755)
        path = self._folder / "secret"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            self._secret = path.read_bytes()
        else:
            self._secret = secrets.token_bytes(32)
            with os.fdopen(handle, "wb") as stream:
                stream.write(self._secret)
        config = self._folder / "litellm.yaml"
        # JSON is YAML.
        config.write_text(json.dumps(self.models.config(), indent=1), encoding="utf-8")

    def _key(self, label: str) -> str:
        text = f"{self._folder.parent.name}\0{label}".encode()
        return "sk-mlebench-" + hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:40]

    def _admission(self, guest: _Guest) -> dict[str, Any]:
        return {
            "do": "admit",
            "key": guest.key,
            "label": guest.label,
            "file": str(guest.file),
            "max_cost": self.max_cost,
        }

    def _keep(self) -> None:
        """Run the proxy, again and again if it ends by itself."""
        pause = 1.0
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self._run_once()
            except OSError as error:
                self._failure = str(error)
            with self._changed:
                had_served = self._ready is not None
                self._ready = None
                self._process = None
                self._changed.notify_all()
            if self._stopping.is_set() or not had_served:
                return
            pause = 1.0 if time.monotonic() - begun > 60 else min(pause * 2, _LONGEST_PAUSE)
            logger.warning("The language-model proxy ended; it is started again")
            self._stopping.wait(pause)

    def _run_once(self) -> None:
        """Run the proxy to its end, taking what it tells."""
        folder = Path(__file__).parent
        # At the end of the path, for the modules beside it are none of the proxy's.
        code = (
            "import runpy, sys; sys.path.append(sys.argv.pop(1)); "
            "runpy.run_module('litellm_server', run_name='__main__')"
        )
        environment = {
            name: value
            for name, value in self._environment.items()
            if not name.startswith(_FOREIGN)
        }
        log_path = self._folder / "proxy.log"
        with log_path.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [self._python, "-c", code, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._folder,
                env=environment,
                start_new_session=True,
            )
        with self._changed:
            self._process = process
            self._failure = None
        if self._stopping.is_set():
            _end(process)
        self._send(
            process,
            {
                "config": str(self._folder / "litellm.yaml"),
                "folder": str(self.socket.parent),
                "socket": self.socket.name,
                # The same again after a crash: agents keep their address.
                "port": None if self.isolates else (self._port or 0),
                "model_list": self.models.entries,
                "hosted_tools": self.models.hosted_tools,
                "key_names": list(self.models.key_names),
            },
        )
        assert process.stdout is not None
        for line in process.stdout:
            self._take(process, json.loads(line))
        process.wait()
        _close(process.stdin)
        _close(process.stdout)

    def _take(self, process: subprocess.Popen[str], told: dict[str, Any]) -> None:
        with self._changed:
            if "ready" in told:
                self._port = told["port"]
                for guest in self._guests.values():
                    # Their answers are not waited for: nobody asks for these numbers.
                    self._send(process, {**self._admission(guest), "number": next(self._numbers)})
                self._ready = told
            elif "failed" in told:
                self._failure = told["failed"]
            elif "over_budget" in told:
                guest_over = self._guests.get(told["over_budget"])
                if guest_over is not None:
                    guest_over.over_budget = True
            elif told.get("number") in self._answers:
                self._answers[told["number"]] = told
            self._changed.notify_all()

    def _send(self, process: subprocess.Popen[str], order: dict[str, Any]) -> bool:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def _wait_until_ready(self) -> dict[str, Any]:
        last = time.monotonic() + _START_SECONDS
        with self._changed:
            while self._ready is None:
                if self._stopping.is_set():
                    raise RuntimeFailure("The language-model proxy was stopped.")
                keeper_ended = self._keeper is None or not self._keeper.is_alive()
                if keeper_ended or time.monotonic() >= last:
                    raise LastingFailure(self._explain())
                self._changed.wait(0.2)
            return self._ready

    def _explain(self) -> str:
        path = self._folder / "proxy.log"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
        reason = self._failure or "it ended, or took too long to start"
        return "\n".join(
            [f"The language-model proxy does not come up: {reason}. The end of {path}:", *lines]
        )

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have an order done; again by a new process where one ends meanwhile."""
        while True:
            self._wait_until_ready()
            with self._changed:
                process, number = self._process, next(self._numbers)
                self._answers[number] = None
                try:
                    if process is None or not self._send(process, {**order, "number": number}):
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


def _end(process: subprocess.Popen[str]) -> None:
    """End the proxy: it ends by itself once nobody gives it orders any more."""
    _close(process.stdin)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close(stream: IO[str] | None) -> None:
    if stream is None:
        return
    try:
        stream.close()
    except OSError as error:
        logger.debug("closing a pipe of the proxy: %s", error)
