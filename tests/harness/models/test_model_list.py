"""Files of models, and models by the keys that are there."""

from __future__ import annotations

import json

import pytest
import yaml

from mlebench_data.errors import MlebenchError
from mlebench_data.harness.models.model_list import load_models

ENTRY = {"model_name": "m", "litellm_params": {"model": "openai/m", "api_key": "os.environ/KEY"}}


@pytest.fixture
def load(tmp_path):
    def read(content, **environment):
        path = tmp_path / "models.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return load_models(path, environment)

    return read


def test_file(load):
    models = load({"model_list": [ENTRY], "hosted_tools": True}, KEY="sk-value")
    assert models.names == ["m"]
    assert models.key_names == ("KEY",)
    assert models.hosted_tools is True
    assert models.config()["model_list"] == [ENTRY]
    assert models.config()["router_settings"]["disable_cooldowns"] is True
    record = models.record()
    assert record["models"] == {"m": "openai/m"}
    assert "sk-value" not in json.dumps([models.config(), record])


def test_record_tells_models_apart(load):
    first = load({"model_list": [ENTRY]}, KEY="a").record()
    other = {**ENTRY, "litellm_params": {**ENTRY["litellm_params"], "temperature": 0}}
    assert load({"model_list": [ENTRY]}, KEY="b").record() == first, "keys are no part of it"
    assert load({"model_list": [other]}, KEY="a").record() != first


def with_params(**params):
    return {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/m", **params}}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "not valid YAML"),
        ("- 1", "no `model_list`"),
        ({"model_list": []}, "is empty"),
        ({"model_list": [ENTRY], "general_settings": {}}, "general_settings"),
        ({"model_list": [{"model_name": "m"}]}, r"model_list\[0\] needs"),
        ({"model_list": ["m"]}, r"model_list\[0\] needs"),
        (with_params(api_key="sk-in-the-file"), "holds a secret itself"),
        (with_params(aws_secret_access_key="x"), "holds a secret itself"),
        (with_params(api_key="os.environ/MISSING"), "MISSING, which is not set"),
        (with_params(api_base="os.environ/MISSING"), "MISSING, which is not set"),
    ],
)
def test_wrong_files(load, content, message):
    with pytest.raises(MlebenchError, match=message):
        load(content, KEY="value")


def test_settings_that_only_sound_like_secrets(load):
    content = with_params(max_tokens=5, input_cost_per_token=0.1, api_base="os.environ/BASE")
    assert load(content, BASE="http://x").key_names == ()


def test_missing_file(tmp_path):
    with pytest.raises(MlebenchError, match="cannot be read"):
        load_models(tmp_path / "none.yaml", {})


def test_models_by_keys():
    models = load_models(None, {"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "b", "OTHER_KEY": "c"})
    assert {"openai/*", "gpt-*", "anthropic/*", "claude-*"} <= set(models.names)
    assert not any(name.startswith("gemini") for name in models.names)
    assert models.key_names == ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
    targets = {item["model_name"]: item["litellm_params"]["model"] for item in models.entries}
    assert (targets["gpt-*"], targets["openai/*"]) == ("openai/gpt-*", "openai/*")


def test_no_keys():
    with pytest.raises(MlebenchError, match="OPENAI_API_KEY"):
        load_models(None, {})
