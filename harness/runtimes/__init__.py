"""Where and under which limits agents run."""

from __future__ import annotations

from mlebench_data.harness.runtimes.base import Runtime
from mlebench_data.harness.runtimes.failures import RuntimeFailure

RUNTIME_NAMES = ("docker", "podman", "local")


def choose_runtime(name: str | None = None) -> tuple[Runtime, str | None]:
    """Return a runtime by name, or the best one that this machine offers.

    Parameters
    ----------
    name : {"docker", "podman", "local"}, optional
        None takes Docker where an engine answers, else the local runtime.

    Returns
    -------
    runtime : Runtime
        The runtime, which has answered if it is an engine.
    warning : str or None
        What the caller should tell the person who runs this, if anything.

    Raises
    ------
    RuntimeFailure
        If the runtime asked for cannot be used or does not exist.
    """
    if name not in (None, *RUNTIME_NAMES):
        raise RuntimeFailure(f"There is no runtime {name!r}. Known: {', '.join(RUNTIME_NAMES)}.")
    if name != "local":
        from mlebench_data.harness.runtimes.docker import DockerRuntime
        from mlebench_data.harness.runtimes.docker_engine import docker_engine, podman_engine

        engine = podman_engine() if name == "podman" else docker_engine()
        try:
            return DockerRuntime(engine), None
        except RuntimeFailure as failure:
            if name is not None:
                raise
            reason = str(failure)
    else:
        reason = "The local runtime was asked for."
    from mlebench_data.harness.runtimes.local import LocalRuntime

    return LocalRuntime(), (
        f"{reason} Agents run as plain processes of this account: nothing keeps them from other "
        "files, from the network or from answers that this account can read."
    )
