"""The dataset card: front matter that `load_dataset` follows, and text for people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.catalogue import Competition
from mlebench_data.catalogue.schema import CompetitionFile
from mlebench_data.hub.card_text import usage, with_host_math
from mlebench_data.hub.features import card_features
from mlebench_data.hub.shards import Shard

if TYPE_CHECKING:
    import pyarrow as pa

_TASKS = {
    ("classification", "tabular"): "tabular-classification",
    ("classification", "timeseries"): "tabular-classification",
    ("classification", "image"): "image-classification",
    ("classification", "text"): "text-classification",
    ("classification", "audio"): "audio-classification",
    ("classification", "video"): "video-classification",
    ("classification", "graph"): "graph-ml",
    ("multilabel", "tabular"): "tabular-classification",
    ("multilabel", "image"): "image-classification",
    ("multilabel", "text"): "text-classification",
    ("multilabel", "audio"): "audio-classification",
    ("multilabel", "video"): "video-classification",
    ("regression", "tabular"): "tabular-regression",
    ("regression", "graph"): "graph-ml",
    ("ranking", "text"): "text-ranking",
    ("segmentation", "image"): "image-segmentation",
    ("detection", "image"): "object-detection",
    ("forecasting", "tabular"): "time-series-forecasting",
    ("forecasting", "timeseries"): "time-series-forecasting",
    ("retrieval", "image"): "image-feature-extraction",
    ("retrieval", "text"): "sentence-similarity",
    ("sequence-to-sequence", "text"): "text-generation",
}
"""The host's name of a task, by task and modality. Pairs without a name there are left out."""

_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
)


@dataclass(frozen=True)
class Config:
    """One configuration of the dataset: a schema and the shards of each split."""

    name: str
    schema: pa.Schema
    splits: dict[str, list[Shard]]
    sealed: bool = False


def _size_category(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "n>1B")


def _pattern(shards: list[Shard]) -> str:
    """Return the pattern that names the shards of one split."""
    path = Path(shards[0].path)
    return str(path.with_name(path.name.replace("-00000.", "-*.")))


def config_entry(config: Config) -> dict[str, Any]:
    """Return how the front matter names a configuration and its files."""
    default = {"default": True} if config.name == "default" else {}
    files = [{"split": split, "path": _pattern(shards)} for split, shards in config.splits.items()]
    return {"config_name": config.name, **default, "data_files": files}


def info_entry(config: Config, root: Path) -> dict[str, Any]:
    """Return what the front matter says about features and sizes of a configuration."""
    splits = []
    download = 0
    for split, shards in config.splits.items():
        stored = sum((root / shard.path).stat().st_size for shard in shards)
        download += stored
        splits.append(
            {
                "name": split,
                # Of sealed rows, only the padded size may be known.
                "num_bytes": stored if config.sealed else sum(item.num_bytes for item in shards),
                "num_examples": sum(item.rows for item in shards),
            }
        )
    return {
        "config_name": config.name,
        "features": card_features(config.schema),
        "splits": splits,
        "download_size": download,
        "dataset_size": sum(split["num_bytes"] for split in splits),
    }


def _license(facts: CompetitionFile) -> dict[str, str]:
    terms = facts.license
    if terms.spdx:
        return {"license": terms.spdx.lower()}
    link = {"license_link": terms.url} if terms.url else {}
    # The host takes a short lower-case name here; the card's text has the full one.
    name = re.sub(r"[^a-z0-9.]+", "-", terms.name.lower()).strip("-")
    return {"license": "other", "license_name": name, **link}


def front_matter(
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
        All configurations; `default` holds train and test.
    key_id : str
        Fingerprint of the key that opens the private part.
    root : pathlib.Path
        The repository, for the sizes of its files.
    """
    facts = competition.facts
    default = next(config for config in configs if config.name == "default")
    tasks = [
        name for kind in facts.modalities if (name := _TASKS.get((facts.task, kind))) is not None
    ]
    rows = sum(shard.rows for shards in default.splits.values() for shard in shards)
    metric = competition.version(version).metric
    return {
        **_license(facts),
        "pretty_name": facts.name,
        **({"language": facts.languages} if facts.languages else {}),
        "tags": ["mlebench", *facts.modalities, facts.task],
        **({"task_categories": sorted(set(tasks))} if tasks else {}),
        "size_categories": [_size_category(rows)],
        "configs": [config_entry(config) for config in configs],
        "dataset_info": [info_entry(config, root) for config in configs],
        "mlebench": {
            "competition": competition.id,
            "version": version,
            "metric": metric.name,
            "higher_is_better": metric.higher_is_better,
            "redistribution": facts.license.redistribution,
            "key_id": key_id,
        },
    }


def with_hyphens(content: dict[str, Any]) -> str:
    """Return front matter as it begins a card, between its two lines of hyphens."""
    import yaml

    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{text}---\n"


def card(
    competition: Competition, version: str, configs: list[Config], key_id: str, root: Path
) -> str:
    """Return the text of the dataset card. Parameters are those of `front_matter`."""
    header = with_hyphens(front_matter(competition, version, configs, key_id, root))
    body = with_host_math(competition.description()).rstrip("\n")
    return f"{header}\n{body}\n{usage(competition, version, key_id, configs)}"
