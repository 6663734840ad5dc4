import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chroma_runs import ChromaRun, make_name
from model_server import Fails, ModelServer, Says

from assistant import Assistant
from assistant.answers import read_answer
from assistant.cli import main

ROOT = Path(__file__).parent.parent
ARTICLE = """---
title: Bridge reopens
outlet: Vale Observer
published: 2025-04-01
---

The old bridge at Alder reopened on Monday after repairs that cost £2.4m. Mayor Ana Ruiz cut the ribbon.
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in an empty folder: status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_INDEX", str(tmp_path / "index"))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "bridge.md"
    path.write_text(ARTICLE, encoding="utf-8")
    return path


def test_ask_with_a_source_indexes_it_and_answers(run: Run, article: Path) -> None:
    status, out, err = run("ask", "How much did the repairs of the bridge cost?", str(article))

    assert status == 0
    assert "£2.4m" in out
    assert "[1] Vale Observer, 1 April 2025: Bridge reopens" in out
    assert "1 added" in err
    assert "nothing leaves this machine" in err


def test_ask_prints_json_that_matches_the_article(run: Run, article: Path) -> None:
    status, out, _ = run("ask", "Who cut the ribbon?", str(article), "--json")

    answer = json.loads(out)
    assert status == 0
    assert out.count("\n") == 1
    assert answer["abstained"] is False
    assert answer["statements"][0]["supported"] is True
    first = answer["citations"][0]
    body = ARTICLE.split("---\n")[2].strip()
    assert body[first["start"] : first["end"]] == first["quote"]
    assert first["title"] == "Bridge reopens"
    assert {"question", "answer", "confidence", "model", "usage", "seconds"} <= answer.keys()


def test_ask_writes_a_page_beside_what_it_prints(run: Run, article: Path, tmp_path: Path) -> None:
    question = "How much did the repairs of the bridge cost?"
    for _ in range(2):  # the second time over the first
        status, out, err = run("ask", question, str(article), "--json", "--html", "answer.html")

        page = (tmp_path / "answer.html").read_text(encoding="utf-8")
        assert status == 0
        assert f"<mark>{json.loads(out)['citations'][0]['quote']}</mark>" in page
        assert "answer.html: written\n" in err

    status, _, _ = run("ask", "Who won the Champions League final?", "--html", "none.html")
    assert status == 1
    assert "Bridge reopens" in (tmp_path / "none.html").read_text(encoding="utf-8")


def test_a_page_that_can_not_be_written_is_one_line_and_loses_no_answer(run: Run, article: Path) -> None:
    before = article.read_text(encoding="utf-8")
    assert run("ask", "Who cut the ribbon?", str(article), "--html", "bridge.md") == (
        2,
        "",
        "assistant: bridge.md: exists already, and is no page of answers; choose another name, or delete it first\n",
    )
    assert article.read_text(encoding="utf-8") == before

    status, out, err = run("ask", "Who cut the ribbon?", str(article), "--html", "missing/answer.html")
    assert status == 2
    assert "Mayor Ana Ruiz cut the ribbon." in out
    assert "assistant: missing/answer.html: can't be written" in err


def test_abstaining_is_exit_1_with_the_nearest_passages(run: Run, article: Path) -> None:
    status, out, _ = run("ask", "Who won the Champions League final?", str(article))

    assert status == 1
    assert "don't answer" in out
    assert "Bridge reopens" in out


def test_index_adds_lists_and_removes(run: Run, article: Path) -> None:
    assert run("index", str(article))[0] == 0
    status, out, err = run("index", str(article))
    assert (status, out) == (0, "")
    assert "1 unchanged" in err

    status, out, _ = run("index", "--list")
    assert status == 0
    assert "Bridge reopens" in out
    assert article.as_uri() in out

    assert run("index", "--remove", article.as_uri())[0] == 0
    status, out, _ = run("index", "--list", "--json")
    assert json.loads(out) == {"removed": [], "articles": []}


def test_the_threshold_decides_what_is_answered(run: Run, article: Path) -> None:
    run("index", str(article))
    question = "Who won the Champions League final?"

    assert run("ask", question)[0] == 1
    status, out, _ = run("ask", question, "--threshold", "0", "--json")
    assert (status, json.loads(out)["abstained"]) == (0, False)
    assert run("ask", "Who cut the ribbon?", "--threshold", "1")[0] == 1


def test_search_prints_passages(run: Run, article: Path) -> None:
    run("index", str(article))

    status, out, _ = run("search", "bridge repairs")
    assert status == 0
    assert "1. Vale Observer, 1 April 2025: Bridge reopens" in out

    status, out, _ = run("search", "bridge repairs", "--json", "--limit", "1")
    assert status == 0
    assert json.loads(out)["passages"][0]["title"] == "Bridge reopens"

    assert run("search", "bridge", "--since", "2026-01-01")[0] == 1


def test_words_for_time_are_read_and_that_is_said(run: Run, article: Path) -> None:
    run("index", str(article))

    status, out, _ = run("ask", "How much did the repairs of the bridge cost this week?")
    assert status == 0
    assert out.startswith("Read as: articles published 31 March – 6 April 2025 (this week)\n\n")

    status, out, _ = run(
        "ask", "How much did the repairs of the bridge cost this week?", "--today", "2025-03-01", "--json"
    )
    (understood,) = json.loads(out)["understood"]
    assert understood["text"].startswith("No article was published 24 February – 2 March 2025")
    assert not understood["is_filter"]

    _, out, _ = run("search", "repairs since Monday", "--json")
    assert json.loads(out)["understood"] == [
        {
            "text": "Read as: articles published since 31 March 2025 (since Monday)",
            "since": "2025-03-31",
            "until": None,
            "is_filter": True,
        }
    ]


def test_an_outlet_that_no_article_has_is_said(run: Run, article: Path) -> None:
    run("index", str(article))

    status, out, _ = run("search", "repairs", "--outlet", "Observer")

    assert status == 1
    assert "did you mean 'Vale Observer'?" in out


def test_search_explains_scores(run: Run, article: Path) -> None:
    run("index", str(article))

    _, out, _ = run("search", "bridge repairs", "--explain")
    assert "cosine" in out

    _, out, _ = run("search", "bridge repairs", "--explain", "--json")
    (passage,) = json.loads(out)["passages"]
    assert sum(passage["parts"].values()) == pytest.approx(passage["score"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "no article can be read"),
        (b"a" * 50_000_000, "too large"),
    ],
    ids=["empty", "blank", "binary", "50 MB"],
)
def test_a_bad_file_is_one_line_and_the_rest_goes_on(
    run: Run, article: Path, tmp_path: Path, content: bytes, reason: str
) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes(content)

    status, out, err = run("ask", "Who cut the ribbon?", str(bad), str(article))

    assert status == 2
    assert "Ana Ruiz" in out
    failures = [line for line in err.splitlines() if str(bad) in line]
    assert len(failures) == 1
    assert failures[0].startswith("assistant: ")
    assert reason in failures[0]


def test_a_file_that_is_not_there_is_one_line(run: Run) -> None:
    status, _, err = run("index", "nowhere.txt")

    assert status == 2
    assert "nowhere.txt: no such file or folder" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_in_another_encoding_is_read(run: Run, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "café.txt"
    text = "The café on the quay reopened on Monday. “We’re glad,” said Zoë Brandt, who owns the café."
    path.write_bytes(text.encode(encoding))

    status, out, _ = run("ask", "Who owns the café?", str(path))

    assert status == 0
    assert "Zoë Brandt" in out


def test_a_token_of_a_model_costs_an_article_no_other_sentence(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "planted.md"
    path.write_text(ARTICLE.replace("Mayor Ana", "Mayor <|endoftext|>Ana"), encoding="utf-8")

    status, out, _ = run("ask", "How much did the repairs of the bridge cost?", str(path))

    assert status == 0
    assert "£2.4m" in out


@pytest.mark.parametrize("planted", ["\0", "\x1b[2J\x07", "\u202eevil"])
def test_planted_bytes_neither_stop_it_nor_reach_the_screen(run: Run, tmp_path: Path, planted: str) -> None:
    path = tmp_path / "planted.md"
    path.write_text(ARTICLE.replace("old bridge", f"old {planted}bridge"), encoding="utf-8")

    status, out, _ = run("ask", "How much did the repairs of the bridge cost?", str(path))

    assert status == 0
    assert "£2.4m" in out
    assert not {"\0", "\x1b", "\x07", "\u202e"} & set(out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ask", ""), "question is empty"),
        (("ask", "a" * 100_000), "at most"),
        (("ask", "Who?"), "no articles yet; add some with `assistant index SOURCE`"),
        (("search", "Who?"), "no articles yet"),
        (("index",), "give a source"),
        (("index", "--remove", "x"), "no article has the id"),
        (("ask", "Who?", "--model", "gpt-99"), "unknown model"),
        (("ask", "Who?", "--since", "2025-04-02", "--until", "2025-04-01"), "since must be the earlier"),
        (("search", "Who?", "--since", "2025-04-02", "--until", "2025-04-01"), "since must be the earlier"),
        (("ask", "Who?", "--threshold", "2"), "threshold"),
        (("ask", "Who?", "--colour"), "--colour"),
        (("ask",), "QUESTION"),
        (("ask", "Who?", "--embedding-model", "word2vec"), "unknown embedding model"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_a_wrong_call_is_one_line_and_exit_2(run: Run, arguments: tuple[str, ...], message: str) -> None:
    status, out, err = run(*arguments)

    assert status == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("assistant: ")
    assert message in err


def test_an_index_that_cannot_be_written_is_one_line(run: Run, article: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    status, _, err = run("index", str(article), "--index", str(tmp_path / "file" / "index"))

    assert status == 2
    assert "can't be written" in err
    assert "--index" in err


def test_a_library_of_a_newer_version_is_refused(run: Run, article: Path, tmp_path: Path) -> None:
    import sqlite3

    run("index", str(article))
    connection = sqlite3.connect(tmp_path / "index" / "library.sqlite3")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    status, _, err = run("ask", "Who cut the ribbon?")

    assert status == 2
    assert "newer version" in err
    assert len(err.splitlines()) == 1


def test_an_index_is_exported_and_imported_elsewhere(run: Run, article: Path, tmp_path: Path) -> None:
    run("index", str(article))

    status, out, err = run("export", "all.jsonl")
    assert (status, err) == (0, "")
    assert out.startswith("all.jsonl: 1 article with 1 passage in ")
    status, out, _ = run("export", "again.jsonl", "--json")
    assert json.loads(out)["articles"] == 1
    assert Path("all.jsonl").read_bytes() == Path("again.jsonl").read_bytes()
    status, out, err = run("import", "all.jsonl", "--index", str(tmp_path / "other"))
    assert (status, out) == (0, "")
    assert "1 added (1 passage in" in err
    status, out, _ = run("import", "all.jsonl", "--index", str(tmp_path / "other"), "--json")
    assert len(json.loads(out)["unchanged"]) == 1
    assert "£2.4m" in run("ask", "How much did the repairs cost?", "--index", str(tmp_path / "other"))[1]


def test_an_export_that_can_not_be_is_one_line_and_exit_2(run: Run, article: Path, tmp_path: Path) -> None:
    assert run("export", "all.jsonl")[0] == 2
    run("index", str(article))
    for arguments in (("export", str(article)), ("import", str(article)), ("import", str(tmp_path))):
        status, out, err = run(*arguments)
        assert (status, out) == (2, "")
        assert len(err.splitlines()) == 1
    assert article.read_text(encoding="utf-8") == ARTICLE


@pytest.mark.usefixtures("run")
def test_debug_shows_the_traceback_and_is_an_error_all_the_same(run: Run) -> None:
    status, _, err = run("ask", "Who?", "--debug")

    assert status == 2
    assert err.startswith("Traceback")
    assert "assistant: " in err.splitlines()[-1]


def test_version_and_help_name_every_command(run: Run) -> None:
    assert run("--version") == (0, "assistant 0.1.0\n", "")
    status, out, _ = run("--help")
    assert status == 0
    assert all(f"  {command} " in out for command in ("ask", "index", "search", "export", "import"))
    assert run() == (0, out, "")


@pytest.mark.parametrize("command", ["ask", "index", "search", "export", "import"])
def test_every_option_has_help(run: Run, command: str) -> None:
    status, out, _ = run(command, "--help")

    assert status == 0
    options = [line for line in out.splitlines() if line.startswith("  -")]
    assert len(options) >= 5
    assert all(len(line.split("  ")) > 2 or out.split(line)[1].startswith("\n      ") for line in options)


def test_a_reader_that_has_seen_enough_is_no_error(article: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "ASSISTANT_INDEX": str(tmp_path / "index")}
    command = [sys.executable, "-m", "assistant", "ask", "Who cut the ribbon?", str(article)]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()

    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors
    assert process.returncode == 0


def test_ctrl_c_is_exit_130_and_the_index_stays_whole(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(400):
        text = ARTICLE.replace("Alder", f"Alder number {number}")
        (folder / f"{number}.md").write_text(text, encoding="utf-8")
    environment = {**os.environ, "ASSISTANT_INDEX": str(tmp_path / "index")}
    command = [sys.executable, "-m", "assistant", "index"]
    library = tmp_path / "index" / "library.sqlite3"

    with subprocess.Popen([*command, str(folder)], stderr=subprocess.PIPE, env=environment, text=True) as process:
        while not library.exists() and process.poll() is None:
            pass
        process.send_signal(2)
        _, errors = process.communicate()
    again = subprocess.run([*command, str(folder)], env=environment, capture_output=True, text=True)
    listed = subprocess.run([*command, "--list", "--json"], env=environment, capture_output=True, text=True)

    assert process.returncode == 130
    assert "Traceback" not in errors
    assert again.returncode == 0, again.stderr
    assert len(json.loads(listed.stdout)["articles"]) == 400


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "bridge", "--limit", "99999999999999999999"),
        ("ask", "bridge", "--since", "10000-01-01"),
        ("ask", "Who?", "--index", "\0"),
    ],
)
def test_an_impossible_value_is_one_line_and_never_exit_1(run: Run, article: Path, arguments: tuple[str, ...]) -> None:
    run("index", str(article))

    status, _, err = run(*arguments)

    assert status == 2
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


def test_until_the_last_day_that_there_is_is_no_limit(run: Run, article: Path) -> None:
    assert run("ask", "Who cut the ribbon?", str(article), "--until", "9999-12-31")[0] == 0


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">/dev/full"])
def test_streams_that_cannot_be_written_to_are_no_answer(article: Path, tmp_path: Path, redirection: str) -> None:
    command = f'"$0" -m assistant ask "Who cut the ribbon?" "$1" --index "$2" {redirection}'

    result = subprocess.run(
        ["sh", "-c", command, sys.executable, str(article), str(tmp_path / "index")], capture_output=True, text=True
    )

    assert result.returncode == (2 if "full" in redirection else 0)
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr


def test_a_terminal_that_knows_only_ascii_gets_an_answer(article: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "assistant", "ask", "How much did the repairs of the bridge cost?", str(article)]

    result = subprocess.run(
        [*command, "--index", str(tmp_path / "index")], env=environment, capture_output=True, text=True
    )

    assert result.returncode == 0, result.stderr
    assert "2.4m" in result.stdout


def test_a_password_in_an_address_is_not_shown(run: Run, article: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://user:hunter2@127.0.0.1:1/v1")

    _, out, err = run("index", str(article), "--embedding-model", "openai:m")

    assert "hunter2" not in out + err


# A language model


@pytest.fixture
def model(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    """A server that answers, found through the environment."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    server.script = lambda _: Says(["Mayor Ana Ruiz cut the ribbon [2]. She wore a hat [2][99]."])
    return server


@pytest.mark.usefixtures("model")
def test_a_model_in_the_environment_answers_and_says_so_first(run: Run, article: Path) -> None:
    status, out, err = run("ask", "Who cut the ribbon?", str(article))

    assert status == 0
    assert err.splitlines()[1].startswith("Answered by openai:tiny at 127.0.0.1:")
    assert err.splitlines()[1].endswith("; nothing leaves this machine.")
    assert out.splitlines()[0] == "Mayor Ana Ruiz cut the ribbon. [1]"
    assert "(UNSUPPORTED: She wore a hat. [1] -- " in out
    assert "[99] names nothing that was shown.)" in " ".join(out.split())
    assert "[1] Vale Observer, 1 April 2025: Bridge reopens\n" in out


def test_quotes_answer_where_they_are_asked_for(run: Run, article: Path, model: ModelServer) -> None:
    status, out, err = run("ask", "Who cut the ribbon?", str(article), "--model", "quotes")

    assert status == 0
    assert out.startswith("Mayor Ana Ruiz cut the ribbon. [1]")
    assert "Answered by quotes" in err
    assert model.requests == []


@pytest.mark.usefixtures("model")
def test_what_a_model_did_is_in_the_json(run: Run, article: Path) -> None:
    status, out, _ = run(
        "ask", "Who cut the ribbon?", str(article), "--json", "--unsupported", "drop", "--price", "1/10"
    )

    answer = json.loads(out)
    assert status == 0
    assert [statement["text"] for statement in answer["statements"]] == ["Mayor Ana Ruiz cut the ribbon."]
    assert "She wore a hat [2][99]." in answer["written"]
    assert answer["usage"] == {"prompt_tokens": 200, "completion_tokens": 20, "cost": pytest.approx(0.0004)}
    assert answer["model"].startswith("openai:tiny@127.0.0.1")
    assert answer["notes"] == []


def test_a_model_that_does_not_know_is_exit_1(run: Run, article: Path, model: ModelServer) -> None:
    model.says("The articles don't answer this.")

    status, out, _ = run("ask", "Who won the cup?", str(article))

    assert status == 1
    assert out.startswith("The articles don't answer this.\n\nThe nearest passages:")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--max-cost", "0.1"), "isn't known, so its limit can't be kept"),
        (("--max-cost", "0.0001", "--price", "1/10"), "could cost"),
        (("--price", "cheap"), "write it as 0.25/2"),
        (("--unsupported", "hide"), "neither 'mark' nor 'drop'"),
        (("--window", "10"), "window 10 is too small"),
        (("--model", "anthropic:claude"), "run: pip install langchain-anthropic"),
    ],
)
def test_what_a_model_can_not_do_is_one_line(
    run: Run, article: Path, model: ModelServer, options: tuple[str, ...], message: str
) -> None:
    run("index", str(article))

    status, out, err = run("ask", "Who cut the ribbon?", *options)

    assert (status, out) == (2, "")
    assert message in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("assistant: ")
    assert not [request for request in model.requests if "messages" in request]


def test_a_model_that_fails_is_one_line_and_exit_2(run: Run, article: Path, model: ModelServer) -> None:
    model.queue = [Fails(401)]

    status, out, err = run("ask", "Who cut the ribbon?", str(article))

    assert (status, out) == (2, "")
    assert "refuses the key; check OPENAI_API_KEY" in err.splitlines()[-1]


def test_a_server_that_serves_no_model_is_one_line(run: Run, article: Path, model: ModelServer) -> None:
    run("index", str(article))
    model.models = []

    status, out, err = run("ask", "Who cut the ribbon?")

    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "lists no model; name one with --model openai:NAME" in err


def test_what_was_shown_when_a_model_breaks_off_has_its_sources(run: Run, article: Path, model: ModelServer) -> None:
    model.queue = [Says(["Ana Ruiz, the mayor, cut the ribbon [2]. She wore a hat [2]. And then"], is_cut=True)]

    status, out, err = run("ask", "Who cut the ribbon?", str(article))

    assert status == 2
    assert out.splitlines()[0] == "Ana Ruiz, the mayor, cut the ribbon. [1]"
    assert "[1] Vale Observer, 1 April 2025: Bridge reopens\n    “Mayor Ana Ruiz cut the ribbon.”\n" in out
    assert "hat" not in out
    assert "broke off in the middle of its answer; try again" in err.splitlines()[-1]


def test_json_of_an_answer_that_broke_off_has_what_there_was(run: Run, article: Path, model: ModelServer) -> None:
    model.queue = [Says(["Ana Ruiz, the mayor, cut the ribbon [2]. She wore a hat [2]. And then"], is_cut=True)]

    status, out, _ = run("ask", "Who cut the ribbon?", str(article), "--json")

    answer = json.loads(out)
    assert status == 2
    assert "broke off" in answer["error"]
    assert answer["written"].startswith("Ana Ruiz, the mayor, cut the ribbon [2].")
    assert answer["hashes"]
    assert answer["retrieved"]
    assert answer["prompts"]


def test_what_was_shown_when_it_is_interrupted_has_its_sources(run: Run, article: Path, model: ModelServer) -> None:
    run("index", str(article))
    words = [f" word {number}" for number in range(1_000)]
    model.queue = [Says(["Ana Ruiz, the mayor, cut the ribbon [2]. ", *words], pause_seconds=0.05)]
    command = [sys.executable, "-m", "assistant", "ask", "Who cut the ribbon?"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Ana Ruiz, the mayor, cut the ribbon. [1]\n"
        process.send_signal(2)
        out, err = process.communicate()

    assert process.returncode == 130
    assert "[1] Vale Observer, 1 April 2025: Bridge reopens\n" in out
    assert "word" not in out
    assert "Traceback" not in err


def test_a_model_that_breaks_off_before_anything_is_proven_shows_nothing(
    run: Run, article: Path, model: ModelServer
) -> None:
    model.queue = [Says(["She wore a hat [2]. And then"], is_cut=True)]

    status, out, err = run("ask", "Who cut the ribbon?", str(article))

    assert (status, out) == (2, "")
    assert "broke off" in err.splitlines()[-1]


def test_a_question_in_another_language_is_noticed(run: Run, article: Path) -> None:
    _, out, _ = run("ask", "Wer hat das Band durchgeschnitten?", str(article))

    assert "The question doesn't seem to be in English" in " ".join(out.split())


# Looking again


def test_index_says_what_has_changed_and_what_is_gone(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    for name in ("bridge", "toll"):
        (folder / f"{name}.md").write_text(f"# The {name}\n\nThe {name} stays.", encoding="utf-8")
    assert run("index", "stories")[0] == 0
    (folder / "bridge.md").write_text("# The bridge\n\nThe bridge fell.", encoding="utf-8")
    (folder / "toll.md").unlink()
    bridge, toll = ((folder / f"{name}.md").as_uri() for name in ("bridge", "toll"))

    status, out, err = run("index", "--update")

    assert (status, out) == (0, "")
    assert f"gone from its source, and still in the index: {toll}\n" in err
    assert "1 updated, 1 gone (1 passage in" in err
    assert "with --remove-gone" in err
    reported = json.loads(run("index", "--update", "--remove-gone", "--json")[1])
    assert (reported["gone"], reported["removed"], reported["unchanged"]) == ([toll], [toll], [bridge])
    status, out, _ = run("index", "--history", bridge)
    assert status == 0
    assert out.index("The bridge fell.") < out.index("The bridge stays.")
    told = json.loads(run("index", "--history", bridge, "--on", "2999-12-31", "--json")[1])["revisions"]
    assert [revision["text"].split("\n")[-1] for revision in told] == ["The bridge fell."]
    status, _, err = run("index", "--history", bridge, "--on", "2001-01-01")
    assert status == 2
    assert "wasn't known yet then" in err
    (folder / "empty.md").write_text("", encoding="utf-8")
    assert run("index", "--update")[0] == 0
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n")
    assert run("index", "--update")[0] == 2


def test_what_the_user_says_of_a_source_goes_before_what_it_says(run: Run, article: Path) -> None:
    status, _, _ = run("index", str(article), "--outlet", "Alder Echo", "--published", "2025-04-02")

    assert status == 0
    assert "Alder Echo, 2 April 2025: Bridge reopens" in run("index", "--list")[1]
    status, _, err = run("index", str(article), "--published", "someday")
    assert status == 2
    assert "someday" in err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("index",), "give a source"),
        (("index", "x.md", "--update"), "give sources, or --update"),
        (("index", "--update", "--outlet", "Echo"), "are remembered of the sources"),
        (("index", "--list", "--remove-gone"), "--remove-gone needs"),
        (("index", "x.md", "--trust-sources"), "--trust-sources is said with --update"),
        (("index", "--list", "--on", "2025-01-01"), "--on is said with"),
        (("index", "--history", "nothing"), "no article has the id"),
    ],
)
def test_options_of_index_that_make_no_sense_are_refused(run: Run, arguments: tuple[str, ...], complaint: str) -> None:
    status, out, err = run(*arguments)

    assert (status, out) == (2, "")
    assert complaint in err


def test_an_interrupted_index_says_that_the_same_command_goes_on(
    run: Run, article: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("assistant.library.Library.add", interrupt)

    status, out, err = run("index", str(article))

    assert (status, out) == (130, "")
    assert err == "assistant: interrupted; what was finished is kept, and the same command goes on from there\n"


def test_a_terminal_shows_how_far_and_how_fast_it_is(run: Run, article: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    status, _, err = run("index", str(article))

    assert status == 0
    assert "Indexing" in err
    assert "1/1" in err
    assert "/s" in err


def test_standard_input_answers(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ARTICLE.encode())))

    status, out, _ = run("ask", "Who cut the ribbon?", "-")

    assert status == 0
    assert "Mayor Ana Ruiz cut the ribbon." in out


# Questions by the line


def read_lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_questions_of_a_file_are_answered_in_order(run: Run, article: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    lines = [
        "Who cut the ribbon?",
        '{"question": "Who cut the',
        '{"question": "How much did the repairs of the bridge cost?", "id": "q-3"}',
        '{"question": "Who cut the ribbon?", "since": "2026-01-01", "id": 4}',
        '{"question": "Who cut the ribbon?", "since": "someday", "id": 5}',
        '{"question": ""}',
        '"Who cut the ribbon?"',
    ]
    questions.write_text("\n".join(lines), encoding="utf-8")

    status, out, err = run("ask", "--questions", str(questions), str(article))

    answers = read_lines(out)
    assert status == 2
    assert [answer.get("abstained") for answer in answers] == [False, None, False, True, None, None, False]
    assert [answer.get("id") for answer in answers] == [None, None, "q-3", 4, 5, None, None]
    assert answers[1] == {"question": None, "error": "line 2 is no JSON"}
    assert "£2.4m" in answers[2]["answer"]
    assert "someday" in answers[4]["error"]
    assert answers[5] == {"question": "", "error": "the question is empty; ask something"}
    assert read_answer(answers[6]) == replace(read_answer(answers[0]), seconds=answers[6]["seconds"])
    assert "1 added" in err
    assert '3 of 7 questions failed; the "error" of each says why' in err

    file = tmp_path / "answers.jsonl"
    file.write_text(out, encoding="utf-8")
    status, out, _ = run("check", str(file))
    assert (status, out) == (0, "All 3 quotes stand in their articles as they are now (4 answers).\n")


def test_questions_come_from_standard_input_and_options_hold_for_all(
    run: Run, article: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("index", str(article))

    def ask(text: str, *options: str) -> tuple[int, list[dict[str, Any]]]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        status, out, _ = run("ask", "--questions", "-", *options)
        return status, read_lines(out)

    assert ask("") == (1, [])
    status, answers = ask('Who cut the ribbon?\n{"question": "Who cut the ribbon?", "since": "2025-01-01"}\n')
    assert (status, [answer["abstained"] for answer in answers]) == (0, [False, False])
    narrow = ("--since", "2026-01-01")
    status, answers = ask('Who cut the ribbon?\n{"question": "Who cut the ribbon?", "since": "2025-01-01"}\n', *narrow)
    assert (status, [answer["abstained"] for answer in answers]) == (0, [True, False])
    assert ask("Who cut the ribbon?", *narrow)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("ask",), "give a QUESTION, or --questions FILE"),
        (("ask", "--questions", "nowhere.jsonl"), "nowhere.jsonl: can't be read"),
        (("ask", "--questions", "."), ".: can't be read"),
        (("ask", "--questions", "-", "-"), "questions or an article, not both"),
        (("history", "ferry", "--show", "2026-01-01-abcd"), "give words, --show ID or --remove ID"),
        (("history", "--show", "2026-01-01-abcd"), "no conversation has the id"),
        (("history", "--remove", "x"), "no conversation has the id"),
        (("check", "nowhere.json"), "nowhere.json: can't be read"),
    ],
)
def test_what_can_not_be_asked_checked_or_shown_is_one_line(
    run: Run, arguments: tuple[str, ...], complaint: str
) -> None:
    status, out, err = run(*arguments)

    assert (status, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1


def start_asking(tmp_path: Path, article: Path, **streams: Any) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "assistant", "ask", "--questions", "-", str(article)]
    environment = {**os.environ, "ASSISTANT_INDEX": str(tmp_path / "index"), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, **streams
    )


def test_an_interrupt_leaves_what_was_answered(tmp_path: Path, article: Path) -> None:
    with start_asking(tmp_path, article, stdout=subprocess.PIPE) as asking:
        assert asking.stdin is not None
        assert asking.stdout is not None
        asking.stdin.write(b"Who cut the ribbon?\n")
        asking.stdin.flush()
        line = asking.stdout.readline()  # each comes as soon as it is there, though more may follow

        asking.send_signal(signal.SIGINT)
        rest, err = asking.communicate()

    assert "Ana Ruiz" in json.loads(line)["answer"]
    assert (asking.returncode, rest) == (130, b"")
    assert b"Traceback" not in err


def test_a_reader_that_has_seen_enough_ends_the_asking(tmp_path: Path, article: Path) -> None:
    with start_asking(tmp_path, article, stdout=subprocess.PIPE) as asking:
        assert asking.stdin is not None
        assert asking.stdout is not None
        asking.stdin.write(b"Who cut the ribbon?\n")
        asking.stdin.flush()
        asking.stdout.readline()
        asking.stdout.close()
        asking.stdin.write(b"Who cut the ribbon?\n" * 3)
        asking.stdin.flush()
        asking.wait(60)
        assert asking.stderr is not None
        err = asking.stderr.read()

    assert asking.returncode == 0
    assert b"Traceback" not in err
    assert b"Broken" not in err


def test_json_of_a_reply_that_breaks_off_is_what_was_proven(
    run: Run, article: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    cut = Says(["Mayor Ana Ruiz cut the ribbon [2]. ", "The old bridge"], is_cut=True)
    server.queue = [cut, cut]

    status, out, err = run("ask", "Who cut the ribbon?", str(article), "--json", "--no-cache")

    answer = json.loads(out)
    assert status == 2
    assert answer["answer"] == "Mayor Ana Ruiz cut the ribbon."
    assert answer["error"] in err
    assert read_answer(answer).citations[0].quote == "Mayor Ana Ruiz cut the ribbon."

    (article.parent / "questions").write_text('{"question": "Who cut the ribbon?", "id": 1}', encoding="utf-8")
    status, out, _ = run("ask", "--questions", "questions", "--no-cache")
    assert status == 2
    (again,) = read_lines(out)
    assert (again["id"], again["answer"], again["error"]) == (1, answer["answer"], answer["error"])


def test_json_of_a_reply_that_proves_nothing_is_the_question_and_the_error(
    run: Run, article: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    server.queue = [Says(["The old"], is_cut=True), Fails(401)]

    for _ in server.queue[:]:
        status, out, err = run("ask", "Who cut the ribbon?", str(article), "--json")

        failed = json.loads(out)
        assert status == 2
        assert failed == {"question": "Who cut the ribbon?", "error": failed["error"]}
        assert failed["error"] in err
    assert run("ask", "Who cut the ribbon?", "--json", "--model", "x")[:2] == (2, "")
    verified = run("ask", "Who cut the ribbon?", "--json", "--model", "quotes", "--verifier", "openai:judge")
    assert verified[:2] == (2, "")
    assert "quotes are verbatim, so there is nothing to verify: leave --verifier out" in verified[2]


# Conversations and checks


def test_history_lists_searches_shows_and_removes(run: Run, article: Path, tmp_path: Path) -> None:
    run("index", str(article))
    assert run("history")[:2] == (1, "No conversation was found.\n")
    with Assistant.open(tmp_path / "index") as assistant:
        id = assistant.conversations.start()
        for question in ("Who cut the ribbon?", "Who won the Champions League final?"):
            assistant.conversations.keep(id, assistant.ask(question))

    status, out, _ = run("history")
    assert status == 0
    assert out.startswith(f"{id}  ")
    assert "2 questions: Who cut the ribbon?" in out
    assert run("history", "champions", "RIBBON")[0] == 0
    assert run("history", "tram")[0] == 1
    (listed,) = json.loads(run("history", "--json")[1])["conversations"]
    assert (listed["id"], listed["turns"]) == (id, 2)

    status, out, _ = run("history", "--show", id)
    assert status == 0
    assert "1. Who cut the ribbon? (" in out
    assert "Mayor Ana Ruiz cut the ribbon. [1]" in out
    assert "2. Who won the Champions League final? (" in out

    file = tmp_path / "conversation.json"
    file.write_text(run("history", "--show", id, "--json")[1], encoding="utf-8")
    assert run("check", str(file))[:2] == (
        0,
        "The one quote stands in its article as it is now (2 answers).\n",
    )

    status, out, err = run("history", "--remove", id, "--json")
    assert (status, json.loads(out), err) == (0, {"removed": id}, f"removed: {id}\n")
    assert run("history")[0] == 1


def test_check_says_what_does_not_hold(
    run: Run, article: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "answer.json"
    file.write_text(run("ask", "Who cut the ribbon?", str(article), "--json")[1], encoding="utf-8")
    altered = tmp_path / "altered.json"
    altered.write_text(file.read_text(encoding="utf-8").replace("Ana Ruiz", "Eva Ruiz"), encoding="utf-8")

    assert run("check", str(file))[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
        assert run("check", "-")[0] == 0
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"[]")))
        assert "standard input: no answers" in run("check", "-")[2]
    status, out, _ = run("check", str(altered))
    assert status == 1
    assert "The one quote does not stand" in out
    assert "“Mayor Eva Ruiz cut the ribbon.”" in out

    article.write_text(ARTICLE.replace("Ana Ruiz", "Eva Ruiz"), encoding="utf-8")
    run("index", "--update")
    status, out, _ = run("check", str(file))
    assert status == 1
    assert re.search(r"doesn't say this any more; it did\s+until\s+20\d\d-\d\d-\d\d", out)
    assert "Changed since: Vale Observer, 1 April 2025: Bridge reopens" in out
    assert json.loads(run("check", str(file), "--json")[1])["citations"][0]["verdict"] == "changed"

    run("index", "--remove", article.as_uri())
    status, out, _ = run("check", str(file))
    assert status == 1
    assert "the article was removed" in " ".join(out.split())
    status, out, err = run("check", str(article))
    assert (status, out) == (2, "")
    assert "no answers as the assistant writes them" in err


def test_no_question_is_none_that_was_answered(run: Run, article: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("index", str(article))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\n")))

    assert run("ask", "--questions", "-")[:2] == (1, "")


def test_what_was_removed_is_said(run: Run, article: Path) -> None:
    run("index", str(article))
    id = run("index", "--list")[1].splitlines()[1].strip()

    assert run("index", "--remove", id) == (0, "", f"removed: {id}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_standard_output_that_is_full_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assistant", "completion", "bash"]
    with open("/dev/full", "w") as full:  # noqa: PTH123  # it is no file
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "assistant: standard output can't be written: No space left on device" in done.stderr


def test_shells_offer_what_becomes_of_the_unproven(tmp_path: Path) -> None:
    asked = {"_ASSISTANT_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "assistant ask --unsupported "}
    environment = {**os.environ, **asked, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    command = [str(Path(sys.executable).with_name("assistant"))]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["mark", "drop"]


@pytest.mark.parametrize("is_first", [True, False])
def test_offline_refuses_every_connection_in_one_line(
    run: Run, article: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    def look_up(host: object, *_: object, **__: object) -> None:
        raise AssertionError(f"{host} was looked up")

    def offline(command: str, *arguments: str) -> tuple[int, str, str]:
        return run("--offline", command, *arguments) if is_first else run(command, *arguments, "--offline")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", look_up)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)

    assert offline("ask", "Who cut the ribbon?", str(article))[0] == 0  # with quotes, though there is a server
    status, out, err = offline("ask", "Who?", "--model", "openai:tiny")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "can't be asked offline" in err
    status, _, err = offline("index", "https://news.example/feed")
    assert status == 2
    assert "https://news.example/feed: not fetched offline: leave --offline out" in err
    status, _, err = offline("index", str(article), "--embedding-model", "openai:e", "--index", "other")
    assert status == 2
    assert "can't be used offline" in err
    assert server.requests == []


def test_a_question_may_be_about_offline(run: Run, article: Path) -> None:
    assert run("ask", "--", "--offline", str(article))[0] == 1


# A shared library


def test_who_has_the_address_and_an_empty_folder_is_answered(
    run: Run, article: Path, tmp_path: Path, chroma: ChromaRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = ("--chroma", chroma.url, "--index", make_name())
    assert run("index", str(article), *shared)[0] == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    status, out, err = run("ask", "How much did the repairs of the bridge cost?", "--json", *shared)

    assert status == 0
    answer = json.loads(out)
    for citation in answer["citations"]:
        assert citation["quote"] in ARTICLE
    assert f"questions are searched for, and articles kept, at {chroma.url}" in err
    assert run("doctor", *shared)[0] == 0
    assert run("index", "--list", *shared)[1].startswith("Vale Observer")
    assert not any(path.suffix == ".sqlite3" for path in tmp_path.rglob("*"))


def test_a_shared_library_looks_again_at_the_files_of_a_machine(
    run: Run, article: Path, chroma: ChromaRun, tmp_path: Path
) -> None:
    shared = ("--chroma", chroma.url, "--index", make_name())
    run("index", str(article), *shared)
    article.write_text(ARTICLE.replace("£2.4m", "£3.1m"), encoding="utf-8")

    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("HOME", str(tmp_path / "elsewhere"))
        status, _, err = run("index", "--forget-source", str(article), *shared)
    updated = run("index", "--update", *shared)
    history = run("index", "--history", article.as_uri(), *shared)

    assert status == 2
    assert "was never added as a source from this machine; there are none" in err
    assert "1 updated" in updated[2]
    assert history[1].count("Bridge reopens") == 2
    assert history[1].index("£3.1m") < history[1].index("£2.4m")


def test_a_server_that_is_gone_is_one_line_and_no_token_is_printed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_CHROMA_TOKEN", "canary-token")
    monkeypatch.setenv("ASSISTANT_CHROMA_URL", "http://127.0.0.1:9")

    status, out, err = run("ask", "Who cut the ribbon?")

    assert status == 2
    assert "the Chroma server can't be reached" in err
    assert "Traceback" not in err
    assert "canary" not in out + err


def test_another_machine_without_encryption_is_refused(run: Run) -> None:
    status, _, err = run("ask", "Who cut the ribbon?", "--chroma", "http://chroma.example:8000")

    assert status == 2
    assert "--insecure" in err
