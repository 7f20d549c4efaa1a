"""LiteLLM's own application, set up to tell the ledger what each request was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .gate import App
from .ledger import Ledger


def load_litellm(config: Path, inner_key: str) -> tuple[App, str]:
    """Import LiteLLM and return its application and its version.

    Parameters
    ----------
    config : pathlib.Path
        Its configuration, a YAML file.
    inner_key : str
        The key that its application is to ask for.
    """
    os.environ.update(
        CONFIG_FILE_PATH=str(config),
        LITELLM_MASTER_KEY=inner_key,
        # The prices that the installed version has: no look-up, and the same for all of a run.
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_MODE="PRODUCTION",  # reads no .env file
        LITELLM_LOG=os.environ.get("LITELLM_LOG", "ERROR"),
        DISABLE_ADMIN_UI="True",
        NO_DOCS="True",
        NO_REDOC="True",
    )
    from importlib.metadata import version

    import litellm  # type: ignore[import-not-found]
    from litellm.proxy.proxy_server import app  # type: ignore[import-not-found]

    litellm.telemetry = False
    return app, version("litellm")


def report_to(ledger: Ledger) -> None:
    """Have LiteLLM tell the ledger what requests cost."""
    import litellm  # type: ignore[import-not-found]
    from litellm.integrations.custom_logger import CustomLogger  # type: ignore[import-not-found]

    class Report(CustomLogger):  # type: ignore[misc]
        async def async_log_success_event(
            self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
        ) -> None:
            facts = kwargs.get("standard_logging_object") or {}
            ledger.settle(
                kwargs.get("litellm_call_id") or "",
                prompt_tokens=int(facts.get("prompt_tokens") or 0),
                completion_tokens=int(facts.get("completion_tokens") or 0),
                cost_usd=_cost(kwargs, facts),
            )

        async def async_log_failure_event(
            self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
        ) -> None:
            ledger.failed_once(kwargs.get("litellm_call_id") or "")

    litellm.callbacks.append(Report())


def _cost(kwargs: dict[str, Any], facts: dict[str, Any]) -> float | None:
    """Return the cost in USD, None where the price is unknown."""
    cost = kwargs.get("response_cost")
    if cost is None:
        return None
    if cost == 0 and not _is_priced(facts):
        return None
    return float(cost)


def _is_priced(facts: dict[str, Any]) -> bool:
    """Tell whether a cost of 0 is a price, and not the lack of one."""
    import litellm  # type: ignore[import-not-found]

    known = facts.get("model_map_information") or {}
    names = [known.get("model_map_key"), facts.get("model"), facts.get("model_id")]
    hidden = facts.get("hidden_params") or {}
    names.append(hidden.get("model_id"))
    return any(_has_price(litellm.model_cost.get(name)) for name in names if name)


def _has_price(entry: Any) -> bool:
    return isinstance(entry, dict) and any(
        entry.get(name) is not None
        for name in ("input_cost_per_token", "input_cost_per_character", "input_cost_per_second")
    )


def unpriced_models(model_list: list[dict[str, Any]]) -> list[str]:
    """Return the names of models that no price is known of; those with `*` are not looked up."""
    import litellm  # type: ignore[import-not-found]

    found = []
    for entry in model_list:
        name, given = entry["model_name"], entry["litellm_params"]
        own = {**entry.get("model_info", {}), **given}
        if "*" in name or _has_price(own):
            continue
        base = entry.get("model_info", {}).get("base_model")
        model = base or given["model"]
        candidates = (model, model.partition("/")[2])
        if not any(_has_price(litellm.model_cost.get(text)) for text in candidates):
            found.append(name)
    return found
