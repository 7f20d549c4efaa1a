"""The way to a container engine, and what its errors mean to the person who reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.harness.runtimes.failures import (
    EngineUnreachable,
    LastingFailure,
    RuntimeFailure,
)

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True)
class Engine:
    """An engine that speaks Docker's protocol.

    Attributes
    ----------
    name : str
        For people.
    address : str or None
        Where it listens; None takes what the environment names.
    remedy : str
        What to do when it does not answer.
    """

    name: str
    address: str | None
    remedy: str

    @contextmanager
    def connection(self) -> Iterator[DockerClient]:
        """Yield a client of the engine, once it has answered.

        Yields
        ------
        docker.DockerClient
            The client; it is closed afterwards.

        Raises
        ------
        EngineUnreachable
            If no engine answers.
        """
        import docker
        import docker.errors
        import requests.exceptions

        try:
            if self.address is None:
                client = docker.from_env()
            else:
                client = docker.DockerClient(base_url=self.address, version="auto")
            client.ping()
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            where = "" if self.address is None else f" at {self.address}"
            raise EngineUnreachable(
                f"No {self.name} engine answers{where} ({error}). {self.remedy}"
            ) from error
        try:
            yield client
        finally:
            client.close()


def docker_engine() -> Engine:
    """Return the Docker engine that the environment names."""
    return Engine(
        "Docker",
        None,
        "Start it; if it listens elsewhere, set DOCKER_HOST; if permission is denied, let this "
        "account use it.",
    )


def connection() -> AbstractContextManager[DockerClient]:
    """Return a connection to the Docker engine that the environment names."""
    return docker_engine().connection()


def podman_engine() -> Engine:
    """Return Podman's service: where CONTAINER_HOST says, or at its usual place."""
    address = os.environ.get("CONTAINER_HOST")
    if not address:
        own = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")
        folder = Path("/run") if os.geteuid() == 0 else own
        address = f"unix://{folder}/podman/podman.sock"
    user = "" if os.geteuid() == 0 else "--user "
    return Engine(
        "Podman",
        address,
        f"Start its service with `systemctl {user}start podman.socket` or `podman system service "
        "--time=0`; if it listens elsewhere, set CONTAINER_HOST.",
    )


#: What engines answer, and what to do about it. None of these is mended by trying again.
_LASTING = (
    (
        r'"timeout".*not found|exec.*timeout.*no such file',
        "The image must have `timeout` of GNU coreutils.",
    ),
    (
        r"could not select device driver|unresolvable CDI devices|nvidia.com/gpu",
        "The engine cannot give GPUs to containers: install the NVIDIA container toolkit on its "
        "machine, run `nvidia-ctk runtime configure --runtime=docker`, and restart the engine.",
    ),
    (
        r"setting rlimit",
        "The engine's machine does not allow that many open files (`ulimit -Hn` there): ask for "
        "fewer.",
    ),
    (
        r"range of CPUs is from",
        "Ask for no more CPUs than the engine's machine has (--cpus).",
    ),
)


@contextmanager
def engine_errors(task: str) -> Iterator[None]:
    """Turn what the engine or the way to it can raise into a failure of the runtime.

    Parameters
    ----------
    task : str
        What the engine is asked to do, as words that follow "could not".

    Raises
    ------
    RuntimeFailure
        Instead of the errors of the docker and requests libraries: `EngineUnreachable` where the
        way to the engine broke, `LastingFailure` where the engine would refuse again.
    """
    import docker.errors
    import requests.exceptions

    try:
        yield
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        text = str(error)
        failure: type[RuntimeFailure] = RuntimeFailure
        advice = "The engine's own log tells more."
        if isinstance(error, requests.exceptions.ConnectionError):
            failure = EngineUnreachable
        elif "no space left" in text.lower():
            advice = "Free space in the engine's folder, such as with `docker system prune`."
        else:
            for pattern, remedy in _LASTING:
                if re.search(pattern, text):
                    failure, advice = LastingFailure, remedy
                    break
            else:
                if isinstance(error, docker.errors.APIError) and error.status_code == 400:
                    failure = LastingFailure
        raise failure(f"The engine could not {task}: {text}. {advice}") from error
