"""The language-model proxy as the harness sees it: started, kept alive, ended with the run."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.models.model_list import ModelList
from mlebench_data.harness.models.proxy_process import ProxyProcess
from mlebench_data.harness.runtimes.failures import RuntimeFailure
from mlebench_data.harness.runtimes.sandbox import ModelAccess

FOLDER = ".models"
USAGE = "usage.json"
#: Names a Python that has LiteLLM, if this one has not.
PYTHON_VARIABLE = "MLEBENCH_LLM_PYTHON"
#: Port in a sandbox.
PORT = 4000

_SECRET_BYTES = 32
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
        self._python = python or proxy_python(environment)
        self._folder = run_folder.resolve() / FOLDER
        self._lock = threading.Lock()
        self._guests: dict[str, _Guest] = {}
        self._secret = b""
        keys = (environment.get(name) for name in models.key_names)
        self._provider_keys = tuple(key for key in keys if key)
        self._process = ProxyProcess(
            self._python,
            self._folder,
            {name: value for name, value in environment.items() if not name.startswith(_FOREIGN)},
            first_order=self._first_order,
            standing_orders=self._standing_orders,
            over_budget=self._over_budget,
        )

    @property
    def socket(self) -> Path:
        """The socket, alone in its folder."""
        return self._folder / "socket" / "proxy"

    @property
    def unpriced(self) -> list[str]:
        """Models that no price is known of, once the proxy has started."""
        return list((self._process.ready or {}).get("unpriced", []))

    def check(self) -> None:
        """Make sure, before anything starts, that the proxy can be started.

        Raises
        ------
        MlebenchError
            If its Python has no LiteLLM.
        """
        check_python(self._python)

    def start(self) -> None:
        """Start the proxy and wait until it serves.

        Raises
        ------
        MlebenchError
            If it does not come up; the message holds the end of its log. Also if there is a limit
            to the cost and a model's price is unknown.
        """
        self._make_folders()
        self._process.start()
        if self.max_cost is not None and self.unpriced:
            names = ", ".join(self.unpriced)
            self.stop()
            raise MlebenchError(
                f"--max-cost: no price is known for {names}. Write it in the model's `model_info`: "
                "`input_cost_per_token` and `output_cost_per_token`, in USD."
            )

    def stop(self) -> None:
        """End the proxy."""
        self._process.stop()

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
        with self._lock:
            self._guests[label] = guest
        try:
            self._process.ask(self._admission(guest))
        except BaseException:
            with self._lock:
                self._guests.pop(label, None)
            raise
        port = PORT if self.isolates else (self._process.ready or {}).get("port")
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
            # A key of a provider is in no container; a local agent may find it all the same.
            secrets=(guest.key, *self._provider_keys),
        )

    def usage(self, label: str, folder: Path) -> dict[str, Any] | None:
        """Return what an attempt has used so far, as it stands in its `usage.json`."""
        with self._lock:
            guest = self._guests.get(label)
        file = folder / USAGE if guest is None else guest.file
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def revoke(self, label: str, folder: Path) -> dict[str, Any] | None:
        """Let an attempt ask no more; return what it has used."""
        with self._lock:
            guest = self._guests.pop(label, None)
        if guest is None:
            return self.usage(label, folder)
        try:
            answer = self._process.ask({"do": "revoke", "key": guest.key})
        except RuntimeFailure as error:
            # What was written last still counts.
            logger.warning("The use of language models by %s may be incomplete: %s", label, error)
            return self.usage(label, folder)
        return answer.get("usage") or self.usage(label, folder)

    def _make_folders(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        # The secret, the log and the configuration are nobody else's business.
        self._folder.chmod(0o700)
        self.socket.parent.mkdir(exist_ok=True)
        self.socket.parent.chmod(0o755)
        path = self._folder / "secret"
        self._secret = path.read_bytes() if path.is_file() else b""
        if len(self._secret) != _SECRET_BYTES:
            self._secret = secrets.token_bytes(_SECRET_BYTES)
            path.unlink(missing_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(self._secret)
        # JSON is YAML.
        self._config.write_text(json.dumps(self.models.config(), indent=1), encoding="utf-8")

    @property
    def _config(self) -> Path:
        return self._folder / "litellm.yaml"

    def _key(self, label: str) -> str:
        text = f"{self._folder.parent.name}\0{label}".encode()
        return "sk-mlebench-" + hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:40]

    def _first_order(self, port: int | None) -> dict[str, Any]:
        """Return what a process is told first; `port` is that of the one before it."""
        return {
            "config": str(self._config),
            "folder": str(self.socket.parent),
            "socket": self.socket.name,
            "port": None if self.isolates else (port or 0),
            "model_list": self.models.entries,
            "hosted_tools": self.models.hosted_tools,
            "key_names": list(self.models.key_names),
        }

    def _standing_orders(self) -> list[dict[str, Any]]:
        """Return what every process must be told: whom to admit."""
        with self._lock:
            return [self._admission(guest) for guest in self._guests.values()]

    def _over_budget(self, label: str) -> None:
        with self._lock:
            guest = self._guests.get(label)
        if guest is not None:
            guest.over_budget = True

    def _admission(self, guest: _Guest) -> dict[str, Any]:
        return {
            "do": "admit",
            "key": guest.key,
            "label": guest.label,
            "file": str(guest.file),
            "max_cost": self.max_cost,
        }


def proxy_python(environment: Mapping[str, str]) -> str:
    """Return the Python that runs the proxy: the one that the environment names, or this one."""
    return environment.get(PYTHON_VARIABLE) or sys.executable


def check_python(python: str) -> None:
    """Make sure that a Python has LiteLLM.

    Raises
    ------
    MlebenchError
        If it has not, or cannot be run.
    """
    code = "from importlib.util import find_spec as f; print(all(map(f,('litellm','uvicorn'))))"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60)
        found = done.stdout.strip() == "True"
    except (OSError, subprocess.SubprocessError) as error:
        raise MlebenchError(f"{python} cannot be run: {error}.") from error
    if not found:
        raise MlebenchError(
            f"The language-model proxy needs LiteLLM, which {python} does not have. "
            "Install it with `pip install 'mlebench-data[llm]'`, or into an environment of its "
            f"own (`pip install 'litellm[proxy]'`) whose Python {PYTHON_VARIABLE} names."
        )
