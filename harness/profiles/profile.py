"""Reading profiles, and comparing what is in force with one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench_data.errors import MlebenchError, UnknownNameError, suggest
from mlebench_data.harness.quantities import parse_duration, parse_size
from mlebench_data.harness.runtimes.sandbox import Limits, Network

if TYPE_CHECKING:
    from mlebench_data.harness.attempt import Settings


@dataclass(frozen=True)
class Profile:
    """What each attempt of a run gets.

    Attributes
    ----------
    name : str
        Name for records.
    description : str
        One sentence.
    time_limit, grace : float
        Seconds.
    cpus : float or None
        Processors; None leaves it open, as with all limits below.
    memory, shared_memory, disk : int or None
        Bytes.
    processes, open_files : int or None
        How many.
    gpus : int
        Graphics processors.
    network : {"none", "llm", "full"}
        What is reached.
    warn_before : tuple of float
        Seconds before the end at which the agent is told, in falling order.
    snapshot_every : float or None
        Seconds between two copies of the submission; None makes none.
    """

    name: str
    description: str
    time_limit: float
    grace: float
    cpus: float | None
    memory: int | None
    shared_memory: int | None
    disk: int | None
    processes: int | None
    open_files: int | None
    gpus: int
    network: Network
    warn_before: tuple[float, ...]
    snapshot_every: float | None

    def limits(self) -> Limits:
        """Return the limits of a sandbox."""
        return Limits(
            time_seconds=self.time_limit,
            grace_seconds=self.grace,
            cpus=self.cpus,
            memory_bytes=self.memory,
            processes=self.processes,
            shared_memory_bytes=self.shared_memory,
            open_files=self.open_files,
            disk_bytes=self.disk,
        )


def profile_names() -> list[str]:
    """Return the names of the profiles that come with the package."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def load_profile(name_or_path: str) -> Profile:
    """Read a profile by its name, or from a YAML file.

    Parameters
    ----------
    name_or_path : str
        One of `profile_names()`, or a file whose name ends in `.yaml` or `.yml`. Times are written
        as 24h, sizes as 8g; `description` and all values but `time_limit` may be left out.

    Raises
    ------
    UnknownNameError
        If there is no such profile.
    MlebenchError
        If the file breaks the schema; the message names file and key.
    """
    import yaml

    if name_or_path in profile_names():
        path = _folder() / f"{name_or_path}.yaml"
    else:
        path = Path(name_or_path)
        if path.suffix not in (".yaml", ".yml") or not path.is_file():
            raise UnknownNameError(
                f"There is no profile '{name_or_path}': it is neither one of "
                f"{', '.join(profile_names())} nor a YAML file. "
                f"{suggest(name_or_path, profile_names())}".rstrip()
            )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise MlebenchError(f"{path} is not valid YAML: {error}") from error
    except UnicodeDecodeError as error:
        raise MlebenchError(f"{path} is not UTF-8 text: {error}") from error
    return _validated(path, content)


def deviations(profile: Profile, settings: Settings) -> dict[str, dict[str, Any]]:
    """Return where settings differ from a profile, for the record.

    Parameters
    ----------
    profile : Profile
        What was asked for by name.
    settings : Settings
        What is in force.

    Returns
    -------
    dict
        By the name of the value: `{"profile": ..., "run": ...}`; fit for JSON. A GPU that several
        attempts share is no whole one: `runs_per_gpu` is there unless it is 1.
    """
    limits = settings.limits
    in_force = {
        "time_limit": limits.time_seconds,
        "grace": limits.grace_seconds,
        "cpus": limits.cpus,
        "memory": limits.memory_bytes,
        "shared_memory": limits.shared_memory_bytes,
        "disk": limits.disk_bytes,
        "processes": limits.processes,
        "open_files": limits.open_files,
        "gpus": settings.gpus_per_run,
        "network": settings.network,
        "warn_before": sorted(settings.warn_before, reverse=True),
        "snapshot_every": settings.snapshot_every,
    }
    found = {}
    for name, value in in_force.items():
        wanted = getattr(profile, name)
        wanted = list(wanted) if isinstance(wanted, tuple) else wanted
        if value != wanted:
            found[name] = {"profile": wanted, "run": value}
    if settings.gpus_per_run and settings.runs_per_gpu != 1:
        found["runs_per_gpu"] = {"profile": 1, "run": settings.runs_per_gpu}
    return found


def _folder() -> Path:
    return Path(str(resources.files("mlebench_data.harness"))) / "profiles"


def _validated(path: Path, content: Any) -> Profile:
    from typing import Annotated

    from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

    def text(value: Any) -> str:
        # YAML reads 90 as a number, and 1:30 as another.
        return str(value) if not isinstance(value, bool) else "a switch"

    Duration = Annotated[float, BeforeValidator(lambda value: parse_duration(text(value)))]  # noqa: N806
    Size = Annotated[int, BeforeValidator(lambda value: parse_size(text(value)))]  # noqa: N806

    class ProfileFile(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        description: str = ""
        time_limit: Duration
        grace: Duration = 10.0
        cpus: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
        memory: Size | None = None
        shared_memory: Size | None = None
        disk: Size | None = None
        processes: Annotated[int, Field(gt=0)] | None = None
        open_files: Annotated[int, Field(gt=0)] | None = None
        gpus: Annotated[int, Field(ge=0)] = 0
        network: Network = "none"
        warn_before: list[Duration] = []
        snapshot_every: Duration | None = None

    try:
        found = ProfileFile.model_validate(content)
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, item['loc'])) or '(top level)'}: {item['msg']}"
            for item in error.errors(include_url=False)
        ]
        raise MlebenchError(f"{path} breaks the schema:\n" + "\n".join(lines)) from None
    values = found.model_dump()
    values["warn_before"] = tuple(sorted(found.warn_before, reverse=True))
    assert set(values) == {field.name for field in fields(Profile)} - {"name"}
    return Profile(name=path.stem, **values)
