"""The card of the gated sibling, which holds nothing but sealed answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlebench_data.catalogue import Competition
from mlebench_data.hub.card import Config, config_entry, info_entry, with_hyphens
from mlebench_data.hub.layout import ORGANISATION

_PROMPT = (
    "These are the answers of a benchmark, encrypted. Whoever gets access agrees not to publish "
    "them, not to train on them, and not to show them to a system that is evaluated."
)


def sibling_front_matter(
    competition: Competition, version: str, configs: list[Config], key_id: str, root: Path
) -> dict[str, Any]:
    """Return what stands between the two lines of hyphens at the card's beginning.

    Parameters
    ----------
    competition : Competition
        The competition.
    version : str
        Version of its data.
    configs : list of Config
        The sealed configurations.
    key_id : str
        Fingerprint of the key that opens them.
    root : pathlib.Path
        The sibling, for the sizes of its files.
    """
    facts = competition.facts
    return {
        "pretty_name": f"{facts.name} (sealed answers)",
        "tags": ["mlebench"],
        "viewer": False,
        "extra_gated_heading": f"Ask for the sealed answers of {facts.name}",
        "extra_gated_prompt": _PROMPT,
        "extra_gated_fields": {
            "Affiliation": "text",
            "What the answers are needed for": "text",
            "I will neither publish the answers nor train on them": "checkbox",
        },
        "extra_gated_button_content": "Ask for access",
        "configs": [config_entry(config) for config in configs],
        "dataset_info": [info_entry(config, root) for config in configs],
        "mlebench": {"competition": competition.id, "version": version, "key_id": key_id},
    }


def sibling_card(
    competition: Competition, version: str, configs: list[Config], key_id: str, root: Path
) -> str:
    """Return the text of the sibling's card. Parameters are those of `sibling_front_matter`."""
    header = with_hyphens(sibling_front_matter(competition, version, configs, key_id, root))
    name = f"{ORGANISATION}/{competition.id}"
    return f"""{header}
# Sealed answers of {competition.facts.name}

This repository belongs to `{name}`, version `{version}`, and holds nothing but its answers. They
are encrypted (Parquet modular encryption, AES-256-GCM): access to this repository is not enough to
read them. They open with the key of fingerprint `{key_id}`:

```python
from mlebench_data import load_private

answers = load_private("{name}")
```

Do not open them with `load_dataset` and a key: it would leave the answers unencrypted in its cache.
"""
