"""Put metrics where ``evaluate.load("mlebench/<name>")`` finds them without a network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .registry import metric_names, metric_path

NAMESPACE = "mlebench"


def install_metrics(names: Sequence[str] | None = None) -> list[Path]:
    """Copy metrics into the module cache of ``evaluate``, below ``$HF_HOME``.

    With the environment variable ``HF_EVALUATE_OFFLINE=1``, ``evaluate.load("mlebench/<name>")``
    then loads them from any folder and without this package. Without the variable, ``evaluate``
    first asks the Hugging Face Hub for a space of that name.

    Parameters
    ----------
    names : sequence of str, optional
        Some of `metric_names`; all of them by default.

    Returns
    -------
    list of Path
        The module of each metric in the cache.

    Raises
    ------
    UnknownMetricError
        If there is no such metric; nothing is installed then.
    """
    folders = [metric_path(name) for name in (metric_names() if names is None else names)]
    return [_install(folder) for folder in folders]


def _install(folder: Path) -> Path:
    import evaluate

    factory = evaluate.loading.LocalEvaluationModuleFactory(str(folder / f"{folder.name}.py"))
    # Under the name of a space, evaluate files a local module as it does a downloaded one.
    factory.name = f"{NAMESPACE}/{folder.name}"
    module = factory.get_module()
    cache = Path(evaluate.config.HF_MODULES_CACHE)
    target = cache.joinpath(*module.module_path.split(".")).with_suffix(".py")
    # evaluate never replaces a file, not even one that an interrupted copy has left incomplete.
    for copy in target.parent.glob("[!_]*.py"):
        content = (folder / copy.name).read_bytes()
        if copy.read_bytes() != content:
            copy.write_bytes(content)
    # Of several versions, evaluate loads the one that was changed last.
    os.utime(target)
    return target
