"""The linters and type checks, so that one command runs all that CI runs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports", "--no-cache"],
    ],
    ids=" ".join,
)
def test_the_code_passes(command: list[str]) -> None:
    tool = Path(sys.executable).with_name(command[0])

    result = subprocess.run([tool, *command[1:]], cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_module_has_tests() -> None:
    modules = {path.stem for path in (ROOT / "assistant").glob("*.py")} - {"__init__", "__main__"}

    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}

    assert modules <= tested


def test_no_file_that_records_download_addresses_is_tracked() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()

    assert "README.md" in tracked
    assert not {"uv.lock", "poetry.lock", "pdm.lock", "package-lock.json"} & {Path(name).name for name in tracked}
