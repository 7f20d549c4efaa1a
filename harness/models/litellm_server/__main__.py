"""Start the proxy; do what comes on standard input, line by line; end when that ends.

Standard input ends when the harness does, however it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from .gate import Gate
from .ledger import Ledger
from .quiet_stream import QuietStream
from .upstream import load_litellm, report_to, unpriced_models

#: Seconds in which requests of a revoked attempt that are under way may be counted.
_LAST_REQUESTS_SECONDS = 20.0


class Control:
    """The way back to the harness: one JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def tell(self, **content: Any) -> None:
        """Write a line."""
        with self._lock:
            try:
                self._stream.write(json.dumps(content) + "\n")
                self._stream.flush()
            except (OSError, ValueError):
                os._exit(1)  # the harness is gone


def _listen(start: dict[str, Any]) -> list[socket.socket]:
    """Open the socket, and a port of this machine where one is asked for."""
    os.chdir(start["folder"])
    name = start["socket"]
    Path(name).unlink(missing_ok=True)
    own = socket.socket(socket.AF_UNIX)
    # By a relative name: the system allows only short ones.
    own.bind(name)
    Path(name).chmod(0o666)
    found = [own]
    if start["port"] is not None:
        port = socket.socket()
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind(("127.0.0.1", start["port"]))
        found.append(port)
    return found


async def _revoke(ledger: Ledger, order: dict[str, Any], control: Control) -> None:
    account = ledger.revoke(order["key"])
    waited = 0.0
    while account is not None and account.in_flight and waited < _LAST_REQUESTS_SECONDS:
        await asyncio.sleep(0.05)
        waited += 0.05
    control.tell(number=order["number"], usage=None if account is None else account.to_dict())


def _obey(
    loop: asyncio.AbstractEventLoop, ledger: Ledger, control: Control, orders: TextIO
) -> None:
    """Take orders until there are no more, which ends this process."""

    async def admit(order: dict[str, Any]) -> None:
        ledger.admit(order["key"], order["label"], Path(order["file"]), order["max_cost"])
        control.tell(number=order["number"])

    for line in orders:
        order = json.loads(line)
        if order["do"] == "admit":
            asyncio.run_coroutine_threadsafe(admit(order), loop)
        elif order["do"] == "revoke":
            asyncio.run_coroutine_threadsafe(_revoke(ledger, order, control), loop)
    # At once: nobody is left to answer to.
    os._exit(0)


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    yield


async def _serve(control: Control, orders: TextIO, start: dict[str, Any]) -> None:
    import uvicorn

    inner_key = "sk-" + secrets.token_hex(32)
    app, version = load_litellm(Path(start["config"]), inner_key)
    ledger = Ledger(
        f"litellm {version}",
        lambda label: control.tell(over_budget=label),
        lambda text: print(text, file=sys.stderr),
    )
    report_to(ledger)
    models = start["model_list"]
    gate = Gate(
        app,
        ledger,
        inner_key=inner_key,
        hidden=[os.environ.get(name, "") for name in start["key_names"]],
        hosted_tools=start["hosted_tools"],
        models=[entry["model_name"] for entry in models],
    )
    sockets = _listen(start)
    server = uvicorn.Server(
        uvicorn.Config(
            gate,
            log_level="error",
            access_log=False,
            ws="none",
            timeout_keep_alive=75,
            lifespan="on",
        )
    )
    # The harness decides when this ends; Ctrl-C reaches the whole foreground group.
    server.capture_signals = _no_signals  # type: ignore[method-assign]
    serving = asyncio.ensure_future(server.serve(sockets=sockets))
    while not server.started and not serving.done():
        await asyncio.sleep(0.02)
    if serving.done():
        serving.result()
        raise RuntimeError("LiteLLM's application did not start")
    threading.Thread(
        target=_obey,
        args=(asyncio.get_running_loop(), ledger, control, orders),
        name="orders",
        daemon=True,
    ).start()
    port = sockets[1].getsockname()[1] if len(sockets) > 1 else None
    control.tell(ready=True, port=port, version=version, unpriced=unpriced_models(models))
    await serving


def main() -> int:
    """Run until the harness has gone or has closed the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    # Whatever prints goes to the log, not between the lines for the harness.
    control = Control(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    start = json.loads(orders.readline() or "null")
    if start is None:
        return 0
    hidden = [os.environ.get(name, "") for name in start["key_names"]]
    sys.stdout = sys.stderr = QuietStream(sys.stderr, hidden)  # type: ignore[assignment]
    try:
        asyncio.run(_serve(control, orders, start))
    except Exception as error:
        control.tell(failed=f"{type(error).__name__}: {error}")
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
