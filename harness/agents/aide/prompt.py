"""What the language model is told of the task and of the machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def packages() -> list[str]:
    """Return those packages for machine learning that are installed here, for the prompt."""
    wanted = {
        "numpy": "numpy",
        "pandas": "pandas",
        "sklearn": "scikit-learn",
        "scipy": "scipy",
        "statsmodels": "statsmodels",
        "PIL": "pillow",
        "lightgbm": "lightgbm",
        "xgboost": "xgboost",
        "catboost": "catboost",
        "torch": "torch",
        "torchvision": "torchvision",
        "timm": "timm",
        "transformers": "transformers",
    }
    return [name for module, name in wanted.items() if find_spec(module) is not None]


def task(data: Path) -> str:
    """Return the task as the competition describes it, and where AIDE's ways differ."""
    description = (data / "description.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in data.iterdir())
    shown = ", ".join(files[:30]) + (", ..." if len(files) > 30 else "")
    return f"{description}\n\n## Files in ./input\n\n{shown}\n"
