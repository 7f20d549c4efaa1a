"""Map the top-level folders into one package.

`metrics`, `splits` and `harness` are generic names that must not land in site-packages on their
own, so they are installed as `mlebench_data.metrics` and so on. Everything else about the
distribution stands in pyproject.toml; the list of packages is here because pyproject.toml cannot
search mapped folders, and so that a new metric or command needs no entry anywhere.
"""

from setuptools import find_packages, setup

FOLDERS = {
    "mlebench_data": "mlebench_data",
    "mlebench_data.metrics": "metrics",
    "mlebench_data.splits": "splits",
    "mlebench_data.harness": "harness",
}

packages = [
    name
    for package, folder in FOLDERS.items()
    for name in [package, *(f"{package}.{child}" for child in find_packages(folder))]
]

setup(
    packages=packages,
    package_dir=FOLDERS,
    package_data={
        "mlebench_data": ["py.typed", "competitions/*/*"],
        "mlebench_data.metrics": ["_shared/*", "*/README.md", "*/requirements.txt"],
        "mlebench_data.splits": ["*.txt", "locks/*/*.json"],
        "mlebench_data.harness": [
            "agents/*/*",
            "images/*",
            "profiles/*.yaml",
            "validator/sandbox/*",
        ],
    },
)
