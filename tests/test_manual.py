"""What `--help` says is compared with what the commands take, and shells complete it."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest
import typer
from screens import ASSISTANT

from assistant.cli import app
from assistant.manual import ENVIRONMENT, EXAMPLES, EXIT_STATUS, GROUPS

GROUP = typer.main.get_command(app)
COMMANDS = {name: GROUP.commands[name] for name in GROUP.list_commands(None)}  # type: ignore[attr-defined]


def show(*arguments: str, columns: int = 80) -> str:
    environment = {**os.environ, "COLUMNS": str(columns)}
    return subprocess.run(
        [ASSISTANT, *arguments, "--help"], capture_output=True, text=True, check=True, env=environment
    ).stdout


def test_every_command_has_examples_that_it_takes() -> None:
    assert EXAMPLES.keys() - {""} == COMMANDS.keys()
    assert EXIT_STATUS.keys() < COMMANDS.keys()
    lines = [line for examples in EXAMPLES.values() for line, _ in examples if "COMMAND" not in line]
    for line in lines:
        typed = line.removeprefix('eval "$(').removesuffix(')"')
        program, name, *words = shlex.split(typed.partition(" | ")[0].partition(" > ")[0].partition(" < ")[0])
        offered = {option for each in COMMANDS[name].params for option in each.opts}
        assert program == "assistant"
        assert {word for word in words if word.startswith("--")} <= offered


def test_every_option_of_a_group_is_somebody_s() -> None:
    offered = {option for command in COMMANDS.values() for each in command.params for option in each.opts}

    assert {name for names in GROUPS.values() for name in names} <= offered | {"--help"}


def test_help_is_in_groups_with_examples_exit_status_and_environment() -> None:
    text = show("ask")

    headings = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == [
        "Arguments:", "Options:", "Which articles:", "What answers:", "The index:", "Output:", "Examples:",
        "Exit status:", "Environment:",
    ]  # fmt: skip
    assert all(text.count(f"\n  --{name} ") == 1 for name in ("outlet", "model", "index", "json", "wait"))
    assert "  1    they don't; the nearest passages are shown\n" in text
    assert "<str>" not in text


@pytest.mark.parametrize("columns", [40, 80, 300])
def test_help_fits_the_terminal_and_names_every_command(columns: int) -> None:
    text = show(columns=columns)

    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert all(name in text for name, _, _ in ENVIRONMENT)
    # A narrower terminal than 52 columns breaks the lines itself.
    examples = {line for line, _ in EXAMPLES[""]}
    assert all(len(line) <= max(min(columns, 80), 52) for line in text.splitlines() if line.strip() not in examples)


def complete(shell: str, script: str) -> list[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    environment = {**os.environ, "PATH": f"{ASSISTANT.parent}{os.pathsep}{os.environ['PATH']}"}
    options = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    result = subprocess.run(
        [shell, *options, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert result.stderr == ""
    return result.stdout.split()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("assistant hi", ["history"]),
        ("assistant completion ", ["bash", "zsh", "fish"]),
        ("assistant ask --un", ["--until", "--unsupported"]),
    ],
)
def test_bash_completes_commands_and_options(typed: str, offered: list[str]) -> None:
    words = typed.split(" ")
    script = (
        'eval "$(assistant completion bash)"\n'
        f"COMP_WORDS=({' '.join(map(shlex.quote, words))}) COMP_CWORD={len(words) - 1}\n"
        "_assistant_completion assistant\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )

    assert complete("bash", script) == offered


def test_fish_completes_commands() -> None:
    script = "assistant completion fish | source; complete -C 'assistant hi'"

    assert complete("fish", script)[0] == "history"


def test_zsh_takes_the_script() -> None:
    script = 'autoload -Uz compinit; compinit -D; eval "$(assistant completion zsh)"; print $_comps[assistant]'

    assert complete("zsh", script) == ["_assistant_completion"]


def test_a_shell_that_is_not_known_is_one_line() -> None:
    result = subprocess.run([ASSISTANT, "completion", "tcsh"], capture_output=True, text=True)

    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "'tcsh'" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completing_loads_nothing_heavy(shell: str) -> None:
    environment = {
        **os.environ,
        "_ASSISTANT_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "assistant ask --",
        "COMP_CWORD": "2",
        "_TYPER_COMPLETE_ARGS": "assistant ask --",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    script = (
        "import atexit, sys\nfrom assistant.cli import main\nsys.argv = ['assistant']\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\nmain()"
    )

    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)

    assert "--outlet" in result.stdout
    assert not {"numpy", "chromadb", "sqlite3", "prompt_toolkit", "openai"} & set(result.stderr.split())
