"""Keeps figures in results/, named after the commit that they are of, and loads the newest ones again."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "notebooks" / "results"


def read_commit() -> dict[str, str]:
    """Read the commit of the checkout and its date; before measuring, for the code may change while that goes on."""
    command = ["git", "log", "-1", "--format=%H %cI"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603
    commit, date = told.split()
    return {"commit": commit, "date": date}


def keep(name: str, figures: dict[str, Any]) -> Path:
    """Keep figures, with the `commit` that is in them, and say where."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{figures['commit'][:12]}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return path


def load_newest(name: str) -> dict[str, Any]:
    """Load the newest figures of a name; nothing where none were kept."""
    kept: list[dict[str, Any]] = [json.loads(file.read_text("utf-8")) for file in RESULTS.glob(f"{name}-*.json")]
    return max(kept, key=lambda figures: figures["date"], default={})
