"""Language models for an attempt on a node."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mlebench_data.harness.models.model_list import ModelList
from mlebench_data.harness.models.proxy import ModelProxy

_BY_NAME = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True)
class ModelOffer:
    """Language models that attempts on nodes may ask.

    Attributes
    ----------
    models : ModelList
        Which.
    max_cost : float or None
        What each attempt may spend, in USD.
    keys : mapping of str to str
        Values of the variables that the list names. They are in the memory of the nodes only.
    """

    models: ModelList
    max_cost: float | None
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, proxy: ModelProxy, environment: Mapping[str, str]) -> Self:
        """Return what a proxy offers that is not going to be started on this machine.

        Parameters
        ----------
        proxy : ModelProxy
            The proxy.
        environment : mapping of str to str
            Where the keys are.
        """
        names = {*proxy.models.key_names, *_BY_NAME.findall(json.dumps(proxy.models.entries))}
        keys = {name: environment[name] for name in sorted(names) if name in environment}
        return cls(proxy.models, proxy.max_cost, keys)


@contextlib.contextmanager
def served(
    offer: ModelOffer | None, folder: Path, *, isolates: bool
) -> Iterator[ModelProxy | None]:
    """Serve models for the length of a block, to one attempt.

    Parameters
    ----------
    offer : ModelOffer or None
        Which; None serves none.
    folder : pathlib.Path
        Where the proxy keeps what another process needs to serve the same agent again.
    isolates : bool
        Whether agents have a loopback interface of their own.

    Raises
    ------
    MlebenchError
        If the proxy cannot be started on this machine.
    """
    if offer is None:
        yield None
        return
    proxy = ModelProxy(
        offer.models,
        folder,
        isolates=isolates,
        max_cost=offer.max_cost,
        environment={**os.environ, **offer.keys},
    )
    proxy.check()
    with proxy:
        yield proxy
