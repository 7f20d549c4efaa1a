"""What only this competition needs: division of a relational data set by drives."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mlebench_data.errors import PrepareError
from mlebench_data.recipe import Context

SHARED = ("attribute", "category", "sensor", "visibility")
FIELDS_OF_OBJECT = 8

Record = dict[str, Any]


def divide(context: Context, known_map_defect: bool) -> None:
    """Divide all tables, pictures and lidar sweeps by the drives `train_logs` and `test_logs`.

    Leaves the rows of `labelled` that belong to each part as `train` and `test`.

    Parameters
    ----------
    context : Context
        The running recipe.
    known_map_defect : bool
        Whether the map lists the drives of the test part in both parts, as published.
    """
    names = ("sample", "sample_data", "calibrated_sensor", "ego_pose", "scene", "map")
    tables = {name: _read(context, name) for name in names}
    tokens = {
        part: {log["token"] for log in context.records(f"{part}_logs")}
        for part in ("train", "test")
    }
    sensors = {item["token"]: item for item in tables["calibrated_sensor"]}
    poses = {item["token"]: item for item in tables["ego_pose"]}
    for part in ("train", "test"):
        logs = tokens[part]
        # Scenes are named by the token of their drive in this data set.
        samples = [item for item in tables["sample"] if item["scene_token"] in logs]
        chosen = {item["token"] for item in samples}
        frames = [item for item in tables["sample_data"] if item["sample_token"] in chosen]
        used = dict.fromkeys(item["calibrated_sensor_token"] for item in frames)
        _write(context, part, "log", (x for x in _read(context, "log") if x["token"] in logs))
        _write(context, part, "sample", samples)
        _write(context, part, "sample_data", frames)
        _write(context, part, "calibrated_sensor", _find(sensors, used, "calibrated_sensor"))
        wanted = (item["ego_pose_token"] for item in frames)
        _write(context, part, "ego_pose", _find(poses, wanted, "ego_pose"))
        scenes = (item for item in tables["scene"] if item["log_token"] in logs)
        _write(context, part, "scene", scenes)
        listed = [
            log["token"]
            for log in context.records("test_logs" if known_map_defect else f"{part}_logs")
        ]
        _write(context, part, "map", ({**item, "log_tokens": listed} for item in tables["map"]))
        if part == "train":
            notes = [x for x in _read(context, "sample_annotation") if x["sample_token"] in chosen]
            _write(context, part, "sample_annotation", notes)
            seen = {item["instance_token"] for item in notes}
            instances = (item for item in _read(context, "instance") if item["token"] in seen)
            _write(context, part, "instance", instances)
        for name in SHARED:
            context.copy(f"train_data/{name}.json", f"public/{part}_data/{name}.json")
        context.copy_all(_files(part, frames))
        rows = context.column("labelled", "Id").isin(chosen)
        context.values[part] = context.table("labelled")[rows].reset_index(drop=True)


def _files(part: str, frames: list[Record]) -> Iterable[tuple[str, str]]:
    """Pair the raw file of each frame with its place in a part."""
    for filename in dict.fromkeys(item["filename"] for item in frames):
        name = filename.rpartition("/")[2]
        kinds = {"jpeg": "images", "bin": "lidar"}
        ending = name.rpartition(".")[2]
        if ending not in kinds:
            raise PrepareError(f"sample_data.json names '{filename}', neither a .jpeg nor a .bin.")
        yield f"train_{kinds[ending]}/{name}", f"public/{part}_{kinds[ending]}/{name}"


def _read(context: Context, name: str) -> list[Record]:
    with context.raw.open(f"train_data/{name}.json") as stream:
        records: list[Record] = json.load(stream)
    return records


def _find(known: dict[str, Record], wanted: Iterable[str], name: str) -> list[Record]:
    try:
        return [known[token] for token in wanted]
    except KeyError as error:
        raise PrepareError(f"sample_data.json names {error}, which {name}.json lacks.") from error


def _write(context: Context, part: str, name: str, records: Iterable[Record]) -> None:
    path = f"public/{part}_data/{name}.json"
    with context.target(path).open("w", encoding="ascii", newline="\n") as stream:
        json.dump(list(records), stream)
    context.advance(1)


def add_confidence(context: Context, confidence: str) -> None:
    """Put a confidence before each object of the `test` rows, as submissions have it: `answers`."""
    answers = context.table("test").copy()
    cells = []
    for row, cell in zip(answers["Id"], answers["PredictionString"], strict=True):
        tokens = cell.split(" ") if isinstance(cell, str) else []
        if len(tokens) % FIELDS_OF_OBJECT:
            raise PrepareError(f"train.csv: the objects of '{row}' do not have 8 values each.")
        objects = range(0, len(tokens), FIELDS_OF_OBJECT)
        cells.append(
            " ".join(" ".join([confidence, *tokens[i : i + FIELDS_OF_OBJECT]]) for i in objects)
        )
    answers["PredictionString"] = cells
    context.values["answers"] = answers
