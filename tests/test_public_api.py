import subprocess
import sys

import pytest

import assistant


def test_all_lists_every_public_name_in_order() -> None:
    public = {name for name, value in vars(assistant).items() if not name.startswith("_") and _is_ours(value)}

    assert assistant.__all__ == sorted(public | {"Assistant"})
    assert assistant.Assistant.__module__ == "assistant.front"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Assistent"):
        _ = assistant.Assistent


def test_the_command_line_starts_without_numpy() -> None:
    script = "import sys, assistant.cli\nprint(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert not {"numpy", "chromadb", "onnxruntime", "rich", "sqlite3"} & set(loaded)


@pytest.mark.parametrize("arguments", [["--help"], ["ask", "--help"]], ids=" ".join)
def test_help_loads_nothing_that_it_does_not_need(arguments: list[str]) -> None:
    script = (
        "import atexit, sys\nfrom assistant.cli import main\n"
        f"sys.argv = ['assistant', *{arguments}]\natexit.register(lambda: print(*sys.modules))\nmain()"
    )

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert "assistant.cli" in loaded
    assert not {"pydantic", "numpy", "chromadb", "onnxruntime", "langchain", "openai", "sqlite3", "jinja2"} & set(
        loaded
    )


def test_every_public_name_is_documented() -> None:
    assert all(getattr(assistant, name).__doc__ for name in assistant.__all__)


def test_importing_and_opening_load_nothing_heavy(tmp_path) -> None:
    script = (
        "import sys, assistant, assistant.cli\n"
        f"assistant.Assistant.open({str(tmp_path / 'index')!r}).close()\n"
        "print(*sys.modules)"
    )

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert not {
        "chromadb",
        "onnxruntime",
        "onnx",
        "tokenizers",
        "openai",
        "langchain",
        "rich",
        "httpx",
        "jinja2",
    } & set(loaded)
    assert not (tmp_path / "index").exists()


def _is_ours(value: object) -> bool:
    return isinstance(value, type) and value.__module__.startswith("assistant.")
