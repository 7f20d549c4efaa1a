"""Which graphics processors of a node an attempt may have."""

from __future__ import annotations

import os
from collections.abc import Collection

from mlebench_data.harness.attempt import Settings
from mlebench_data.harness.runtimes.failures import LastingFailure
from mlebench_data.harness.runtimes.sandbox import Gpu

_VARIABLE = "CUDA_VISIBLE_DEVICES"


def node_gpus(settings: Settings, had: Collection[str]) -> tuple[Gpu, ...]:
    """Return the GPUs that an attempt may be given.

    Parameters
    ----------
    settings : Settings
        What was asked for.
    had : collection of str
        Identifiers of those that an agent which is taken over has, whatever Ray has reserved for
        the task that serves it now. Empty for an agent that is going to be started, which gets what
        Ray has reserved.

    Raises
    ------
    LastingFailure
        If there are fewer than Ray was told.
    """
    if not settings.gpus_per_run:
        return ()
    import ray

    from mlebench_data.harness.gpus import find_gpus

    if had:
        # Ray sets it to what it has reserved for this task.
        listed = os.environ.pop(_VARIABLE, None)
        try:
            found = [gpu for gpu in find_gpus() if gpu.uuid in had]
        finally:
            if listed is not None:
                os.environ[_VARIABLE] = listed
    else:
        # Numbers, or what the variable held when Ray was started there.
        reserved = {str(item) for item in ray.get_gpu_ids()}
        found = [gpu for gpu in find_gpus() if reserved & {gpu.uuid, str(gpu.index)}]
    if len(found) < settings.gpus_per_run:
        raise LastingFailure(
            f"Ray was told of GPUs, but {len(found) or 'none'} of those it has reserved can be "
            "found. `mlebench doctor` tells what was looked for; start Ray there with --num-gpus "
            "as many as there are."
        )
    return tuple(found)
