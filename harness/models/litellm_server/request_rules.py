"""What an agent may ask of a language model, and what not.

A model's provider can be made to do more than answer: look things up in the web, run programs,
fetch addresses. An agent without a network must not get one in this way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

#: Requests that are counted, by their path without `/v1`.
COUNTED = frozenset({"chat/completions", "completions", "embeddings", "messages", "responses"})
#: Others that are handed on.
FREE = frozenset({"messages/count_tokens"})

#: Parameters that steer the proxy rather than the model, or make the provider reach further.
_STEERING = re.compile(
    r"(api_|aws_|azure_|vertex_|gcs_|s3_|oci_|watsonx_|sagemaker_|snowflake_|litellm_|mock_|mcp_)"
    r".*|base_url|custom_llm_provider|extra_headers|headers|extra_body|user_config|model_list"
    r"|fallbacks|context_window_fallbacks|content_policy_fallbacks|router_settings.*"
    r"|specific_deployment|guardrails|callbacks|success_callback|failure_callback|organization"
    r"|region_name|hf_model_name|proxy_server_request|secret_fields|use_in_pass_through|prompt_id"
    r"|input_cost_.*|output_cost_.*|background|cache|no-log|tags"
)
_HOSTED = frozenset({"web_search_options", "search_parameters", "plugins", "container"})
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+ -]*")
#: What the provider need not know, and LiteLLM would take for its own.
_DROPPED = ("metadata", "user", "safety_identifier")
#: Kinds of tools that the agent runs itself.
_OWN_TOOL = re.compile(r"function|custom|(bash|text_editor|memory)_\d+")
#: Names of models that look things up by themselves.
_LOOKS_UP = re.compile(r"search|sonar|deep-research|:online")
_ADDRESSES = ("url", "image_url", "file_url", "audio_url", "video_url")


class RefusedRequestError(ValueError):
    """The request breaks a rule; the text says which."""


def check_request(body: Any, *, hosted_tools: bool, listed: frozenset[str]) -> dict[str, Any]:
    """Return a request as it may be handed on.

    Parameters
    ----------
    body : object
        The JSON body.
    hosted_tools : bool
        Whether tools that run at the provider are allowed.
    listed : frozenset of str
        Models that the operator has named in full.

    Returns
    -------
    dict
        The body, without what the provider need not know.

    Raises
    ------
    RefusedRequestError
        If it asks for more than an answer.
    """
    if not isinstance(body, dict):
        raise RefusedRequestError("the body must be a JSON object")
    model = body.get("model")
    if not isinstance(model, str) or not _MODEL.fullmatch(model) or ".." in model:
        raise RefusedRequestError("`model` must be the name of a model")
    for name in body:
        if _STEERING.fullmatch(name):
            raise RefusedRequestError(f"the parameter `{name}` is not allowed")
    if not hosted_tools:
        _check_hosted(body, model, listed)
    for part in ("messages", "input", "system", "prompt"):
        for address in _addresses(body.get(part)):
            if not address.startswith("data:"):
                raise RefusedRequestError(
                    f"the address {address[:80]!r} is not fetched: send the content itself, as a "
                    "data: address or in base64"
                )
    return {name: value for name, value in body.items() if name not in _DROPPED}


def _check_hosted(body: dict[str, Any], model: str, listed: frozenset[str]) -> None:
    if model not in listed and _LOOKS_UP.search(model):
        raise RefusedRequestError(f"the model {model!r} looks things up, which is not allowed")
    for name in sorted(_HOSTED & body.keys()):
        raise RefusedRequestError(
            f"the parameter `{name}` asks for tools of the provider's, which are not allowed"
        )
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        raise RefusedRequestError("`tools` must be a list")
    for tool in tools:
        kind = tool.get("type", "custom") if isinstance(tool, dict) else None
        if not isinstance(kind, str) or not _OWN_TOOL.fullmatch(kind):
            raise RefusedRequestError(
                f"the tool {kind!r} would run at the provider; only tools that the agent runs "
                "itself are allowed"
            )


def _addresses(value: Any) -> Iterator[str]:
    """Find addresses in a message, however deep; the text of messages is not looked at."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            for name, part in item.items():
                if name == "input" and item.get("type") == "tool_use":
                    continue  # arguments of the agent's own tool, which nobody fetches
                if isinstance(part, str) and name in _ADDRESSES:
                    yield part
                elif isinstance(part, dict | list):
                    waiting.append(part)
