"""The way to the Docker engine, and what its errors mean to the person who reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlebench_data.harness.runtimes.base import OutOfReach, RuntimeFailure

if TYPE_CHECKING:
    from docker import DockerClient


@contextmanager
def connection() -> Iterator[DockerClient]:
    """Yield a client of the engine that the environment names, once it has answered.

    Yields
    ------
    docker.DockerClient
        The client; it is closed afterwards.

    Raises
    ------
    OutOfReach
        If no engine answers.
    """
    import docker
    import docker.errors
    import requests.exceptions

    try:
        client = docker.from_env()
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise OutOfReach(
            f"No Docker engine answers ({error}). Start it; if it listens elsewhere, set "
            "DOCKER_HOST; if permission is denied, let this account use it."
        ) from error
    try:
        yield client
    finally:
        client.close()


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
        Instead of the errors of the docker and requests libraries; `OutOfReach` where the way to
        the engine broke.
    """
    import docker.errors
    import requests.exceptions

    try:
        yield
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        text = str(error)
        advice = "`docker version` and the engine's own log tell more."
        if "no space left" in text.lower():
            advice = "Free space in the engine's folder, such as with `docker system prune`."
        elif '"timeout"' in text and "not found" in text:
            advice = "The image must have `timeout` of GNU coreutils."
        lost = isinstance(error, requests.exceptions.ConnectionError)
        failure = OutOfReach if lost else RuntimeFailure
        raise failure(f"The Docker engine could not {task}: {text}. {advice}") from error
