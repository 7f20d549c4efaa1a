"""Checks of optional libraries, language models, and what steers libraries from outside."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.finding import Finding, Level

#: What the optional parts of the package need, and what each is for.
EXTRAS = {
    "archives": (("py7zr",), "7z archives"),
    "images": (("PIL",), "decoding images"),
    "kaggle": (("kaggle",), "mlebench fetch"),
    "serve": (("starlette", "uvicorn"), "mlebench serve"),
    "s3": (("s3fs",), "sources and targets on S3"),
    "ray": (("ray",), "--ray"),
}

#: Variables of the Hugging Face libraries that change where data comes from.
_HUB_VARIABLES = (
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_HUB_OFFLINE",
    "HF_DATASETS_OFFLINE",
    "HF_EVALUATE_OFFLINE",
    "HF_HUB_DISABLE_XET",
)


def extras() -> Iterator[Finding]:
    """Look for optional libraries."""
    for name, (modules, purpose) in EXTRAS.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if missing:
            yield Finding(
                "extras",
                "note",
                f"{name}: not installed ({purpose})",
                f"pip install 'mlebench-data[{name}]'",
            )
        else:
            yield Finding("extras", "ok", f"{name}: {purpose}")


def hugging_face() -> Iterator[Finding]:
    """Say which settings of the Hugging Face libraries are in force."""
    found = {name: os.environ[name] for name in _HUB_VARIABLES if os.environ.get(name)}
    text = ", ".join(f"{name}={value}" for name, value in found.items()) or "no settings"
    yield Finding("hugging face", "ok", text)
    if found.get("HF_HUB_OFFLINE") and not found.get("HF_EVALUATE_OFFLINE"):
        yield Finding(
            "hugging face",
            "note",
            "HF_HUB_OFFLINE is set and HF_EVALUATE_OFFLINE is not: evaluate still asks the network",
            "export HF_EVALUATE_OFFLINE=1",
        )


def models() -> Iterator[Finding]:
    """Look for what serves language models, and for keys of their providers."""
    from mlebench_data.harness.models.model_list import PROVIDERS
    from mlebench_data.harness.models.proxy import PYTHON_VARIABLE, check_python, proxy_python

    python = proxy_python(os.environ)
    try:
        check_python(python)
    except MlebenchError as error:
        # Who names a Python wants it to work; others may not want language models at all.
        level: Level = "problem" if os.environ.get(PYTHON_VARIABLE) else "note"
        yield Finding("models", level, "no LiteLLM (--network llm)", str(error))
    else:
        yield Finding("models", "ok", f"LiteLLM of {python} (--network llm)")
    found = [name for name in PROVIDERS if os.environ.get(name)]
    if found:
        yield Finding("models", "ok", f"{', '.join(found)} set")
    else:
        yield Finding(
            "models",
            "note",
            "no key of a provider in the environment",
            f"export {next(iter(PROVIDERS))}=..., or name a server of your own with --models FILE",
        )
