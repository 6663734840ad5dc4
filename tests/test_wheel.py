"""The wheel, installed into an empty environment and used from another folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.embedding import INSTALL_WEIGHTS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from what git tracks or would track, and install it into a new environment."""
    folder = tmp_path_factory.mktemp("wheel")
    names = _run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\n")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "source" / name)
    _run("uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), cwd=folder / "source")
    (wheel,) = folder.glob("*.whl")
    _run("uv", "venv", "--quiet", "--python", sys.executable, str(folder / "environment"), cwd=folder)
    python = _python(folder / "environment")
    _run("uv", "pip", "install", "--quiet", "--python", str(python), str(wheel), cwd=folder)
    return folder / "environment"


def test_it_installs_without_torch_and_carries_its_files(environment: Path) -> None:
    script = (
        "import importlib.util as u, importlib.resources as r\n"
        "names = ('prompt_files/README.md', 'py.typed', 'quoting_weights.json', 'templates/report.css')\n"
        "print(u.find_spec('torch'), *((r.files('assistant') / name).is_file() for name in names))"
    )

    assert _run(str(_python(environment)), "-c", script, cwd=environment).split() == ["None", *["True"] * 4]


def test_it_says_how_to_get_the_weights_and_then_answers(environment: Path, tmp_path: Path) -> None:
    article = tmp_path / "bridge.txt"
    article.write_text("The old bridge at Alder reopened on Monday after repairs that cost £2.4m.", encoding="utf-8")
    ask = [str(_python(environment)), "-m", "assistant", "ask", "How much did the repairs of the bridge cost?"]
    ask += [str(article), "--index", str(tmp_path / "index")]
    # No cache of graphs: it must not matter that another environment has one.
    variables = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}

    without = subprocess.run(ask, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert without.returncode == 2
    assert without.stderr.count("\n") == 1
    assert INSTALL_WEIGHTS in without.stderr

    _, _, *arguments = INSTALL_WEIGHTS.split()
    _run("uv", "pip", "install", "--quiet", "--python", str(_python(environment)), *arguments, cwd=tmp_path)
    answered = subprocess.run(ask, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert answered.returncode == 0, answered.stderr
    assert "£2.4m" in answered.stdout


def _python(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(*command: str, cwd: Path) -> str:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
