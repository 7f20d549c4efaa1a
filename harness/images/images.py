"""Builds the agent images of this package and knows their tags."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench_data.errors import UnknownNameError, suggest
from mlebench_data.harness.runtimes.docker_engine import connection, engine_errors
from mlebench_data.harness.runtimes.failures import RuntimeFailure

if TYPE_CHECKING:
    from docker import DockerClient

#: Base image where images can be pulled.
PULLED_BASE = "python:3.12-slim"
#: Base image that the `bootstrap` script makes where they cannot.
BOOTSTRAPPED_BASE = "mlebench-base:bookworm"

_FOLDER = Path(__file__).parent
_REFERENCES = {"base": "mlebench-agent:base", "aide": "mlebench-agent:aide"}
_DOCKERFILES = {"base": "Dockerfile", "aide": "Dockerfile.aide"}
#: Packages that are downloaded for an image: a file of requirements, and what comes without its
#: own dependencies.
_PACKAGES = {"aide": ("aide-requirements.txt", ("aideml==0.2.2",))}
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
    wheels: Path | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, str]:
    """Build agent images with the engine's own (classic) builder.

    Parameters
    ----------
    names : iterable of str
        Which; each one of `image_names()`.
    base_image : str, optional
        Image to build upon. By default `PULLED_BASE` if the engine has it, else
        `BOOTSTRAPPED_BASE` if the engine has that, else `PULLED_BASE`, which the engine pulls. All
        images but "base" are built upon that one by default.
    wheels : pathlib.Path, optional
        Folder for packages that are downloaded; what is there is not downloaded again.
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
        for name, reference in references.items():
            if base_image is not None:
                base = base_image
            else:
                base = _choose_base(client) if name == "base" else _built_base(client)
            tell(f"building {reference} on {base}")
            built[reference] = _build(client, name, reference, base, wheels)
            tell(f"{reference} is ready: {built[reference]}")
    return built


def _choose_base(client: DockerClient) -> str:
    with engine_errors("list its images"):
        present = {tag for image in client.images.list() for tag in image.tags}
    return next((tag for tag in (PULLED_BASE, BOOTSTRAPPED_BASE) if tag in present), PULLED_BASE)


def _built_base(client: DockerClient) -> str:
    import docker.errors

    reference = _REFERENCES["base"]
    with engine_errors(f"look up image {reference!r}"):
        try:
            client.images.get(reference)
        except docker.errors.ImageNotFound as error:
            raise RuntimeFailure(
                f"The engine has no image {reference}, which others are built upon. Build it "
                "first: `mlebench images build base`."
            ) from error
    return reference


def _build(client: DockerClient, name: str, reference: str, base: str, wheels: Path | None) -> str:
    import docker.errors

    with (
        tempfile.TemporaryDirectory(prefix="mlebench-image-") as text,
        engine_errors("build an image"),
    ):
        context = Path(text)
        shutil.copyfile(_FOLDER / _DOCKERFILES[name], context / "Dockerfile")
        if name in _PACKAGES:
            from mlebench_data.harness.images.wheels import download_wheels, image_python

            requirements, extra = _PACKAGES[name]
            folder = wheels or context / "wheels"
            folder.mkdir(parents=True, exist_ok=True)
            download_wheels(
                folder,
                python=image_python(client, base),
                requirements=_FOLDER / requirements,
                without_dependencies=extra,
            )
            if wheels is not None:
                shutil.copytree(wheels, context / "wheels")
        try:
            image, _ = client.images.build(
                path=str(context),
                tag=reference,
                # What was downloaded is all that it needs.
                network_mode="none" if name in _PACKAGES else None,
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
