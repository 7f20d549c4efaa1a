"""Which language models a run may use: a file in LiteLLM's format, or the keys that are there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench_data.errors import MlebenchError

#: What a provider's models are called, by the variable of its key. A name alone (`gpt-...`) stands
#: for the provider that made it known.
PROVIDERS = {
    "OPENAI_API_KEY": (
        "openai",
        ("gpt-*", "o1*", "o3*", "o4*", "chatgpt-*", "codex-*", "text-embedding-*"),
    ),
    "ANTHROPIC_API_KEY": ("anthropic", ("claude-*",)),
    "GEMINI_API_KEY": ("gemini", ("gemini-*",)),
    "DEEPSEEK_API_KEY": ("deepseek", ("deepseek-*",)),
    "MISTRAL_API_KEY": ("mistral", ("mistral-*", "codestral-*", "devstral-*")),
    "XAI_API_KEY": ("xai", ("grok-*",)),
    "GROQ_API_KEY": ("groq", ()),
    "TOGETHERAI_API_KEY": ("together_ai", ()),
    "FIREWORKS_AI_API_KEY": ("fireworks_ai", ()),
    "OPENROUTER_API_KEY": ("openrouter", ()),
}
_PARTS = {"model_list", "router_settings", "litellm_settings", "hosted_tools"}
_BY_NAME = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
_SECRET = re.compile(r"key|token|secret|password|credential", re.IGNORECASE)
#: Settings whose name sounds like a secret's.
_NO_SECRET = re.compile(r".*tokens?|.*_cost_per_.*|.*_token_.*", re.IGNORECASE)


@dataclass(frozen=True)
class ModelList:
    """Models that agents may ask.

    Attributes
    ----------
    entries : list of dict
        LiteLLM's `model_list`; keys stand in it by the names of their variables.
    router_settings, litellm_settings : dict
        LiteLLM's settings of these names.
    hosted_tools : bool
        Whether models may use tools that run at their provider, such as a search of the web.
    key_names : tuple of str
        Variables of the environment that hold keys.
    """

    entries: list[dict[str, Any]]
    router_settings: dict[str, Any]
    litellm_settings: dict[str, Any]
    hosted_tools: bool
    key_names: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names by which agents ask for them; `*` stands for any characters."""
        return [entry["model_name"] for entry in self.entries]

    def config(self) -> dict[str, Any]:
        """Return LiteLLM's configuration."""
        return {
            "model_list": self.entries,
            # One attempt's errors must not close a model to the others.
            "router_settings": {"disable_cooldowns": True, **self.router_settings},
            "litellm_settings": {
                # What a model does not know (a temperature) is left out, not refused.
                "drop_params": True,
                # Many servers of OpenAI's protocol have only its older part.
                "use_chat_completions_url_for_anthropic_messages": True,
                **self.litellm_settings,
            },
        }

    def record(self) -> dict[str, Any]:
        """Return what a record says of it."""
        text = json.dumps([self.config(), self.hosted_tools], sort_keys=True)
        return {
            "models": {
                entry["model_name"]: entry["litellm_params"]["model"] for entry in self.entries
            },
            "hosted_tools": self.hosted_tools,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }


def load_models(path: Path | None, environment: Mapping[str, str]) -> ModelList:
    """Read a file of models, or offer those of all providers whose key is in the environment.

    Parameters
    ----------
    path : pathlib.Path or None
        A YAML file with `model_list` as LiteLLM takes it, and, if wanted, `router_settings`,
        `litellm_settings` and `hosted_tools`.
    environment : mapping of str to str
        Where keys are looked up; their values do not get into the result.

    Raises
    ------
    MlebenchError
        If the file breaks the format or holds a key itself, or if a key is missing.
    """
    if path is None:
        return _passed_through(environment)
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MlebenchError(f"--models: {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise MlebenchError(f"--models: {path} is not valid YAML: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("model_list"), list):
        raise MlebenchError(f"--models: {path} has no `model_list`; docs/models.md shows one.")
    unknown = sorted(map(str, content.keys() - _PARTS))
    if unknown:
        raise MlebenchError(
            f"--models: {path} has the unknown part {', '.join(unknown)}. Known: "
            f"{', '.join(sorted(_PARTS))}."
        )
    if not content["model_list"]:
        raise MlebenchError(f"--models: the `model_list` of {path} is empty.")
    names: set[str] = set()
    for number, entry in enumerate(content["model_list"]):
        names |= _check_entry(entry, f"{path}: model_list[{number}]", environment)
    return ModelList(
        content["model_list"],
        content.get("router_settings") or {},
        content.get("litellm_settings") or {},
        bool(content.get("hosted_tools", False)),
        tuple(sorted(names)),
    )


def _check_entry(entry: Any, place: str, environment: Mapping[str, str]) -> set[str]:
    """Check one model; return the variables that hold its keys."""
    if not (
        isinstance(entry, dict)
        and isinstance(entry.get("model_name"), str)
        and isinstance(entry.get("litellm_params"), dict)
        and isinstance(entry["litellm_params"].get("model"), str)
    ):
        raise MlebenchError(
            f"--models: {place} needs `model_name` and `litellm_params` with `model`."
        )
    names = set()
    for setting, value in entry["litellm_params"].items():
        match = _BY_NAME.fullmatch(value) if isinstance(value, str) else None
        if match is not None:
            if not environment.get(match[1]):
                raise MlebenchError(
                    f"--models: {place} takes {setting} from the variable {match[1]}, which is "
                    "not set. Set it, or leave the model out."
                )
            if _sounds_secret(setting):
                names.add(match[1])
        elif _sounds_secret(setting) and isinstance(value, str):
            raise MlebenchError(
                f"--models: {place} holds a secret itself ({setting}). Keep it in a variable of "
                f"the environment and write `{setting}: os.environ/NAME`."
            )
    return names


def _sounds_secret(setting: str) -> bool:
    return bool(_SECRET.search(setting)) and not _NO_SECRET.fullmatch(setting)


def _passed_through(environment: Mapping[str, str]) -> ModelList:
    entries = []
    names = []
    for variable, (provider, patterns) in PROVIDERS.items():
        if not environment.get(variable):
            continue
        names.append(variable)
        entries += [
            {
                "model_name": pattern,
                "litellm_params": {
                    "model": pattern if "/" in pattern else f"{provider}/{pattern}",
                    "api_key": f"os.environ/{variable}",
                },
            }
            for pattern in (f"{provider}/*", *patterns)
        ]
    if not entries:
        raise MlebenchError(
            "There is no language model: none of "
            f"{', '.join(PROVIDERS)} is set. Set one, or name models with --models FILE."
        )
    return ModelList(entries, {}, {}, False, tuple(names))
