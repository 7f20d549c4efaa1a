"""Builds the agent images of this package and knows their tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import UnknownNameError, suggest
from mlebench_data.harness.runtimes.base import RuntimeFailure
from mlebench_data.harness.runtimes.docker_engine import connection, engine_errors

if TYPE_CHECKING:
    from docker import DockerClient

#: Base image where images can be pulled.
PULLED_BASE = "python:3.12-slim"
#: Base image that the `bootstrap` script makes where they cannot.
BOOTSTRAPPED_BASE = "mlebench-base:bookworm"

_FOLDER = Path(__file__).parent
_REFERENCES = {"base": "mlebench-agent:base"}
_DOCKERFILES = {"base": "Dockerfile"}
_LOG_LINES = 20


def image_names() -> list[str]:
    """Return the names of the images that can be built."""
    return sorted(_REFERENCES)


def image_reference(name: str) -> str:
    """Return the tag of an image of this package.

    Parameters
    ----------
    name : str
        One of `image_names()`.

    Returns
    -------
    str
        What `Sandbox.image` takes.

    Raises
    ------
    UnknownNameError
        If there is no such image.
    """
    if name not in _REFERENCES:
        raise UnknownNameError(f"There is no image {name!r}. {suggest(name, image_names())}")
    return _REFERENCES[name]


def build_images(
    names: Iterable[str] = ("base",),
    *,
    base_image: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, str]:
    """Build agent images with the engine's own (classic) builder.

    Parameters
    ----------
    names : iterable of str
        Which; each one of `image_names()`.
    base_image : str, optional
        Image to build upon. By default `PULLED_BASE` if the engine has it, else
        `BOOTSTRAPPED_BASE` if the engine has that, else `PULLED_BASE`, which the engine pulls.
    tell : callable
        Is given a line of text for each step.

    Returns
    -------
    dict of str to str
        Id of the image by its tag.

    Raises
    ------
    UnknownNameError
        If there is no such image.
    RuntimeFailure
        If the engine does not answer or the build fails.
    """
    references = {name: image_reference(name) for name in names}
    built = {}
    with connection() as client:
        base = base_image or _choose_base(client)
        for name, reference in references.items():
            tell(f"building {reference} on {base}")
            built[reference] = _build(client, name, reference, base)
            tell(f"{reference} is ready: {built[reference]}")
    return built


def _choose_base(client: DockerClient) -> str:
    with engine_errors("list its images"):
        present = {tag for image in client.images.list() for tag in image.tags}
    return next((tag for tag in (PULLED_BASE, BOOTSTRAPPED_BASE) if tag in present), PULLED_BASE)


def _build(client: DockerClient, name: str, reference: str, base: str) -> str:
    import docker.errors

    # The Dockerfile copies nothing, so it is all that the engine needs.
    with (_FOLDER / _DOCKERFILES[name]).open("rb") as dockerfile, engine_errors("build an image"):
        try:
            image, _ = client.images.build(
                fileobj=dockerfile,
                tag=reference,
                buildargs={"BASE_IMAGE": base},
                rm=True,
                forcerm=True,
            )
        except docker.errors.BuildError as error:
            lines = [str(entry["stream"]) for entry in error.build_log if "stream" in entry]
            raise RuntimeFailure(_advice(reference, base, str(error), lines)) from error
        except docker.errors.APIError as error:
            raise RuntimeFailure(_advice(reference, base, str(error), [])) from error
        return str(image.id)


def _advice(reference: str, base: str, reason: str, lines: list[str]) -> str:
    last = "".join(lines).strip().splitlines()[-_LOG_LINES:]
    return "\n".join(
        [
            f"Image {reference} could not be built on {base}: {reason}",
            *last,
            "If images cannot be pulled here, make the base image with the script "
            f"{_FOLDER / 'bootstrap'} (run by sh, as root), then build again.",
        ]
    )
