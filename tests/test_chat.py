"""Whole conversations through a real pseudo-terminal."""

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path

import pytest
from model_server import Fails, ModelServer, Says, error_body
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from screens import ASSISTANT, Screen, running

from assistant import Assistant
from assistant.chat import _Completer, _Start
from assistant.commands import read_name
from assistant.conversations import APPLICATION_ID, CONVERSATIONS_FILE, FORMAT_VERSION
from assistant.types import Article

QUESTION = "What did the quick brown fox jump over?"
# What we send to a terminal ourselves: styles, the prompt's moves and modes, and the clipboard.
OURS = re.compile(
    rb"\x1b\[[0-9;]*m|\x1b\[[0-9]*[ABCDJK]|\x1b\[\?(?:1|7|12|25|2004)[hl]|\x1b\]52;c;[A-Za-z0-9+/=]*\x07|\x08|\r"
)

Chat = Callable[..., AbstractContextManager[Screen]]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, articles: tuple[Article, ...]) -> Path:
    """An index with the tiny articles, to be copied."""
    folder = tmp_path_factory.mktemp("filled") / "index"
    with Assistant.open(folder, cache=shared_cache, model="quotes") as assistant:
        assistant.add(articles)
    return folder


@pytest.fixture
def chat(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chat:
    """Start a chat in a terminal, in a folder with an index."""
    shutil.copytree(filled, tmp_path / "index")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_INDEX", str(tmp_path / "index"))

    def chat(*arguments: str, **options: object) -> AbstractContextManager[Screen]:
        return running("chat", *arguments, **options)  # type: ignore[arg-type]

    return chat


@pytest.fixture
def model(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


def kept(folder: Path) -> list[str]:
    """The questions of the conversation that was kept last."""
    with Assistant.open(folder / "index", model="quotes") as assistant:
        last = assistant.conversations.last()
        return [turn.question for turn in assistant.conversations.get(last).turns] if last else []


def assert_only_ours(raw: bytes) -> None:
    """Nothing that a terminal obeys came but what we send ourselves."""
    rest = OURS.sub(b"", raw).decode("utf-8")
    assert [c for c in rest if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_whole_conversation_at_any_width(chat: Chat, tmp_path: Path, columns: int) -> None:
    with chat(columns=columns) as screen:
        screen.wait_for("Answered by quotes")
        start = screen.wait_for_prompt()
        answer = screen.enter(QUESTION)
        why = screen.enter("/why 1")
        wrong = screen.enter("/wy 1")
        bad = screen.enter("/why 9")
        filtered = screen.enter("/outlet Hill Herald")
        copied = screen.enter("/copy")
        exported = screen.enter("/export talk.html")
        screen.type("\x04")
        assert screen.wait_for_end() == 0

    assert start.startswith("Ask about your articles. /help lists the")
    words = " ".join(start.split())
    assert "from 3 articles in" in words
    assert "from 15 March 2025 to 17 March 2025; no language model, nothing leaves this machine." in words
    assert "The quick brown fox jumps over the lazy dog. [1]" in " ".join(answer.split())
    assert "[1] Forest Courier, 15 March 2025: Fox" in answer
    assert "https://forest-courier.example/fox" in answer
    assert re.search(r"The newest source is [\d,]+ days old\.", " ".join(answer.split()))
    assert "The dog did not wake up." in " ".join(why.split())
    assert "did you mean /why?" in " ".join(wrong.split())
    assert "'9' is no number of a source" in " ".join(bad.split())
    assert filtered.endswith("\n(Hill Herald) >")
    assert "characters to the clipboard" in " ".join(copied.split())
    assert "talk.html: 1 answer written." in exported
    assert "The quick brown fox" in (tmp_path / "talk.html").read_text(encoding="utf-8")
    assert b"\x1b[1;33mThe quick brown fox" in screen.raw
    assert_only_ours(screen.raw)
    assert kept(tmp_path) == [QUESTION]


def test_lines_that_were_typed_come_back_and_only_their_owner_reads_them(chat: Chat) -> None:
    home = Path(os.environ["HOME"])
    with chat() as screen:
        screen.wait_for_prompt()
        screen.enter("/articles lamb")
        screen.type("/quit\r")
        assert screen.wait_for_end() == 0
    with chat(environment={"NO_COLOR": "1"}) as screen:
        screen.wait_for("Answered by")
        screen.type("\x1b[A\x1b[A")
        screen.wait_for("> /articles lamb")
        screen.type("\x03")
        screen.wait_for("Ctrl-C again quits")
        screen.wait_for_prompt()
        screen.type("/hel")
        screen.wait_for("List the commands")
        screen.type("\t")
        screen.wait_for("> /help")
        screen.type("\x15Has fox cl\t")
        screen.wait_for("> Has Fox clears dog")
        screen.type("\x03")
        screen.wait_for("Ctrl-C again quits", count=2)
        screen.wait_for_prompt()
        screen.type("\x03")
        assert screen.wait_for_end() == 130

    (history,) = home.rglob("chat_history")
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert not re.search(rb"\x1b\[[0-9;]*3[0-8][;m]", screen.raw)  # no colours
    assert_only_ours(screen.raw)


def test_an_empty_index_says_how_to_add_articles_and_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bridge.md").write_text("The old bridge at Alder reopened on Monday.\n", encoding="utf-8")

    with running("chat", "--index", "new", environment={"TERM": "dumb"}) as screen:
        screen.wait_for("There are no articles yet; add some with /add SOURCE")
        screen.wait_for_prompt()
        refused = screen.enter("When did the bridge reopen?")
        copied = screen.enter("/copy")
        added = screen.enter("/add bridge.md")
        answer = screen.enter("When did the bridge at Alder reopen?")
        screen.type("\x03")
        screen.wait_for("Ctrl-C again quits")
        screen.wait_for_prompt()
        screen.type("\x04")
        assert screen.wait_for_end() == 0

    assert "no articles yet" in refused
    assert "nothing was answered yet" in copied
    assert "1 added" in added
    assert "The old bridge at Alder reopened on Monday. [1]" in answer
    assert b"\x1b" not in screen.raw  # a dumb terminal obeys nothing


def test_a_follow_up_question_takes_up_what_was_said(chat: Chat, model: ModelServer, tmp_path: Path) -> None:
    model.says("The fox jumps over the lazy dog [1].", "Did the lazy dog wake up?", "The dog did not wake up [2].")

    with chat("--no-cache") as screen:
        screen.wait_for("Answered by openai:tiny at 127.0.0.1")
        screen.wait_for_prompt()
        screen.enter(QUESTION)
        screen.enter("And did it wake up?")
        screen.type("\x04")
        assert screen.wait_for_end() == 0
    with chat("--resume", "--model", "quotes") as screen:
        screen.wait_for("of 2 questions.")
        screen.wait_for("Understood as: Did the lazy dog wake up?")
        screen.wait_for_prompt()
        screen.enter("What did Jack break?")
        screen.type("\x04")
        assert screen.wait_for_end() == 0

    assert QUESTION in model.prompts[1]
    assert "And did it wake up?" in model.prompts[1]
    assert "Did the lazy dog wake up?" in model.prompts[2]
    assert kept(tmp_path) == [QUESTION, "And did it wake up?", "What did Jack break?"]


def test_ctrl_c_stops_an_answer_and_keeps_what_was_proven_and_the_chat(
    chat: Chat, model: ModelServer, tmp_path: Path
) -> None:
    model.queue = [
        Says(["The fox jumps over the lazy dog [1]. ", "The dog did"], stall_seconds=30),
        Says(["Did the dog wake up?"]),  # with earlier answers, a question is made to stand alone first
        Says(["The dog did not wake up [2]."]),
        Says(["What is white as snow?"], stall_seconds=30),
        Says(["What is white as snow?"]),
        Fails(401, error_body("\x1b[2Jbad key")),
        Says(["What did the fox jump over?"]),
        Says(["The fox jumps over ", "the lazy dog [1]. "], stall_seconds=2),
    ]

    with chat("--no-cache") as screen:
        screen.wait_for_prompt()
        screen.type(f"{QUESTION}\r")
        screen.wait_for("lazy dog. [1]")
        screen.type("\x03")
        screen.wait_for("Stopped.")
        stopped = screen.wait_for_prompt()
        proven = screen.enter("/why 1")
        after = screen.enter("Did the dog wake up?")
        screen.type("What is white as snow?\r")
        while len(model.requests) < 4:
            assert screen.read()
        screen.type("\x03")
        screen.wait_for("nothing was proven yet")
        screen.wait_for_prompt()
        unproven = screen.enter("/sources")
        failed = screen.enter("What is white as snow?")
        screen.type("And the fox?\r")
        screen.wait_for("lazy dog. [1]", count=2)
        screen.resize(40)
        screen.wait_for("Confidence", count=2)
        screen.wait_for_prompt()
        screen.resize(120)
        screen.enter("/sources")
        screen.type("\x04")
        assert screen.wait_for_end() == 0

    assert "lazy dog. [1]\n\n^C\n[1] Forest Courier, 15 March 2025: Fox clears dog\n" in stopped
    assert stopped.rstrip("\n ").endswith("forest-courier.example/fox\n\nStopped.\n\n>")
    assert "[1] Forest Courier" in proven
    assert "the last answer was stopped before anything of it was proven" in " ".join(unproven.split())
    assert "The dog did not wake up. [1]" in after
    assert "refuses the key" in failed
    assert_only_ours(screen.raw)
    assert kept(tmp_path) == [QUESTION, "Did the dog wake up?", "And the fox?"]
    with Assistant.open(tmp_path / "index", model="quotes") as assistant:
        turn = assistant.conversations.get(assistant.conversations.last() or "").turns[0]
    assert turn.answer is not None
    assert turn.answer.text == "The fox jumps over the lazy dog."
    assert "was stopped" in turn.answer.notes[0]
    assert {each.article_id for each in turn.answer.hashes} == {"fox", "jill", "lamb"}


def test_a_terminal_that_closes_mid_answer_breaks_nothing(chat: Chat, model: ModelServer, tmp_path: Path) -> None:
    model.queue = [
        Says(["The fox jumps over the lazy dog [1]."]),
        Says(["The dog did not wake up [2]. ", "And"], stall_seconds=30),
    ]

    with chat("--no-cache") as screen:
        screen.wait_for_prompt()
        screen.enter(QUESTION)
        screen.enter("/new")
        screen.type("Did the dog wake up?\r")
        screen.wait_for("wake up. [1]")
        os.kill(screen.child.pid, signal.SIGHUP)
        assert screen.wait_for_end() == 128 + signal.SIGHUP

    assert kept(tmp_path) == [QUESTION]
    with Assistant.open(tmp_path / "index", model="quotes") as assistant:
        assert assistant.examine().is_healthy


def test_a_signal_to_end_at_the_prompt_leaves_the_terminal_as_it_was(chat: Chat) -> None:
    with chat() as screen:
        screen.wait_for("Answered by")
        screen.wait_for_prompt()
        os.kill(screen.child.pid, signal.SIGTERM)
        assert screen.wait_for_end() == 143

    assert screen.raw.rstrip().endswith(b"\x1b[?2004l")


def test_lines_of_standard_input_are_answered_one_after_the_other(filled: Path, tmp_path: Path) -> None:
    shutil.copytree(filled, tmp_path / "index")
    lines = f"{QUESTION}\n\n/sources\n/nonsense\nDid the dog wake up?\xff\n".encode("latin-1")
    command = [ASSISTANT, "chat", "--index", "index", "--model", "quotes"]

    result = subprocess.run(command, input=lines, cwd=tmp_path, capture_output=True)
    forced = subprocess.run(
        command, input=lines, cwd=tmp_path, capture_output=True, env={**os.environ, "FORCE_COLOR": "1"}
    )

    out = result.stdout.decode()
    assert result.returncode == 2  # for one line is no command
    assert [line for line in out.splitlines() if line.startswith("> ")] == [
        f"> {QUESTION}", "> /sources", "> /nonsense", "> Did the dog wake up?\ufffd",
    ]  # fmt: skip
    assert "The quick brown fox jumps over the lazy dog. [1]" in out
    assert "there is no command /nonsense" in out
    assert "The dog did not wake up." in out
    assert "\x1b" not in out
    assert "Answered by quotes from 3 articles" in result.stderr.decode()
    assert b"\x1b[1;36m[1]\x1b[0m" in forced.stdout


@pytest.mark.parametrize("is_newer", [False, True])
def test_conversations_that_can_not_be_read_are_said_once_and_the_chat_goes_on(
    filled: Path, tmp_path: Path, is_newer: bool
) -> None:
    shutil.copytree(filled, tmp_path / "index")
    file = tmp_path / "index" / CONVERSATIONS_FILE
    if is_newer:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT_VERSION + 1}")
    else:
        file.write_bytes(b"nonsense" * 1_000)
    before = file.read_bytes()
    lines = f"{QUESTION}\n/new\nDid the dog wake up?\n/export talk.json\n"

    result = subprocess.run(
        [ASSISTANT, "chat", "--index", "index", "--model", "quotes"],
        input=lines, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip

    assert (result.returncode, result.stderr.count("Conversations aren't kept: ")) == (0, 1)
    assert "aren't kept" not in result.stdout
    assert "The dog did not wake up." in result.stdout
    assert "talk.json: 1 answer written." in result.stdout
    assert file.read_bytes() == before


def test_a_reader_that_has_seen_enough_is_no_failure(filled: Path, tmp_path: Path) -> None:
    shutil.copytree(filled, tmp_path / "index")
    command = [ASSISTANT, "chat", "--index", "index", "--model", "quotes"]

    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write("/articles fox\n")
        process.stdin.flush()
        assert process.stdout.readline() == "> /articles fox\n"
        process.stdout.close()
        process.stdin.write("/help\n" * 2)
        process.stdin.close()
        said = process.stderr.read()

    assert process.returncode == 0
    assert said.startswith("Answered by quotes")
    assert said.endswith("nothing leaves this machine.\n")


def test_a_chat_that_can_not_begin_is_one_line_and_exit_2(chat: Chat, tmp_path: Path) -> None:
    with chat("--resume", "2020-01-01-aaaa") as screen:
        assert screen.wait_for_end() == 2
    assert "assistant: no conversation has the id '2020-01-01-aaaa'" in " ".join(screen.text.split())

    (tmp_path / "index" / "library.sqlite3").write_bytes(b"not a library")
    with chat() as screen:
        assert screen.wait_for_end() == 2
    assert "assistant: " in screen.text

    for arguments in (["x"], ["--model", "nobody"]):
        result = subprocess.run([ASSISTANT, "chat", *arguments], capture_output=True, text=True)
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)


def test_the_prompt_waits_for_nothing_heavy() -> None:
    script = "import sys, assistant.chat\nprint(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert "prompt_toolkit" in loaded
    assert not {"numpy", "chromadb", "onnxruntime", "openai", "langchain", "rich", "pydantic", "jinja2"} & set(loaded)


def test_impatience_while_it_closes_has_the_same_status(chat: Chat) -> None:
    with chat() as screen:
        screen.wait_for_prompt()
        screen.type("\x03")
        screen.wait_for("Ctrl-C again quits")
        screen.wait_for_prompt()
        screen.type("\x03")
        for _ in range(20):
            with suppress(ProcessLookupError):
                os.kill(screen.child.pid, signal.SIGINT)
            time.sleep(0.02)
        assert screen.wait_for_end() == 130


def test_a_conversation_that_is_removed_meanwhile_stays_removed(chat: Chat, tmp_path: Path) -> None:
    with chat() as screen:
        screen.wait_for_prompt()
        screen.enter(QUESTION)
        with Assistant.open(tmp_path / "index", model="quotes") as assistant:
            id = assistant.conversations.last() or ""
            assistant.conversations.remove(id)
        said = screen.enter("What did Jack break?")
        screen.type("\x04")
        assert screen.wait_for_end() == 0

    assert "The conversation was removed meanwhile; this is a new one." in said
    with Assistant.open(tmp_path / "index", model="quotes") as assistant:
        assert id not in [each.id for each in assistant.conversations.list()]
    assert kept(tmp_path) == ["What did Jack break?"]


def test_names_of_files_are_offered_as_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("two words.md", "Anna's.md", 'a "b".md'):
        (tmp_path / name).touch()
    completer = _Completer(_Start(lambda: pytest.fail("nothing is opened"), None))

    for typed in ("two", "two\\ w", '"two wo', "'two", "An", '"An', "'An", "a", "'a "):
        line = f"/export {typed}"
        (offer,) = completer.get_completions(Document(line), CompleteEvent())
        mark = typed[0] if typed[0] in "'\"" else ""
        name = read_name(f"{typed}{offer.text}{mark}")
        assert (tmp_path / name).exists(), (typed, offer.text)
