"""The README is compared with what the program does."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assistant import Assistant
from assistant.chat import GREETING
from assistant.cli import app, main
from assistant.commands import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _in_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder with the sample articles, as in a new checkout."""
    shutil.copytree(ROOT / "articles", tmp_path / "articles")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def test_the_first_command_prints_what_the_readme_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = re.search(r"## What it prints\n\n```\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    monkeypatch.setattr(sys, "argv", ["assistant", "ask", "What are Putin's conditions?", "articles/"])
    monkeypatch.setenv("COLUMNS", "100")

    with pytest.raises(SystemExit) as stopped:
        main()

    # The last digits of the confidence may differ from one processor to another.
    printed = capsys.readouterr().out
    assert stopped.value.code == 0
    assert _without_confidence(printed) == _without_confidence(shown[1])


def test_the_chat_of_the_readme_is_what_the_chat_prints(tmp_path: Path, shared_cache: Path) -> None:
    shown = re.search(r"## The chat\n.*?```\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    with Assistant.open(tmp_path / "index", cache=shared_cache, model="quotes") as assistant:
        assistant.add(tmp_path / "articles")
    greeting, rest = shown[1].split("\n", 1)
    typed = "\n".join(re.findall(r"^> (.*)$", shown[1], re.MULTILINE))

    chat = subprocess.run(
        [sys.executable, "-m", "assistant", "chat", "--model", "quotes", "--today", "2025-04-20"],
        input=typed, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip

    assert greeting == GREETING
    assert _without_confidence(rest.rstrip()) == _without_confidence(f"{chat.stderr}\n{chat.stdout}".rstrip())


def test_every_command_of_the_chat_is_in_the_readme() -> None:
    named = set(re.findall(r"`/([a-z]+)[ `]", README))

    assert named == COMMANDS.keys() - {"quit"}


def test_the_commands_of_the_readme_are_those_of_ci() -> None:
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    first, second = re.findall(r"^    (.*uv run .*)$", README, re.MULTILINE)[:2]

    assert first.removeprefix("pip install uv && ") in steps
    assert second in steps


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    exec(compile(block, "README.md", "exec"), {})

    assert "NATO" in capsys.readouterr().out


def test_every_command_is_in_the_readme_and_has_help() -> None:
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        assert f"`assistant {name} " in README
        assert command.callback.__doc__


def test_every_option_that_the_readme_names_exists() -> None:
    source = (ROOT / "assistant" / "cli.py").read_text(encoding="utf-8")
    options = set(re.findall(r"(?<=[`\s])(--[a-z][a-z-]+)", README)) - {"--help", "--no-deps", "--wheel"}
    # Typer makes an option of a parameter's name where none is given.
    offered = set(re.findall(r'"(--[a-z-]+)"', source)) | {
        f"--{name.replace('_', '-')}" for name in re.findall(r"^    (\w+): \w+Option", source, re.MULTILINE)
    }

    assert options <= offered | {"--remove"}


def _without_confidence(text: str) -> str:
    return re.sub(r"Confidence: [\d.]+", "Confidence:", text)
