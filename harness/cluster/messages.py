"""What a node tells the driver while it serves an attempt, and what it was asked to serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlebench_data.harness.cluster.node_models import ModelOffer
from mlebench_data.harness.executor import Work
from mlebench_data.harness.runtimes.sandbox import Gpu

#: Bytes in one message, at most.
CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Order:
    """An attempt that a node is to serve.

    Attributes
    ----------
    scratch : str
        Name of its folder on the node.
    run : str
        Name of the run that it belongs to.
    work : Work
        What is to be run. Its folders are the driver's: only where the data is a shared folder do
        they mean anything on the node.
    instructions : bytes
        Content of `instructions.txt`.
    runtime : str
        Name of the runtime.
    place : str or None
        Where the node restores the data from; None for a prepared folder that it shares.
    agent_files : tuple
        References to the chunks of the agent's packed folder.
    adopts : bool
        Whether an agent that was started for another driver is to be taken over.
    gpus : tuple of str
        Identifiers of the GPUs that such an agent has.
    models : ModelOffer or None
        Language models that the agent may ask.
    """

    scratch: str
    run: str
    work: Work
    instructions: bytes
    runtime: str
    place: str | None
    agent_files: tuple[Any, ...] = ()
    adopts: bool = False
    gpus: tuple[str, ...] = ()
    models: ModelOffer | None = None


@dataclass(frozen=True)
class Reached:
    """A node has taken the order; the name of the host and Ray's identifier."""

    node: str
    node_id: str


@dataclass(frozen=True)
class Started:
    """The agent is about to run on a node."""

    node: str
    gpus: tuple[Gpu, ...]


@dataclass(frozen=True)
class LogPiece:
    """More of the agent's log; a piece with offset 0 begins it anew."""

    offset: int
    data: bytes


@dataclass(frozen=True)
class FilePiece:
    """Part of a small file as it is now; a piece with offset 0 begins it anew.

    Attributes
    ----------
    path : str
        The file, in the attempt's folder.
    offset : int
        Where the data stands in it.
    data : bytes
        Content.
    last : bool
        Whether the file is complete with it.
    """

    path: str
    offset: int
    data: bytes
    last: bool


@dataclass(frozen=True)
class ArchivePiece:
    """Part of the archive of everything that the attempt left."""

    data: bytes
    last: bool


@dataclass(frozen=True)
class Ended:
    """The agent has ended: the form that `Execution.from_dict` reads, and what was not carried."""

    execution: Mapping[str, Any]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """The machinery failed.

    Attributes
    ----------
    kind : {"failure", "lasting", "out_of_reach"}
        As `RuntimeFailure` and those derived from it.
    text : str
        Explanation.
    """

    kind: Literal["failure", "lasting", "out_of_reach"]
    text: str


@dataclass(frozen=True)
class Gone:
    """Nothing is left of the agent that was to be taken over."""


Message = Reached | Started | LogPiece | FilePiece | ArchivePiece | Ended | Failed | Gone
