"""Arguments of commands that serve language models to agents."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import MlebenchError

if TYPE_CHECKING:
    from mlebench_data.harness.models.proxy import ModelProxy


def dollars(text: str) -> float:
    """Parse an amount of money such as 5 or 0.25."""
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 < amount < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is no amount in USD; write 5 or 0.25")
    return amount


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--models",
        type=Path,
        metavar="FILE",
        help="language models that agents may ask (default with --network llm: those of all "
        "providers whose key is in the environment, such as OPENAI_API_KEY)",
    )
    parser.add_argument(
        "--max-cost",
        type=dollars,
        metavar="USD",
        help="end an attempt that has spent this on language models",
    )


def make_model_proxy(
    arguments: argparse.Namespace, run_folder: Path, *, isolates: bool
) -> ModelProxy | None:
    """Return the proxy that the arguments ask for, not started; None where they ask for none.

    Parameters
    ----------
    arguments : argparse.Namespace
        With `network`, `models` and `max_cost`.
    run_folder : pathlib.Path
        Folder of the run.
    isolates : bool
        Whether the runtime isolates agents.

    Raises
    ------
    MlebenchError
        If models are wanted and there is no way to serve them, or if the arguments contradict
        each other.
    """
    import os

    from mlebench_data.harness.models.model_list import load_models
    from mlebench_data.harness.models.proxy import ModelProxy

    if arguments.network != "llm" and arguments.models is None:
        if arguments.max_cost is not None:
            raise MlebenchError(
                "--max-cost counts what goes through the language-model proxy, which takes "
                "--network llm or --models FILE."
            )
        return None
    if arguments.network == "none":
        raise MlebenchError("--models takes --network llm (only the models) or full.")
    models = load_models(arguments.models, os.environ)
    proxy = ModelProxy(
        models,
        run_folder,
        isolates=isolates,
        max_cost=arguments.max_cost,
        environment=os.environ,
    )
    proxy.check()
    return proxy
